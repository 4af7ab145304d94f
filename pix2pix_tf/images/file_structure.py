"""Structure of PNG and JPEG files: limits on their parts and scans, and the EXIF block of a PNG.

A small file with many tiny parts or many scans can take minutes to read; such files raise an error
before they are decoded.
"""

from __future__ import annotations

import io
from typing import BinaryIO

from PIL import Image

from pix2pix_tf.images.image_file import OpenableFile
from pix2pix_tf.utils.errors import UserError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BARE_MARKERS = {bytes([kind]) for kind in (0x00, 0x01, *range(0xD0, 0xD9))}  # without a length

SCAN = b"\xff\xda"  # the marker at the start of a scan, which cannot occur in coded pixels
SCANS_AT_MOST = 2 * 10**9  # scans × pixels; decoding this number takes a few seconds
_CHUNK_BYTES = 1 << 20

# The largest number of chunks of a PNG, or of segments of a JPEG before its pixels, is this number
# plus one for every `_BYTES_PER_PART` bytes of the file (libraries write pixels in parts of 8192
# bytes).
PARTS_AT_MOST = 50_000
_BYTES_PER_PART = 4096


def refuse_many_parts(file: BinaryIO, head: bytes, path: OpenableFile) -> None:
    """Raises an error for a PNG or JPEG of very many parts.

    Pillow takes microseconds for each part, even if it is empty.

    Args:
        file: The file, open.
        head: The first bytes of the file.
        path: The name of the file in error messages.

    Raises:
        UserError: The file has more parts than `PARTS_AT_MOST` allows.
    """
    if head.startswith(PNG_SIGNATURE):
        offset, next_offset = len(PNG_SIGNATURE), _next_chunk
    elif head.startswith(b"\xff\xd8"):
        offset, next_offset = 2, _next_segment
    else:
        return
    size = file.seek(0, io.SEEK_END)
    parts = 0
    while offset < size:
        offset = next_offset(file, offset, size)
        parts += 1
        if parts > PARTS_AT_MOST + size // _BYTES_PER_PART:
            raise UserError(f"{path} is made of very many tiny parts: save it anew.")


def _next_chunk(file: BinaryIO, offset: int, size: int) -> int:
    """Returns the offset of the next chunk of a PNG."""
    file.seek(offset)
    return offset + 12 + int.from_bytes(file.read(4), "big")


def _next_segment(file: BinaryIO, offset: int, size: int) -> int:
    """Returns the offset of the next segment of a JPEG; `size` at the start of the pixels."""
    file.seek(offset)
    marker = file.read(4)
    if marker[:1] != b"\xff" or marker[1:2] == b"\xff":  # fill bytes between segments
        return offset + 1
    if marker[:2] == SCAN:
        return size
    if marker[1:2] in _BARE_MARKERS:
        return offset + 2
    return offset + 2 + int.from_bytes(marker[2:], "big")


def refuse_many_scans(image: Image.Image, path: OpenableFile) -> None:
    """Raises an error for a JPEG of very many scans.

    Decoding a scan takes time for all pixels, even if the scan has only a few bytes.

    Args:
        image: The opened image.
        path: The file.

    Raises:
        UserError: Scans × pixels are more than `SCANS_AT_MOST`.
    """
    scans = _scans(path)
    if scans * image.width * image.height > SCANS_AT_MOST:
        raise UserError(
            f"{path} is a JPEG of {scans} scans, which would take too long to read: save it anew."
        )


def _scans(path: OpenableFile) -> int:
    """Counts the scans of a JPEG."""
    count, before = 0, b""
    with path.open("rb") as file:
        while part := file.read(_CHUNK_BYTES):
            count += (before + part).count(SCAN)
            before = part[-1:]
    return count


def exif_of_png(file: BinaryIO) -> bytes | None:
    """Reads the EXIF block of a PNG, which may lie after the pixels; None if there is none.

    Args:
        file: The file, open; its position is kept.
    """
    position = file.tell()
    offset, size = len(PNG_SIGNATURE), file.seek(0, io.SEEK_END)
    try:
        while offset < size:
            file.seek(offset)
            length, kind = int.from_bytes(file.read(4), "big"), file.read(4)
            if kind == b"eXIf":
                return b"Exif\0\0" + file.read(min(length, size))
            offset += 12 + length
        return None
    finally:
        file.seek(position)
