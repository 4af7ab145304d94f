"""Every rule of pix2pix_tf.images.io, with files written here and numbers worked out by hand."""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin

from pix2pix_tf.images.image_file import ImageBytes
from pix2pix_tf.images.io import (
    WRITTEN_SUFFIXES,
    decode_image,
    encode_png,
    image_dtype,
    image_size,
    inspect_image,
    read_image,
    write_image,
)
from pix2pix_tf.utils.errors import UserError

GREY, GREY_ALPHA, RGB, RGBA = 0, 4, 2, 6  # colour types of PNG

PICTURES = [suffix for suffix in WRITTEN_SUFFIXES if suffix != ".npy"]


@pytest.fixture(autouse=True)
def _no_warning_escapes():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bytes(header: tuple[int, int, int, int], rows: bytes, *, before: bytes = b"") -> bytes:
    """PNG of (width, height, bit depth, colour type); rows carry their filter byte."""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, 0))
        + before
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def write_png16(path: Path, pixels: list, colour_type: int, *, before: bytes = b"") -> Path:
    array = np.array(pixels, ">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in array)
    header = (array.shape[1], array.shape[0], 16, colour_type)
    path.write_bytes(png_bytes(header, rows, before=before))
    return path


def write_tiff(path: Path, pixels: np.ndarray, tags: dict[int, tuple[int, ...]]) -> Path:
    """An uncompressed TIFF in the byte order of the pixels, with these tags (of type SHORT)."""
    order = ">" if pixels.dtype.byteorder == ">" else "<"
    tags = {
        256: (pixels.shape[-1] if pixels.ndim == 2 else tags.pop(256)[0],),
        257: (pixels.shape[0] if pixels.ndim == 2 else tags.pop(257)[0],),
        259: (1,),
        **tags,
    }
    data = pixels.tobytes()
    extra = b""
    entries = []
    start = 8 + len(data)
    after = start + 2 + 12 * (len(tags) + 3) + 4
    planes = 3 if tags.get(284) == (2,) else 1
    size = len(data) // planes
    longs = {
        273: tuple(8 + k * size for k in range(planes)),
        278: (tags[257][0],),
        279: (size,) * planes,
    }
    for tag, values in sorted({**tags, **longs}.items()):
        kind = "I" if tag in longs else "H"
        packed = struct.pack(f"{order}{len(values)}{kind}", *values)
        if len(packed) > 4:
            offset = after + len(extra)
            extra += packed
            packed = struct.pack(order + "I", offset)
        code = 4 if kind == "I" else 3
        entries.append(struct.pack(order + "HHI", tag, code, len(values)) + packed.ljust(4, b"\0"))
    magic = b"MM" if order == ">" else b"II"
    path.write_bytes(
        magic
        + struct.pack(order + "HI", 42, start)
        + data
        + struct.pack(order + "H", len(entries))
        + b"".join(entries)
        + struct.pack(order + "I", 0)
        + extra
    )
    return path


def save(path: Path, pixels: list | np.ndarray, dtype: str = "uint8", **options) -> Path:
    Image.fromarray(np.array(pixels, dtype)).save(path, **options)
    return path


# --- channels of 8-bit files -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        # 0.299·255 = 76.2, 0.587·255 = 149.7, 0.114·255 = 29.1
        (1, [[76], [150], [29]]),
        (2, [[76, 255], [150, 255], [29, 255]]),
        (3, [[255, 0, 0], [0, 255, 0], [0, 0, 255]]),
        (4, [[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255]]),
    ],
)
def test_rgb_file(tmp_path, channels, expected):
    path = save(tmp_path / "x.png", [[[255, 0, 0], [0, 255, 0], [0, 0, 255]]])
    image = read_image(path, channels)
    assert image.dtype == np.uint8
    assert image.tolist() == [expected]


