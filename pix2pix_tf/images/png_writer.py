"""Writing of PNG files of 16 bits, which Pillow does not write, and what else PNG files say."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Any

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
        tags: What else the file says, see `png_options`.
    """
    import tensorflow as tf  # imported here because it takes seconds and few files need it

    with tf.init_scope():  # runs eagerly even while a caller is traced
        content = tf.io.encode_png(np.ascontiguousarray(image)).numpy()
    chunks = [] if info is None else info.chunks
    texts = b"".join(_chunk(name, data) for name, data, *_ in chunks)
    said = png_options(image, tags)
    return content[:_HEADER_BYTES] + _chunks_of(said) + texts + content[_HEADER_BYTES:]


def png_options(image: np.ndarray, tags: CarriedTags) -> dict[str, Any]:
    """Returns keyword arguments of Pillow to write a PNG: the resolution and the colour profile.

    Args:
        image: uint8 or uint16 [H, W, 1..4].
        tags: What the file says beside values.
    """
    dpi = None if tags.resolution is None else tags.resolution.per_inch
    profile = tags.profile_for(image.dtype, image.shape[2])
    options = {"dpi": dpi, "icc_profile": profile}
    return {name: value for name, value in options.items() if value is not None}


def _chunks_of(options: Mapping[str, Any]) -> bytes:
    """Returns chunks with what `png_options` returns, as Pillow writes them."""
    found = b""
    if "icc_profile" in options:
        found += _chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(options["icc_profile"]))
    if "dpi" in options:
        per_metre = (min(round(value / 0.0254), _LARGEST) for value in options["dpi"])
        found += _chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1))
    return found


def _chunk(name: bytes, data: bytes) -> bytes:
    """Returns a chunk of a PNG file: length, name, data and checksum."""
    checksum = zlib.crc32(name + data)
    return len(data).to_bytes(4, "big") + name + data + checksum.to_bytes(4, "big")
