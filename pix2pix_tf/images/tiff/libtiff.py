"""Segments decoded by Pillow's libtiff, each as a TIFF of its own.

tifffile by itself would need the package imagecodecs for LZW, JPEG, CCITT and the like.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np

from pix2pix_tf.images.tiff.tags import BLACK_IS_ZERO, Tag


def decompress(data: bytes, compression: int, rows: int, row: int) -> bytes:
    """What a segment of rows of so many bytes was before it was compressed."""
    tags = {
        Tag.width: row,
        Tag.height: rows,
        Tag.bits: 8,
        Tag.compression: compression,
        Tag.photometric: BLACK_IS_ZERO,
        Tag.samples: 1,
        Tag.rows: rows,
    }
    return decode_pixels(tags, data).tobytes()


def decode_pixels(tags: dict[int, Any], data: bytes) -> np.ndarray:
    """Decode one segment as a TIFF of its own, by Pillow."""
    from PIL import TiffImagePlugin

    # Not by Image.open, whose limit on pixels is for files whose size nobody has looked at.
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(_one_segment(tags, data)))
    image.load()
    return np.array(image)


def _one_segment(tags: dict[int, Any], data: bytes) -> bytes:
    """A little-endian TIFF of one strip."""
    start = 8 + 2 + 12 * (len(tags) + 2) + 4
    extra, entries = b"", []
    tags = {**tags, Tag.strip_bytes: len(data)}
    for tag, value in sorted({**tags, Tag.strips: 0}.items()):
        if tag == Tag.strips:
            continue
        kind, count, packed = _packed(value)
        if len(packed) > 4:
            place = struct.pack("<I", start + len(extra))
            extra += packed + b"\0" * (len(packed) % 2)
            packed = place
        entries.append((tag, struct.pack("<HHI", tag, kind, count) + packed.ljust(4, b"\0")))
    where = start + len(extra)
    entries.append((Tag.strips, struct.pack("<HHII", Tag.strips, 4, 1, where)))
    table = b"".join(entry for _, entry in sorted(entries))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4) + extra + data


def _packed(value: Any) -> tuple[int, int, bytes]:
    """Type, count and bytes of a tag's value."""
    if isinstance(value, bytes):
        return 7, len(value), value
    values = value if isinstance(value, tuple | list) else (value,)
    if max(values) < 65536:
        return 3, len(values), struct.pack(f"<{len(values)}H", *values)
    return 4, len(values), struct.pack(f"<{len(values)}I", *values)