@pytest.mark.parametrize(
    ("channels", "expected"),
    [(1, [7]), (2, [7, 255]), (3, [7, 7, 7]), (4, [7, 7, 7, 255])],
)
def test_grey_file(tmp_path, channels, expected):
    assert read_image(save(tmp_path / "x.png", [[7]]), channels).tolist() == [[expected]]


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        # over white: alpha 0 is white; alpha 51 is a fifth of the colour, 204 + 20 and 204 + 10
        (1, [[255], [214], [30]]),
        (2, [[0, 0], [50, 51], [30, 255]]),
        (3, [[255, 255, 255], [214, 214, 214], [30, 30, 30]]),
        (4, [[0, 0, 0, 0], [50, 50, 50, 51], [30, 30, 30, 255]]),
    ],
)
def test_grey_alpha_file(tmp_path, channels, expected):
    path = save(tmp_path / "x.png", [[[0, 0], [50, 51], [30, 255]]])
    assert read_image(path, channels).tolist() == [expected]


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        # (100, 50, 0) at alpha 51: 204 + 20, 204 + 10, 204 + 0; luma of that 66.98 + 125.6 + 23.3
        (1, [[255], [216]]),
        # luma of the colour itself: 29.9 + 29.35
        (2, [[76, 0], [59, 51]]),
        (3, [[255, 255, 255], [224, 214, 204]]),
        (4, [[255, 0, 0, 0], [100, 50, 0, 51]]),
    ],
)
def test_rgba_file(tmp_path, channels, expected):
    path = save(tmp_path / "x.png", [[[255, 0, 0, 0], [100, 50, 0, 51]]])
    assert read_image(path, channels).tolist() == [expected]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
@pytest.mark.parametrize("read", [image_size, decode_image, inspect_image, image_dtype])
def test_pipes_are_refused_and_not_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a\.png is a pipe, a device or the like"):
        read(tmp_path / "a.png")


def test_luma_is_pillows_for_every_grey_level(tmp_path):
    rgb = np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)
    expected = np.array(Image.fromarray(rgb).convert("L"))
    assert (read_image(save(tmp_path / "x.png", rgb), 1)[..., 0] == expected).all()


def test_bilevel_becomes_0_and_255(tmp_path):
    Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1").save(tmp_path / "x.png")
    assert read_image(tmp_path / "x.png", 1).tolist() == [[[0], [255]]]


def palette_image() -> Image.Image:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 0])
    image.putpixel((1, 0), 1)
    return image


def test_palette_becomes_rgb(tmp_path):
    palette_image().save(tmp_path / "x.png")
    assert decode_image(tmp_path / "x.png").tolist() == [[[10, 20, 30], [200, 100, 0]]]


@pytest.mark.parametrize("transparency", [1, bytes([255, 0])])
def test_palette_with_transparency_becomes_rgba(tmp_path, transparency):
    palette_image().save(tmp_path / "x.png", transparency=transparency)
    assert decode_image(tmp_path / "x.png").tolist() == [[[10, 20, 30, 255], [200, 100, 0, 0]]]
    assert read_image(tmp_path / "x.png", 3).tolist() == [[[10, 20, 30], [255, 255, 255]]]


# --- transparent values without an alpha channel (tRNS) ----------------------------------------


@pytest.mark.parametrize(
    ("depth", "row", "key", "expected"),
    [
        (1, b"\x80", 1, [[255, 0], [0, 255]]),
        (2, b"\xc0", 3, [[255, 0], [0, 255]]),
        (4, b"\xf1", 15, [[255, 0], [17, 255]]),
        (8, b"\x0f\x09", 9, [[15, 255], [9, 0]]),
    ],
)
def test_transparent_grey_value_at_every_depth(tmp_path, depth, row, key, expected):
    transparent = chunk(b"tRNS", struct.pack(">H", key))
    path = tmp_path / "x.png"
    path.write_bytes(png_bytes((2, 1, depth, GREY), b"\0" + row, before=transparent))
    image = read_image(path, 2)
    assert image.dtype == np.uint8
    assert image.tolist() == [expected]


