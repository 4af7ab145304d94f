"""TensorBoard's files, watched: TensorFlow says nothing where a large record finds no room."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import CUT_SHORT, write_error_message, writing


class EventFile:
    """A file of summaries that is known to hold what was written to it.

    Small records wait in a buffer, and TensorFlow passes on the error of writing that; the error of
    a record larger than the buffer, such as a picture, it drops. So the file is looked at.

    Attributes:
        writer: TensorFlow's own.
    """

    def __init__(self, folder: Path) -> None:
        """Opens a new file in a folder, made if it is not there.

        Raises:
            UserError: It cannot be written.
        """
        before = set(folder.glob("events.*"))
        with writing(folder):
            self.writer = tf.summary.create_file_writer(str(folder))
        self._folder, self._whole = folder, 0
        (self._file,) = set(folder.glob("events.*")) - before

    @contextmanager
    def at(self, step: int) -> Iterator[None]:
        """Within it, summaries of `step` are written; at the end they are in the file.

        Raises:
            UserError: They are not.
        """
        with writing(self._folder), self.writer.as_default(step):
            yield
        whole = end_of_last_record(self._file, self._whole)
        if whole in (None, self._whole):
            raise UserError(write_error_message(self._folder, CUT_SHORT))
        self._whole = whole

    def close(self) -> None:
        """Closes it."""
        with writing(self._folder):
            self.writer.close()


def end_of_last_record(file: Path, start: int) -> int | None:
    """Where the last record ends, looking from a record's `start`; None if one is cut short."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        while start < size:
            stream.seek(start)
            head = stream.read(8)
            if len(head) < 8:
                return None
            start += 8 + 4 + struct.unpack("<Q", head)[0] + 4  # length, checksum, data, checksum
    return start if start == size else None
