"""Structure of PNG and JPEG files: limits on their parts and scans, and a PNG's EXIF block.

A small file can be made to take minutes to read, by many tiny parts or many scans; such files are
refused before they are decoded.
"""

from __future__ import annotations

import io
from typing import BinaryIO

from PIL import Image

from pix2pix_tf.images.image_file import OpenableFile
from pix2pix_tf.utils.errors import UserError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BARE_MARKERS = {bytes([kind]) for kind in (0x00, 0x01, *range(0xD0, 0xD9))}  # without a length

SCAN = b"\xff\xda"  # the marker that begins a scan; it never occurs among a JPEG's coded pixels
SCANS_AT_MOST = 2 * 10**9  # scans × pixels: decoding so many takes a few seconds
_CHUNK_BYTES = 1 << 20

# The most chunks of a PNG, or segments of a JPEG before its pixels: this number, and one more for
# every `_BYTES_PER_PART` bytes of the file (libraries write pixels in parts of 8192 bytes).
PARTS_AT_MOST = 50_000
_BYTES_PER_PART = 4096


def refuse_many_parts(file: BinaryIO, head: bytes, path: OpenableFile) -> None:
    """Refuses a PNG or JPEG of very many parts: Pillow takes microseconds for each, however small.

    Args:
        file: The file, open.
        head: The first bytes of the file.
        path: What error messages call it.

    Raises:
        UserError: The file has more parts than `PARTS_AT_MOST` allows.
    """
    if head.startswith(PNG_SIGNATURE):
        place, after = len(PNG_SIGNATURE), _after_chunk
    elif head.startswith(b"\xff\xd8"):
        place, after = 2, _after_segment
    else:
        return
    size = file.seek(0, io.SEEK_END)
    parts = 0
    while place < size:
        place = after(file, place, size)
        parts += 1
        if parts > PARTS_AT_MOST + size // _BYTES_PER_PART:
            raise UserError(f"{path} is made of very many tiny parts: save it anew.")


def _after_chunk(file: BinaryIO, place: int, size: int) -> int:
    """The offset of the next chunk of a PNG."""
    file.seek(place)
    return place + 12 + int.from_bytes(file.read(4), "big")


def _after_segment(file: BinaryIO, place: int, size: int) -> int:
    """The offset of the next segment of a JPEG; the end of the file where the pixels begin."""
    file.seek(place)
    marker = file.read(4)
    if marker[:1] != b"\xff" or marker[1:2] == b"\xff":  # fill bytes between segments
        return place + 1
    if marker[:2] == SCAN:
        return size
    if marker[1:2] in _BARE_MARKERS:
        return place + 2
    return place + 2 + int.from_bytes(marker[2:], "big")


def refuse_many_scans(image: Image.Image, path: OpenableFile) -> None:
    """Refuses a JPEG of very many scans: each of them, of a few bytes, goes over all pixels again.

    Raises:
        UserError: Scans × pixels are more than `SCANS_AT_MOST`.
    """
    scans = _scans(path)
    if scans * image.width * image.height > SCANS_AT_MOST:
        raise UserError(
            f"{path} is a JPEG of {scans} scans, which would take too long to read: save it anew."
        )


def _scans(path: OpenableFile) -> int:
    """The number of scans of a JPEG."""
    count, before = 0, b""
    with path.open("rb") as file:
        while part := file.read(_CHUNK_BYTES):
            count += (before + part).count(SCAN)
            before = part[-1:]
    return count


def exif_of_png(file: BinaryIO) -> bytes | None:
    """The EXIF block of a PNG, which may come after the pixels."""
    before = file.tell()
    place, size = len(PNG_SIGNATURE), file.seek(0, io.SEEK_END)
    try:
        while place < size:
            file.seek(place)
            length, kind = int.from_bytes(file.read(4), "big"), file.read(4)
            if kind == b"eXIf":
                return b"Exif\0\0" + file.read(min(length, size))
            place += 12 + length
        return None
    finally:
        file.seek(before)