def test_transparent_colour_of_8_bit_rgb(tmp_path):
    save(tmp_path / "x.png", [[[1, 2, 3], [4, 5, 6]]], transparency=(1, 2, 3))
    assert decode_image(tmp_path / "x.png").tolist() == [[[1, 2, 3, 0], [4, 5, 6, 255]]]


def test_transparent_grey_value_of_16_bits(tmp_path):
    transparent = chunk(b"tRNS", struct.pack(">H", 700))
    path = write_png16(tmp_path / "x.png", [[700, 701]], GREY, before=transparent)
    assert read_image(path, 2).tolist() == [[[700, 0], [701, 65535]]]
    assert read_image(path, 1).tolist() == [[[65535], [701]]]


def test_transparent_colour_of_16_bits(tmp_path):
    transparent = chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3))
    path = write_png16(tmp_path / "x.png", [[[1, 2, 3], [1, 2, 4]]], RGB, before=transparent)
    assert read_image(path, 4).tolist() == [[[1, 2, 3, 0], [1, 2, 4, 65535]]]


# --- 16 bits -----------------------------------------------------------------------------------

DEEP = [0, 1, 257, 257 * 100, 32768, 65534, 65535]


def test_grey_png_of_16_bits(tmp_path):
    image = read_image(write_png16(tmp_path / "x.png", [DEEP], GREY), 1)
    assert image.dtype == np.uint16
    assert image.dtype.isnative
    assert image[0, :, 0].tolist() == DEEP


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_grey_tiff_of_16_bits(tmp_path, dtype):
    tags = {258: (16,), 262: (1,), 277: (1,)}
    image = read_image(write_tiff(tmp_path / "x.tif", np.array([DEEP], dtype), tags), 1)
    assert image.dtype == np.uint16
    assert image.dtype.isnative
    assert image[0, :, 0].tolist() == DEEP


def test_compressed_grey_tiff_of_16_bits(tmp_path):
    path = save(tmp_path / "x.tiff", [DEEP], "uint16", compression="tiff_lzw")
    assert read_image(path, 1)[0, :, 0].tolist() == DEEP


def test_grey_of_16_bits_as_rgba(tmp_path):
    path = write_png16(tmp_path / "x.png", [[300]], GREY)
    assert read_image(path, 4).tolist() == [[[300, 300, 300, 65535]]]


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        # 0.299·65535 = 19594.965, and 0.299 + 0.587·2 + 0.114·3 = 1.815
        (1, [[19595], [2]]),
        (2, [[19595, 65535], [2, 65535]]),
        (3, [[65535, 0, 0], [1, 2, 3]]),
        (4, [[65535, 0, 0, 65535], [1, 2, 3, 65535]]),
    ],
)
def test_rgb_png_of_16_bits(tmp_path, channels, expected):
    path = write_png16(tmp_path / "x.png", [[[65535, 0, 0], [1, 2, 3]]], RGB)
    image = read_image(path, channels)
    assert image.dtype == np.uint16
    assert image.tolist() == [expected]


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        # alpha 13107 is a fifth: 52428 + 10000 / 5 = 54428
        (1, [[65535], [54428]]),
        (2, [[9, 0], [10000, 13107]]),
        (3, [[65535] * 3, [54428] * 3]),
        (4, [[9, 9, 9, 0], [10000, 10000, 10000, 13107]]),
    ],
)
@pytest.mark.parametrize("colour_type", [GREY_ALPHA, RGBA])
def test_alpha_png_of_16_bits(tmp_path, colour_type, channels, expected):
    repeat = 1 if colour_type == GREY_ALPHA else 3
    pixels = [[[9] * repeat + [0], [10000] * repeat + [13107]]]
    image = read_image(write_png16(tmp_path / "x.png", pixels, colour_type), channels)
    assert image.dtype == np.uint16
    assert image.tolist() == [expected]


