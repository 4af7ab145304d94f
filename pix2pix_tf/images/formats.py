"""Image file formats that are read, recognized by the content of files, not by their suffix.

Every format that Pillow knows is in one of two tables: `READ_FORMATS`, or `NOT_READ` with the
reason. Files that Pillow would open but decode to other values than they hold raise an error that
names the kind of file. TIFF is read by `tiff.image`, and arrays of NumPy by `numpy_image`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import struct
from collections.abc import Callable
from typing import BinaryIO

from PIL import Image, ImageFile, UnidentifiedImageError, features

from pix2pix_tf.utils.text import pluralize

READ_FORMATS = (
    "JPEG",
    "PNG",
    "WEBP",
    "BMP",
    "TIFF",
    "GIF",
    "AVIF",
    "HEIF",
    "DDS",
    "DIB",
    "ICO",
    "JPEG2000",
    "MPO",
    "MSP",
    "PCX",
    "PPM",
    "PSD",
    "QOI",
    "SGI",
    "SUN",
    "TGA",
    "XPM",
)
_MARKLESS = "nothing at its beginning tells it from other files"
NOT_READ = {
    "EPS": "a program, which Pillow has Ghostscript run",
    "PDF": "documents, which Pillow only writes",
    "WMF": "drawings, which Windows has to draw",
    "BUFR": "no pixels that Pillow could decode",
    "GRIB": "no pixels that Pillow could decode",
    "HDF5": "no pixels that Pillow could decode",
    "MPEG": "a video",
    "FLI": "an animation",
    "DCX": "several pages",
    "IPTC": "news, perhaps with an image",
    "CUR": "a cursor in several sizes",
    "ICNS": "an icon in several sizes",
    "BLP": "a game's texture in several sizes",
    "FTEX": "a game's texture in several sizes",
    "XVTHUMB": "a thumbnail",
    "PCD": "decoded at a quarter of its resolution",
    "XBM": "colours are not in the file",
    "FITS": "measurements of any type, whose range is not in the file",
    "MCIDAS": "measurements of any type, whose range is not in the file",
    "SPIDER": "floating point, " + _MARKLESS,
    "IM": _MARKLESS,
    "IMT": _MARKLESS,
    "GBR": "a brush",
    "PIXAR": "decoded only in part",
    "PALM": "only written by Pillow",
    "FPX": "decoded only in part",
    "MIC": "several images",
}
# Kinds that Pillow does not open, by their first bytes: brands of ISO files, and JPEG XL.
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_JPEG_XL = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
_OPTIONAL = {"AVIF": "avif", "WEBP": "webp", "JPEG2000": "jpg_2000"}  # optional features of Pillow
NUMPY_SUFFIXES = (".npy", ".npz")
MEDICAL_SUFFIXES = (".dcm", ".nii", ".nii.gz")
_DOUBLE_SUFFIXES = (
    ".ome.tif",
    ".ome.tiff",
    ".nii.gz",
)  # which are one, by the programs that write them
_TGA_FOOTER, _TGA_SUFFIXES = b"TRUEVISION-XFILE.", (".tga", ".icb", ".vda", ".vst")
_SHORT_MARKS = ("DIB", "ICO", "PCX")  # their first bytes may also occur in the header of a TGA
_HEAD = 16  # the number of bytes by which Pillow recognizes a format
_SCANNED = 1 << 16  # the number of first bytes that hold the headers of JPEG 2000 and AVIF


def _suffixes() -> tuple[str, ...]:
    Image.init()
    if importlib.util.find_spec("pillow_heif"):  # the extra `formats`
        import pillow_heif

        pillow_heif.register_heif_opener()
    missing = {kind for kind, name in _OPTIONAL.items() if not features.check(name)}
    known = [kind for kind in READ_FORMATS if kind not in missing]
    pairs = Image.registered_extensions().items()
    named = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".npy")
    usual = {suffix: rank for rank, suffix in enumerate(named)}
    # Of the last, files are images that an error names, whether they can be read or not.
    found = {*NUMPY_SUFFIXES, *MEDICAL_SUFFIXES, ".heic", ".heif", ".avif", ".jxl"}
    found |= {suffix for suffix, kind in pairs if kind in known}
    return tuple(sorted(found, key=lambda suffix: (usual.get(suffix, len(usual)), suffix)))


IMAGE_SUFFIXES = _suffixes()  # compare with a path's suffix in lower case
SUFFIXES_IN_WORDS = f"{', '.join(IMAGE_SUFFIXES[:7])} ({len(IMAGE_SUFFIXES) - 7} more kinds)"


def unknown_kind(head: bytes) -> str | None:
    """Explains why Pillow does not know a kind of file; None if nothing is known about it.

    Args:
        head: The first bytes of the file, 12 or more.
    """
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return "a HEIC image, which needs pillow-heif: pip install 'pix2pix-tf[formats]'"
    if head[4:12] in (b"ftypavif", b"ftypavis"):
        return (
            "an AVIF image, which this build of Pillow does not read: install Pillow 11.3 or later"
        )
    if head.startswith(_JPEG_XL):
        # Its plugin for Pillow makes 8 bits of 16 and of floats, and does not say so.
        return "a JPEG XL image, which is not read: convert it to PNG or TIFF"
    return None


def without_suffix(path: str) -> str:
    """Removes the suffix from the path of an image.

    Example:
        >>> without_suffix("a/cell.1.png"), without_suffix("a/cell.1.ome.tif")
        ('a/cell.1', 'a/cell.1')
    """
    for double in _DOUBLE_SUFFIXES:
        if path[-len(double) :].lower() == double:
            return path[: -len(double)]
    return os.path.splitext(path)[0]  # noqa: PTH122  faster, for many files


def open_by_content(file: BinaryIO, suffix: str) -> ImageFile.ImageFile:
    """Opens an image file by Pillow and reads its header, without a limit on its pixels.

    TGA has no signature: it is recognized by its footer, or by its suffix and a valid header.

    Args:
        file: The file, open.
        suffix: Its suffix in lower case.

    Returns:
        The image, not yet decoded.

    Raises:
        UnidentifiedImageError: The file has none of the formats that are read; or, if the error
            names a format, it has that format and is damaged or unusual.
    """
    file.seek(0)
    head = file.read(_HEAD)
    footed, failed = _has_tga_footer(file), ""
    for kind in READ_FORMATS:
        factory, accept = Image.OPEN.get(kind, (None, None))
        if factory is None or accept is None or (footed and kind in _SHORT_MARKS):
            continue
        if not _accepts(accept, head):
            continue
        try:
            file.seek(0)
            return factory(file, "")
        except (SyntaxError, IndexError, TypeError, struct.error):
            failed = failed or kind
    file.seek(0)
    if footed or (suffix in _TGA_SUFFIXES and _is_tga_header(file.read(18))):
        file.seek(0)
        return Image.OPEN["TGA"][0](file, "")
    raise UnidentifiedImageError(failed)


def _accepts(accept: Callable[[bytes], bool | str], head: bytes) -> bool:
    with contextlib.suppress(IndexError, struct.error):  # raised for files of a few bytes
        return accept(head) is True  # a text names a feature that Pillow was built without
    return False


def _has_tga_footer(file: BinaryIO) -> bool:
    file.seek(max(0, file.seek(0, io.SEEK_END) - 18))
    return file.read(18).startswith(_TGA_FOOTER)


def _is_tga_header(header: bytes) -> bool:
    if len(header) < 18:
        return False
    map_type, kind, map_bits, width, height, bits, flags = struct.unpack("<xBB4xB4xHHBB", header)
    if kind not in (1, 2, 3, 9, 10, 11) or map_type > 1 or flags & 0xC0 or not width * height:
        return False
    if bits not in {1: (8,), 2: (16, 24, 32), 3: (1, 8, 16)}[kind & 7]:
        return False
    return map_type == (kind & 7 == 1) or (map_type == 1 and map_bits in (15, 16, 24, 32))


def unread_kind(image: Image.Image, file: BinaryIO) -> str | None:
    """Describes a file that Pillow would decode to other values than the file holds.

    Args:
        image: The result of `open_by_content`, of any format except TIFF.
        file: The file; its position is kept.

    Returns:
        The kind of file in words; None if Pillow decodes it correctly.
    """
    check = _CHECKS.get(image.format or "")
    if check is None:
        return None
    position = file.tell()
    try:
        file.seek(0)
        return check(image, file.read(_SCANNED), file)
    finally:
        file.seek(position)


def _jpeg2000(image: Image.Image, head: bytes, file: BinaryIO) -> str | None:
    start = head.find(b"\xff\x4f\xff\x51")
    while start < 0 and (more := file.read(_SCANNED)):  # after a large colour profile
        head = head[-3:] + more
        start = head.find(b"\xff\x4f\xff\x51")
    sizes = (head + file.read(64))[start + 4 :]
    count = int.from_bytes(sizes[36:38], "big")
    kinds = {sizes[38 + 3 * number] for number in range(count)} if 0 < count <= 4 else set()
    if start < 0 or len(kinds) != 1:
        return f"a JPEG 2000 of {count} bands of several kinds"
    (kind,) = kinds
    bits = (kind & 127) + 1
    if kind & 128:
        return f"a JPEG 2000 with signed {bits}-bit samples"
    if bits == 8 or (bits == 16 and count == 1):
        return None
    return f"a JPEG 2000 of {pluralize(count, 'band')} with {bits} bits per sample"


def _avif(image: Image.Image, head: bytes, file: BinaryIO) -> str | None:
    """Checks the depth of the samples by two bits of the box av1C."""
    offset = head.find(b"av1C")
    depth = head[offset + 6] >> 5 & 3 if 0 <= offset < len(head) - 6 else 0
    return f"an AVIF with {12 if depth & 1 else 10} bits per sample" if depth & 2 else None


def _heif(image: Image.Image, head: bytes, file: BinaryIO) -> str | None:
    bits = image.info.get("bit_depth", 8)  # of which the plugin keeps 8
    return f"a HEIC with {bits} bits per sample" if bits != 8 else None


def _sgi(image: Image.Image, head: bytes, file: BinaryIO) -> str | None:
    return "an SGI image with 16 bits per sample" if head[3] == 2 else None


def _sun(image: Image.Image, head: bytes, file: BinaryIO) -> str | None:
    depth = int.from_bytes(head[12:16], "big")
    return f"a Sun raster with {depth} bits per pixel" if depth not in (1, 8, 24) else None


def _pcx(image: Image.Image, head: bytes, file: BinaryIO) -> str | None:
    if head[1] == 5 and head[3] == 8 and head[65] == 1:  # 256 colours, with a palette at the end
        file.seek(max(0, file.seek(0, io.SEEK_END) - 769))
        if file.read(1) != b"\x0c":
            return "a PCX without its palette"
    return None


def _psd(image: Image.Image, head: bytes, file: BinaryIO) -> str | None:
    channels, _, _, bits, mode = struct.unpack(">HIIHH", head[12:26])
    usual = {1: (1,), 2: (1,), 3: (3, 4)}.get(mode, ())
    if bits != 8 or channels not in usual:
        words = {4: "CMYK", 7: "multichannel", 8: "duotone", 9: "LAB"}.get(mode, "")
        return f"a {words} PSD of {channels} channels with {bits} bits".replace("  ", " ")
    return None


def _dds(image: Image.Image, head: bytes, file: BinaryIO) -> str | None:
    caps, layout = int.from_bytes(head[112:116], "little"), getattr(image, "pixel_format", "")
    if caps & 0x200200:  # cube maps and volumes
        return "a DDS of several images"
    if layout.startswith("BC6"):
        return "a DDS with floating point samples"
    if int.from_bytes(head[80:84], "little") & 0x40:
        masks = struct.unpack("<4I", head[92:108])
        if any(mask.bit_count() > 8 for mask in masks):
            return "a DDS with more than 8 bits per sample"
    return None


def _ico(image: Image.Image, head: bytes, file: BinaryIO) -> str | None:
    sizes = int.from_bytes(head[4:6], "little")
    return f"an icon of {sizes} images" if sizes != 1 else None


_CHECKS = {
    "JPEG2000": _jpeg2000,
    "AVIF": _avif,
    "HEIF": _heif,
    "SGI": _sgi,
    "SUN": _sun,
    "PCX": _pcx,
    "PSD": _psd,
    "DDS": _dds,
    "ICO": _ico,
}
