"""Decoding of segments by Pillow's libtiff, each as a separate TIFF.

tifffile would need the package imagecodecs for LZW, JPEG, CCITT and similar compressions.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np

from pix2pix_tf.images.tiff.tags import BLACK_IS_ZERO, Tag


def decompress(data: bytes, compression: int, rows: int, row: int) -> bytes:
    """Decompresses a segment.

    Args:
        data: The compressed bytes.
        compression: The number of the compression.
        rows: The number of rows of the segment.
        row: The number of bytes of a row.

    Returns:
        The decompressed bytes, `rows` × `row`.
    """
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
    """Decodes one segment as a separate TIFF by Pillow.

    Args:
        tags: The values of the tags of that TIFF, by their numbers.
        data: The bytes of the segment.
    """
    from PIL import TiffImagePlugin

    # Image.open would limit the number of pixels, which has been checked already.
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(_one_segment(tags, data)))
    image.load()
    return np.array(image)


def _one_segment(tags: dict[int, Any], data: bytes) -> bytes:
    """Returns a little-endian TIFF of one strip."""
    start = 8 + 2 + 12 * (len(tags) + 2) + 4
    extra, entries = b"", []
    tags = {**tags, Tag.strip_bytes: len(data)}
    for tag, value in sorted({**tags, Tag.strips: 0}.items()):
        if tag == Tag.strips:
            continue
        kind, count, packed = _packed(value)
        if len(packed) > 4:
            offset = struct.pack("<I", start + len(extra))
            extra += packed + b"\0" * (len(packed) % 2)
            packed = offset
        entries.append((tag, struct.pack("<HHI", tag, kind, count) + packed.ljust(4, b"\0")))
    strip_offset = start + len(extra)
    entries.append((Tag.strips, struct.pack("<HHII", Tag.strips, 4, 1, strip_offset)))
    table = b"".join(entry for _, entry in sorted(entries))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4) + extra + data


def _packed(value: Any) -> tuple[int, int, bytes]:
    """Returns type, count and bytes of the value of a tag."""
    if isinstance(value, bytes):
        return 7, len(value), value
    values = value if isinstance(value, tuple | list) else (value,)
    if max(values) < 65536:
        return 3, len(values), struct.pack(f"<{len(values)}H", *values)
    return 4, len(values), struct.pack(f"<{len(values)}I", *values)
