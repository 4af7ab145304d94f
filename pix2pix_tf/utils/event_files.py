"""TensorBoard event files, checked after every write since TensorFlow ignores some disk errors."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import CUT_SHORT, write_error_message, writing


class EventFile:
    """An event file whose content is verified after every write.

    TensorFlow buffers small records and raises an error if writing the buffer fails, but it ignores
    errors of a record larger than the buffer, such as an image. So the file itself is checked.

    Attributes:
        writer: TensorFlow's summary writer.
    """

    def __init__(self, folder: Path) -> None:
        """Creates a new event file.

        Args:
            folder: The folder of the file, created if it does not exist.

        Raises:
            UserError: The file cannot be written.
        """
        before = set(folder.glob("events.*"))
        with writing(folder):
            self.writer = tf.summary.create_file_writer(str(folder))
        self._folder, self._end = folder, 0
        (self._file,) = set(folder.glob("events.*")) - before

    @contextmanager
    def at(self, step: int) -> Iterator[None]:
        """Writes the summaries of its block at a step, and checks that the file holds them.

        Args:
            step: The training step of the summaries.

        Raises:
            UserError: The summaries could not be written.
        """
        with writing(self._folder), self.writer.as_default(step):
            yield
        end = end_of_last_record(self._file, self._end)
        if end in (None, self._end):
            raise UserError(write_error_message(self._folder, CUT_SHORT))
        self._end = end

    def close(self) -> None:
        """Closes the file."""
        with writing(self._folder):
            self.writer.close()


def end_of_last_record(file: Path, start: int) -> int | None:
    """Returns the offset at which the last record after `start` ends; None if it is truncated."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        while start < size:
            stream.seek(start)
            head = stream.read(8)
            if len(head) < 8:
                return None
            start += 8 + 4 + struct.unpack("<Q", head)[0] + 4  # length, checksum, data, checksum
    return start if start == size else None
