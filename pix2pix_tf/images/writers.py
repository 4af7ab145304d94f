"""Writing of what Pillow does not: 16-bit PNG files, and TIFF files of any channels and type."""

from __future__ import annotations

import struct
import zlib
from typing import Any, BinaryIO

import numpy as np
from PIL.PngImagePlugin import PngInfo

from pix2pix_tf.images.carried_tags import NO_TAGS, CarriedTags

_LARGEST = 2**31 - 1  # number of a PNG
_HEADER_BYTES = 33  # of a PNG file: the signature and the chunk IHDR


def png_holds(dtype: np.dtype, channels: int) -> bool:
    """Whether PNG files hold images of a type and a number of channels: those that may be colours.

    Example:
        >>> png_holds(np.dtype(np.uint16), 4), png_holds(np.dtype(np.float32), 3)
        (True, False)
    """
    return dtype in (np.uint8, np.uint16) and channels <= 4


def encode_png16(
    image: np.ndarray, info: PngInfo | None = None, tags: CarriedTags = NO_TAGS
) -> bytes:
    """Encodes an image as the content of a PNG file.

    Args:
        image: uint16 [H, W, 1..4].
        info: Texts to add to the file.
        tags: What else the file says, of which PNG has a place for the resolution.
    """
    import tensorflow as tf  # imported here because it takes seconds and few files need it

    with tf.init_scope():  # runs eagerly even while a caller is traced
        content = tf.io.encode_png(np.ascontiguousarray(image)).numpy()
    chunks = [] if info is None else info.chunks
    texts = b"".join(_chunk(name, data) for name, data, *_ in chunks)
    return content[:_HEADER_BYTES] + _resolution(tags) + texts + content[_HEADER_BYTES:]


def write_tiff(
    file: BinaryIO,
    image: np.ndarray,
    description: str | None = None,
    tags: CarriedTags = NO_TAGS,
) -> None:
    """Writes an image as a TIFF file of interleaved bands.

    Grey, RGB and alpha (as the last channel) of 8 and 16 bits are marked as such; other images are
    bands without a meaning.

    Args:
        file: The file, opened for writing.
        image: Integers or floats [H, W, C].
        description: Text in ASCII that the file describes itself with.
        tags: What else the file says.
    """
    import tifffile  # imported here because few files need it

    channels = image.shape[2]
    is_colour = png_holds(image.dtype, channels)
    options: dict[str, Any] = tags.tiff_options()
    if is_colour and channels in (2, 4):
        options["extrasamples"] = ["unassalpha"]
    tifffile.imwrite(
        file,
        image[..., 0] if channels == 1 else image,
        photometric="rgb" if is_colour and channels >= 3 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        description=description,
        metadata=None,
        **options,
    )


def _resolution(tags: CarriedTags) -> bytes:
    """Returns the chunk with the resolution; empty if there is none in a unit of length."""
    dpi = None if tags.resolution is None else tags.resolution.per_inch
    if dpi is None:
        return b""
    per_metre = (min(round(value / 0.0254), _LARGEST) for value in dpi)
    return _chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1))


def _chunk(name: bytes, data: bytes) -> bytes:
    """Returns a chunk of a PNG file: length, name, data and checksum."""
    checksum = zlib.crc32(name + data)
    return len(data).to_bytes(4, "big") + name + data + checksum.to_bytes(4, "big")