# --- depth from the header ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("colour_type", "pixel"),
    [(GREY, 5), (GREY_ALPHA, [5, 5]), (RGB, [5, 5, 5]), (RGBA, [5, 5, 5, 5])],
)
def test_depth_of_16_bit_png(tmp_path, colour_type, pixel):
    path = write_png16(tmp_path / "x.png", [[pixel]], colour_type)
    assert image_dtype(path) == np.uint16
    assert read_image(path, 3).dtype == np.uint16


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_depth_of_16_bit_tiff(tmp_path, dtype):
    tags = {258: (16,), 262: (1,), 277: (1,)}
    assert image_dtype(write_tiff(tmp_path / "x.tif", np.array([[5]], dtype), tags)) == np.uint16


@pytest.mark.parametrize("suffix", PICTURES)
def test_depth_of_8_bit_files(tmp_path, suffix):
    assert image_dtype(save(tmp_path / f"x{suffix}", [[[1, 2, 3]]])) == np.uint8


def test_depth_does_not_decode_pixels(tmp_path):
    path = save(tmp_path / "x.png", np.zeros((50, 50, 3)))
    path.write_bytes(path.read_bytes()[:-30])
    assert image_dtype(path) == np.uint8
    with pytest.raises(UserError):
        read_image(path, 3)


def test_reading_8_bits_does_not_import_tensorflow(tmp_path):
    path = save(tmp_path / "x.png", [[7]])
    code = (
        "import sys; from pix2pix_tf.images.io import read_image; "
        f"read_image({str(path)!r}, 3); sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- orientation -------------------------------------------------------------------------------

# What is stored for the image [[1, 2, 3], [4, 5, 6]], by the tables of EXIF 2.3 (tag 0x0112).
STORED = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[3, 6], [2, 5], [1, 4]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[4, 1], [5, 2], [6, 3]],
}


