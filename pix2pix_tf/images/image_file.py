"""An image file to read, on disk or in memory, and what its channels are."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

# What the channels of an image are; `bands` are any number of channels that are no colours.
ColourMode = Literal["grey", "grey + alpha", "RGB", "RGBA", "bands"]


@dataclass(frozen=True)
class ImageBytes:
    """An image file held in memory, read as one on disk is.

    Attributes:
        name: What error messages call it.
        data: The content of the file.
    """

    name: str
    data: bytes

    def open(self, mode: str) -> BinaryIO:
        """Opens the content as a binary file, like `Path.open`."""
        return io.BytesIO(self.data)

    def read_bytes(self) -> bytes:
        """The content of the file, like `Path.read_bytes`."""
        return self.data

    def __str__(self) -> str:
        return self.name


ImageFile = str | Path | ImageBytes
OpenableFile = Path | ImageBytes


def openable(file: ImageFile) -> OpenableFile:
    """The file as an object with `open` and `read_bytes`."""
    return file if isinstance(file, ImageBytes) else Path(file)
