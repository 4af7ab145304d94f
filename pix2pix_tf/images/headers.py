"""Size, type and channels of image files by their headers, at the rate that a million files need.

Headers of the usual PNG and JPEG files are read here from the first bytes, some twenty times as
fast as Pillow opens a file. All others, and whatever is unusual or damaged, are opened as for
reading (`images.io`), so that errors are the same.
"""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pix2pix_tf.images.file_structure import PNG_SIGNATURE
from pix2pix_tf.images.image_file import ANY_READING, ColourMode, Reading
from pix2pix_tf.images.io import MODE_OF_CHANNELS, PIXELS_AT_MOST, open_image_file
from pix2pix_tf.images.orientation import ORIENTATION_TAG, TRANSPOSED
from pix2pix_tf.images.pillow_image import PillowImage

_HEAD_BYTES = 4096
_OPENING = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)  # pipes

# Chunks before the pixels of a PNG that change neither its size nor its channels.
_PLAIN_CHUNKS = {
    *(b"PLTE", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"pHYs", b"sBIT", b"bKGD", b"tIME"),
    *(b"tEXt", b"zTXt", b"iTXt", b"hIST", b"sPLT", b"oFFs", b"sCAL", b"pCAL"),
}
# Number of channels and greatest bit depth that are read here, by the colour type of a PNG. Alpha
# of 16 bits is left out, since it is dropped where all of it is opaque.
_PNG_COLOURS = {0: (1, 16), 2: (3, 16), 3: (3, 8), 4: (2, 8), 6: (4, 8)}

# Texts in a PNG that may say how it is turned, as Pillow understands them.
_TURNING_TEXTS = (b"XML:com.adobe.xmp", b"Raw profile type")

_FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended and progressive JPEG
_APP_0, _APP_1, _APP_2, _APP_15 = 0xE0, 0xE1, 0xE2, 0xEF
_TABLES_AND_COMMENTS = {0xDB, 0xC4, 0xDD, 0xFE}
_EXIF = b"Exif\0\0"


class ImageHeader(NamedTuple):
    """What the header of an image file says of its pixels.

    Attributes:
        height, width: The upright size in pixels.
        dtype: The type of the values.
        channels: The number of channels. It may be one more than that of the decoded image, where
            it takes the pixels to see that alpha is not used.
        colour_mode: The meaning of the channels.
    """

    height: int
    width: int
    dtype: np.dtype
    channels: int
    colour_mode: ColourMode

    @property
    def is_too_large(self) -> bool:
        """Whether there are more pixels than are decoded at once."""
        weight = math.ceil(self.channels * self.dtype.itemsize / 8)
        return self.height * self.width * weight > PIXELS_AT_MOST


def read_header(path: Path, reading: Reading = ANY_READING) -> ImageHeader:
    """Reads what the header of an image file says of its pixels.

    Args:
        path: The file.
        reading: The number of channels and the order of axes that are asked for.

    Raises:
        UserError: The file cannot be used by its header; damaged pixels are not detected.
    """
    return _sniff(_head(path)) or _open(path, reading)


def _head(path: Path) -> bytes:
    try:
        descriptor = os.open(path, _OPENING)
    except (OSError, ValueError):
        return b""  # opening it again raises the error
    try:
        return os.read(descriptor, _HEAD_BYTES)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _open(path: Path, reading: Reading) -> ImageHeader:
    with open_image_file(path, reading) as opened:
        channels = opened.channels if isinstance(opened, PillowImage) else opened.bands
        colour_mode = opened.colour_mode or MODE_OF_CHANNELS[channels]
        return ImageHeader(opened.height, opened.width, opened.dtype, channels, colour_mode)


def _sniff(head: bytes) -> ImageHeader | None:
    """Returns the header of a usual PNG or JPEG; None for all other files."""
    try:
        if head.startswith(PNG_SIGNATURE):
            return _png(head)
        return _jpeg(head) if head.startswith(b"\xff\xd8") else None
    except (IndexError, struct.error):  # it goes beyond these bytes
        return None


def _png(head: bytes) -> ImageHeader | None:
    length, kind, width, height, depth, colour = struct.unpack_from(">I4sIIBB", head, 8)
    channels, deepest = _PNG_COLOURS.get(colour, (0, 0))
    if kind != b"IHDR" or length != 13 or depth > deepest or not width * height:
        return None
    offset = 33
    while (chunk := head[offset + 4 : offset + 8]) != b"IDAT":
        if chunk not in _PLAIN_CHUNKS:
            return None
        offset += 12 + int.from_bytes(head[offset : offset + 4], "big")
    if any(text in head[:offset] for text in _TURNING_TEXTS):
        return None
    return _header(height, width, 16 if depth == 16 else 8, channels)


def _jpeg(head: bytes) -> ImageHeader | None:
    offset, orientation = 2, None
    while True:
        start, marker, length = struct.unpack_from(">BBH", head, offset)
        if start != 0xFF or length < 2:
            return None
        if marker in _FRAMES:
            depth, height, width, channels = struct.unpack_from(">BHHB", head, offset + 4)
            if depth != 8 or channels not in (1, 3) or not width * height:
                return None
            if orientation in TRANSPOSED:
                height, width = width, height
            return _header(height, width, 8, channels)
        content = head[offset + 4 : offset + 2 + length]
        if marker == _APP_1:
            if orientation is not None or not content.startswith(_EXIF):  # XMP may turn it too
                return None
            orientation = _orientation(content.removeprefix(_EXIF))
        elif not (marker in _TABLES_AND_COMMENTS or _APP_0 <= marker <= _APP_15):
            return None
        if marker == _APP_2 and content.startswith(b"MPF"):  # several images
            return None
        offset += 2 + length


def _orientation(exif: bytes) -> int:
    """Returns the orientation in an EXIF block, 1 if it has none.

    Raises:
        struct.error: The block is not as it should be.
    """
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        raise struct.error
    (directory,) = struct.unpack_from(f"{order}4xI", exif)
    (count,) = struct.unpack_from(f"{order}H", exif, directory)
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        tag, kind, number, value = struct.unpack_from(f"{order}HHIH", exif, entry)
        if tag == ORIENTATION_TAG:
            if (kind, number) != (3, 1):
                raise struct.error
            return value
    return 1


def _header(height: int, width: int, bits: int, channels: int) -> ImageHeader:
    dtype = np.dtype(np.uint16 if bits == 16 else np.uint8)
    return ImageHeader(height, width, dtype, channels, MODE_OF_CHANNELS[channels])