def exif(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[0x0112] = orientation
    return block


@pytest.mark.parametrize("options", [{}, {"compression": "tiff_lzw"}], ids=["raw", "lzw"])
@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_orientation_is_applied_once(tmp_path, suffix, orientation, options):
    options = options if suffix == ".tif" else {}
    path = save(tmp_path / f"x{suffix}", STORED[orientation], exif=exif(orientation), **options)
    assert read_image(path, 1)[..., 0].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert image_size(path) == (2, 3)  # of the upright image


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_orientation_of_16_bit_colour_png(tmp_path, orientation):
    pixels = np.repeat(np.array(STORED[orientation])[..., None] * 1000, 3, axis=2)
    block = chunk(b"eXIf", exif(orientation).tobytes().removeprefix(b"Exif\0\0"))
    path = write_png16(tmp_path / "x.png", pixels.tolist(), RGB, before=block)
    assert read_image(path, 3)[..., 0].tolist() == [[1000, 2000, 3000], [4000, 5000, 6000]]


def test_rotated_jpeg_has_its_corners_in_place(tmp_path):
    stored = np.zeros((32, 48, 3), np.uint8)
    stored[:16, :24, 0] = 255  # red at the stored top left, which orientation 6 puts at the right
    save(tmp_path / "x.jpg", stored, exif=exif(6), quality=95)
    image = read_image(tmp_path / "x.jpg", 3)
    assert image.shape == (48, 32, 3)
    assert image[2, -3, 0] > 240
    assert image[2, 2, 0] < 15
    assert image[-3, -3, 0] < 15


@pytest.mark.parametrize("block", [b"Exif\0\0nonsense", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01"])
def test_unreadable_exif_is_none(tmp_path, block):
    save(tmp_path / "x.jpg", np.full((8, 12), 90), exif=block)
    assert read_image(tmp_path / "x.jpg", 1).shape == (8, 12, 1)


# --- kinds of files ----------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [*PICTURES, ".PNG", ".JpG"])
def test_every_suffix_is_read(tmp_path, suffix):
    path = save(tmp_path / f"x{suffix}", np.full((16, 8, 3), 128))
    image = read_image(str(path), 3)
    assert image.shape == (16, 8, 3)
    assert abs(image.astype(int) - 128).max() <= 2


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP"])
def test_content_counts_and_not_the_suffix(tmp_path, kind):
    path = save(tmp_path / "x.jpg", [[5, 200]], format=kind)
    assert read_image(path, 1).tolist() == [[[5], [200]]]


def test_first_image_of_a_phones_jpeg(tmp_path):
    first, second = (Image.new("L", (16, 8), v) for v in (40, 200))
    first.save(tmp_path / "x.jpg", "MPO", save_all=True, append_images=[second])
    assert abs(int(read_image(tmp_path / "x.jpg", 1)[0, 0, 0]) - 40) <= 2


def test_pixels_can_be_written_to(tmp_path):
    image = read_image(save(tmp_path / "x.png", [[[1, 2, 3]]]), 3)
    image[:] = 0


# --- refusals ----------------------------------------------------------------------------------


def refusal(path: Path) -> str:
    """The message of read_image, which names the path."""
    with pytest.raises(UserError) as caught:
        read_image(path, 3)
    assert str(path) in str(caught.value)
    return str(caught.value)


def depth_refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        image_dtype(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("mode", "suffix", "named"),
    [
        ("CMYK", ".jpg", "CMYK"),
        ("CMYK", ".tif", "CMYK"),
        ("LAB", ".tif", "LAB"),
    ],
)
def test_other_colour_spaces_and_types_are_refused(tmp_path, mode, suffix, named):
    path = tmp_path / f"x{suffix}"
    Image.new(mode, (4, 4)).save(path)
    message = refusal(path)
    assert named in message
    assert depth_refusal(path) == message


def test_ycbcr_tiff_is_refused(tmp_path):
    Image.new("YCbCr", (4, 4)).save(tmp_path / "x.tif")
    refusal(tmp_path / "x.tif")  # Pillow 11 cannot decode it, Pillow 13 leaves it YCbCr


@pytest.mark.parametrize("mode", ["I", "F"])
def test_32_bits_that_pillow_writes_are_read_as_they_are(tmp_path, mode):
    values = np.array([[-70000, 1, 70000]], np.int32 if mode == "I" else np.float32)
    Image.fromarray(values).save(tmp_path / "x.tif")
    image = read_image(tmp_path / "x.tif", 1)
    assert image.dtype == image_dtype(tmp_path / "x.tif") == values.dtype
    assert image[..., 0].tolist() == values.tolist()


@pytest.mark.parametrize("dtype", ["i1", "<i2", ">i2", "<u4", ">i4"])
def test_tiff_kinds_that_pillow_misreads_are_read_as_they_are(tmp_path, dtype):
    kind, bits = (2 if "i" in dtype else 1), 8 * np.dtype(dtype).itemsize
    tags = {258: (bits,), 262: (1,), 277: (1,), 339: (kind,)}
    values = np.array([[1, np.iinfo(dtype).max, np.iinfo(dtype).min, 4]], dtype)
    image = read_image(write_tiff(tmp_path / "x.tif", values, tags), 1)
    assert image.dtype == np.dtype(dtype).newbyteorder("=")
    assert image[..., 0].tolist() == values.tolist()


def test_tiff_of_12_bits_is_refused(tmp_path):
    tags = {258: (12,), 262: (1,), 277: (1,)}
    path = write_tiff(tmp_path / "x.tif", np.array([[1, 2, 3, 4]], "<u2"), tags)
    message = refusal(path)
    assert "12 bits" in message
    assert depth_refusal(path) == message


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".gif"])
def test_more_than_one_frame_is_refused(tmp_path, suffix):
    frames = [Image.new("RGB", (8, 8), (v, 0, 0)) for v in (0, 100, 200)]
    path = tmp_path / f"x{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    message = refusal(path)
    assert "3 frames" in message
    assert depth_refusal(path) == message


def test_no_file(tmp_path):
    assert "does not exist" in refusal(tmp_path / "x.png")


def test_folder_in_place_of_a_file(tmp_path):
    assert "directory" in refusal(tmp_path)


def test_empty_file(tmp_path):
    (tmp_path / "x.png").touch()
    assert "empty" in refusal(tmp_path / "x.png")
    assert "empty" in depth_refusal(tmp_path / "x.png")


@pytest.mark.parametrize("content", [b"x", b"<html>not found</html>" * 20, b"%!PS-Adobe-3.0 EPSF"])
def test_content_that_is_no_image(tmp_path, content):
    (tmp_path / "x.jpg").write_bytes(content)
    assert "not an image" in refusal(tmp_path / "x.jpg")


@pytest.mark.parametrize("share", [0.95, 0.5, 0.02])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tif", ".gif"])
def test_truncated_files_are_refused(tmp_path, suffix, share):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = save(tmp_path / f"x{suffix}", noise)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    refusal(path)


def test_truncated_16_bit_colour_png_is_refused(tmp_path):
    noise = np.random.default_rng(0).integers(0, 65536, (32, 32, 3))
    path = write_png16(tmp_path / "x.png", noise.tolist(), RGB)
    path.write_bytes(path.read_bytes()[:3000])
    refusal(path)


def test_no_file_is_left_open(tmp_path):
    good = save(tmp_path / "good.png", [[1]])
    lzw = save(tmp_path / "lzw.tif", np.zeros((9, 9)), compression="tiff_lzw")
    bad = save(tmp_path / "bad.tif", np.zeros((9, 9)), compression="tiff_lzw")
    bad.write_bytes(b"II*\0" + b"\xff" * 60)
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("open files are counted by /proc")
    before = len(list(descriptors.iterdir()))
    for path in (good, lzw):
        read_image(path, 3)
        image_dtype(path)
    refusal(bad)
    assert len(list(descriptors.iterdir())) == before


def test_more_pixels_than_allowed_are_refused_before_they_are_decoded(tmp_path):
    path = save(tmp_path / "x.png", np.zeros((10, 21)))
    assert read_image(path, 1, max_pixels=210).shape == (10, 21, 1)
    with pytest.raises(UserError, match=r"21×10 pixels .* more than 209 .*--max-pixels 210"):
        read_image(path, 1, max_pixels=209)
    assert image_size(path) == (10, 21)  # nothing is decoded for that


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tga", ".sgi", ".pgm", ".gif"])
def test_headers_that_claim_a_huge_image_are_refused_before_memory_is_taken(tmp_path, suffix):
    path = save(tmp_path / f"x{suffix}", np.zeros((10, 20)))
    content = bytearray(path.read_bytes())
    if suffix == ".pgm":
        content = content.replace(b"20 10", b"1000000 1000000")
    else:
        place, code = {
            ".png": (16, ">II"),
            ".bmp": (18, "<II"),
            ".tga": (12, "<HH"),
            ".sgi": (6, ">HH"),
            ".gif": (6, "<HH"),
        }[suffix]
        side = 1_000_000 if "I" in code else 65_535
        struct.pack_into(code, content, place, side, side)
        if suffix == ".png":
            content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(UserError):
            read_image(path, 3)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_limit_of_pixels_is_the_calls_own_and_no_state_of_pillow(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # somebody else's
    path = save(tmp_path / "x.png", np.zeros((10, 21)))
    assert read_image(path, 1).shape == (10, 21, 1)
    assert Image.MAX_IMAGE_PIXELS == 10


def test_size_of_a_png_whose_exif_comes_last_is_known_without_decoding(tmp_path, monkeypatch):
    path = save(tmp_path / "x.png", np.zeros((4, 9)), exif=exif(6))
    content = path.read_bytes()
    start = content.index(b"eXIf") - 4
    length = 12 + int.from_bytes(content[start : start + 4], "big")
    block = content[start : start + length]
    path.write_bytes(content[:start] + content[start + length : -12] + block + content[-12:])
    assert read_image(path, 1).shape == (9, 4, 1)
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", None)
    assert image_size(path) == (9, 4)


def test_reading_in_threads_leaves_the_warning_filters_alone(tmp_path):
    paths = [save(tmp_path / f"{k}.tif", np.full((20, 20), k)) for k in range(8)]
    before = list(warnings.filters)
    results: dict[int, int] = {}

    def work(k: int) -> None:
        for _ in range(20):
            results[k] = int(read_image(paths[k], 1)[0, 0, 0])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {k: k for k in range(8)}
    assert list(warnings.filters) == before


# --- writing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".PNG", ".tif", ".tiff", ".webp"])
def test_written_images_read_back_exactly(tmp_path, suffix, channels):
    image = np.random.default_rng(4).integers(0, 256, (7, 5, channels), np.uint8)
    write_image(tmp_path / f"x{suffix}", image)
    assert (read_image(tmp_path / f"x{suffix}", channels) == image).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_read_back_exactly_by_us_and_by_tifffile(tmp_path, suffix, channels):
    image = np.random.default_rng(4).integers(0, 65536, (7, 5, channels), np.uint16)
    path = tmp_path / f"x{suffix}"
    write_image(path, image)
    found = read_image(path, channels)
    assert (found.dtype, found.tolist()) == (np.uint16, image.tolist())
    if suffix == ".tif":
        assert tifffile.imread(path).tolist() == np.squeeze(image).tolist()


def test_16_bit_png_is_read_by_pillow_and_carries_texts(tmp_path):
    image = np.array([[[0], [4095], [65535]]], np.uint16)
    write_image(tmp_path / "x.png", image, text={"keyword": "a text"})
    with Image.open(tmp_path / "x.png") as read:
        assert (read.mode, read.text) == ("I;16", {"keyword": "a text"})
        assert np.array(read).tolist() == [[0, 4095, 65535]]
    assert decode_image(ImageBytes("x", encode_png(image))).tolist() == image.tolist()


@pytest.mark.parametrize("suffix", [".jpg", ".bmp", ".webp"])
def test_16_bits_are_refused_where_the_format_has_none(tmp_path, suffix):
    with pytest.raises(UserError, match=r"holds no uint16 images of 3 channels, use \.tif"):
        write_image(tmp_path / f"x{suffix}", np.zeros((2, 2, 3), np.uint16))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("channels", [1, 3])
def test_bmp_reads_back_exactly_and_jpeg_nearly(tmp_path, channels):
    image = np.full((16, 16, channels), 60, np.uint8)
    image[:, 8:, -1] = 200
    write_image(str(tmp_path / "x.bmp"), image)
    write_image(str(tmp_path / "x.jpg"), image)
    assert (read_image(tmp_path / "x.bmp", channels) == image).all()
    assert abs(read_image(tmp_path / "x.jpg", channels).astype(int) - image).max() < 6


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("suffix", [".jpg", ".bmp"])
def test_alpha_is_refused_where_the_format_has_none(tmp_path, suffix, channels):
    path = tmp_path / f"x{suffix}"
    with pytest.raises(UserError, match=r"no alpha.*\.png"):
        write_image(path, np.zeros((2, 2, channels), np.uint8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x", "x.gif", "x.npz", "png"])
def test_other_suffixes_are_not_written(tmp_path, name):
    with pytest.raises(UserError, match=r"must end in one of \.jpg"):
        write_image(tmp_path / name, np.zeros((2, 2, 3), np.uint8))


@pytest.mark.parametrize(
    "image", [np.zeros((2, 2, 3), bool), np.zeros((2, 2), np.uint8)], ids=["bool", "flat"]
)
def test_writing_anything_else_is_a_programming_error(tmp_path, image):
    with pytest.raises(ValueError, match="expected integers or floats"):
        write_image(tmp_path / "x.png", image)


def test_writing_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "x.png"
    write_image(path, np.zeros((2, 2, 1), np.uint8))
    write_image(path, np.full((2, 2, 1), 9, np.uint8))
    assert read_image(path, 1).max() == 9
    assert [p.name for p in tmp_path.iterdir()] == ["x.png"]


def test_failed_write_keeps_the_old_file_and_leaves_no_part(tmp_path, monkeypatch):
    path = tmp_path / "x.png"
    write_image(path, np.full((2, 2, 1), 9, np.uint8))

    def fail(self, file, *_args, **_options):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(UserError, match="No space left") as caught:
        write_image(path, np.zeros((2, 2, 1), np.uint8))
    assert str(path) in str(caught.value)
    assert read_image(path, 1).min() == 9
    assert [p.name for p in tmp_path.iterdir()] == ["x.png"]


@pytest.mark.parametrize("folder", ["none", "file"])
def test_writing_into_no_folder(tmp_path, folder):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written: No") as caught:
        write_image(tmp_path / folder / "x.png", np.zeros((2, 2, 1), np.uint8))
    assert str(tmp_path / folder / "x.png") in str(caught.value)


def test_too_large_for_the_format(tmp_path):
    with pytest.raises(UserError, match="cannot be written"):
        write_image(tmp_path / "x.webp", np.zeros((1, 17000, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


# --- found by the fuzzer ------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_orientation_that_there_is_not_turns_nothing(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 9
    path = tmp_path / f"x{suffix}"
    Image.new("RGB", (5, 3)).save(path, exif=exif)
    assert image_size(path) == decode_image(path).shape[:2] == (3, 5)


@pytest.mark.parametrize("where", ["profile", "text"])
def test_huge_profiles_and_texts_of_a_png_are_named(tmp_path, where):
    path, size = tmp_path / "x.png", 3_000_000
    if where == "profile":
        Image.new("RGB", (5, 3)).save(path, icc_profile=bytes(size))
    else:
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt("k", "x" * size, zip=True)
        Image.new("RGB", (5, 3)).save(path, pnginfo=texts)
    with pytest.raises(UserError, match=r"x\.png has a colour profile or texts too large to read"):
        decode_image(path)


# --- files that take long -----------------------------------------------------------------------


def test_large_images_are_decoded_one_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("pix2pix_tf.images.io.LARGE_PIXELS", 0)
    path = save(tmp_path / "x.png", [[[1, 2, 3]]])
    at_once, most = [], []

    def load(self):
        at_once.append(self)
        most.append(len(at_once))
        time.sleep(0.05)
        at_once.pop()

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)
    threads = [threading.Thread(target=decode_quietly, args=(path,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == max(most) == 1
    assert len(most) >= 4


def decode_quietly(path):
    with contextlib.suppress(UserError):
        decode_image(path)


@pytest.mark.parametrize("suffix", [".tif", ".npy"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i2", "f2", "f4", "f8"])
def test_tiff_and_numpy_files_hold_every_image(tmp_path, dtype, channels, suffix):
    values = np.arange(6 * 7 * channels).reshape(6, 7, channels) - (dtype[0] != "u") * 50
    image = values.astype(dtype)
    path = tmp_path / f"x{suffix}"
    write_image(path, image)
    read = np.load(path) if suffix == ".npy" else tifffile.imread(path).reshape(image.shape)
    assert read.dtype == image.dtype
    assert np.array_equal(read, image)
    again, colour_mode, *_ = inspect_image(path, channels, "YXC")
    assert np.array_equal(again, image)
    is_colour = suffix == ".tif" and dtype in ("u1", "u2") and channels <= 4
    assert (colour_mode != "bands") == is_colour


@pytest.mark.parametrize(
    ("suffix", "dtype", "channels"), [(".png", "f4", 3), (".png", "u1", 5), (".jpg", "u2", 3)]
)
def test_other_formats_name_those_that_hold_an_image(tmp_path, suffix, dtype, channels):
    with pytest.raises(UserError, match=r"holds no .* images of . channels, use \.tif or \.npy"):
        write_image(tmp_path / f"x{suffix}", np.zeros((4, 4, channels), dtype))
