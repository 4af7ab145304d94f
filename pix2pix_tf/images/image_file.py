"""Types of image files, on disk or in memory, and of the meaning of their channels."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from pix2pix_tf.images.nodata import DECLARED, NodataRule

# The meaning of the channels of an image; `bands` is any number of channels that are not colours.
ColourMode = Literal["grey", "grey + alpha", "RGB", "RGBA", "bands"]

# The order of the axes of an array with channels: last, or first.
Axes = Literal["YXC", "CYX"]


class Reading(NamedTuple):
    """What is asked of an image file before it is opened; see `pix2pix_tf.images.axes`.

    Attributes:
        channels: The number of channels that it is read with; None if any will do.
        axes: The order of its axes if the file does not name them; None if it is not known.
        nodata: Which values stand for no data, see `pix2pix_tf.images.nodata`: one rule, or one for
            each half of a side-by-side pair.
        array: The name of the array to read of a .npz file that has several; None for the only one.
    """

    channels: int | None = None
    axes: Axes | None = None
    nodata: tuple[NodataRule, ...] = DECLARED
    array: str | None = None


ANY_READING = Reading()  # for files that name their axes, with their own channels


@dataclass(frozen=True)
class ImageBytes:
    """An image file in memory, which is read like one on disk.

    Attributes:
        name: The name of the file in error messages.
        data: The content of the file.
    """

    name: str
    data: bytes

    def open(self, mode: str) -> BinaryIO:
        """Opens the content as a binary file, like `Path.open`."""
        return io.BytesIO(self.data)

    def read_bytes(self) -> bytes:
        """Returns the content of the file, like `Path.read_bytes`."""
        return self.data

    def __str__(self) -> str:
        return self.name


ImageFile = str | Path | ImageBytes
OpenableFile = Path | ImageBytes


def openable(file: ImageFile) -> OpenableFile:
    """Converts a file to an object with `open` and `read_bytes`."""
    return file if isinstance(file, ImageBytes) else Path(file)
