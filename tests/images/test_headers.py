"""Headers say what decoding finds, for files as other programs write them."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from pix2pix_tf.data.checking.inspection import open_image
from pix2pix_tf.images import headers
from pix2pix_tf.images.headers import read_header
from pix2pix_tf.images.image_file import Reading
from pix2pix_tf.utils.errors import UserError

ORIENTATION = 0x0112
NOISE = np.random.default_rng(1).bytes(10_000)
RGB = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
ALPHA = np.dstack([RGB, RGB[..., 0]])


@pytest.fixture
def opened(monkeypatch):
    """Files that were opened as for reading, since their first bytes did not suffice."""
    paths = []
    inner = headers.open_image_file

    def open_file(path, reading):
        paths.append(path)
        return inner(path, reading)

    monkeypatch.setattr(headers, "open_image_file", open_file)
    return paths


def exif(orientation):
    block = Image.Exif()
    block[ORIENTATION] = orientation
    return block.tobytes()


def xmp(orientation):
    return f'<x:xmpmeta><rdf:Description tiff:Orientation="{orientation}"/></x:xmpmeta>'.encode()


def image(mode):
    return Image.fromarray(ALPHA).convert(mode)


USUAL = {
    "grey.png": lambda f: image("L").save(f),
    "bits.png": lambda f: image("1").save(f),
    "alpha.png": lambda f: image("LA").save(f),
    "rgb.png": lambda f: image("RGB").save(f),
    "rgba.png": lambda f: image("RGBA").save(f),
    "palette.png": lambda f: image("RGB").convert("P").save(f),
    "sixteen.png": lambda f: Image.fromarray(RGB[..., 0].astype(np.uint16) * 200).save(f),
    "grey.jpg": lambda f: image("L").save(f),
    "rgb.jpg": lambda f: image("RGB").save(f),
    "progressive.jpg": lambda f: image("RGB").save(f, progressive=True),
    "comment.jpg": lambda f: image("RGB").save(f, comment="said"),
    **{
        f"turned{turn}.jpg": lambda f, turn=turn: image("RGB").save(f, exif=exif(turn))
        for turn in range(1, 9)
    },
}
UNUSUAL = {
    "transparent.png": lambda f: image("RGB").save(f, transparency=(1, 2, 3)),
    "palette_alpha.png": lambda f: image("RGB").convert("P").save(f, transparency=3),
    "turned.png": lambda f: image("RGB").save(f, exif=exif(6)),
    "profile.png": lambda f: image("RGB").save(f, icc_profile=NOISE),
    "profile.jpg": lambda f: image("RGB").save(f, icc_profile=NOISE),
    "xmp.jpg": lambda f: image("RGB").save(f, xmp=xmp(6)),
    "odd_exif.jpg": lambda f: image("RGB").save(f, exif=b"Exif\0\0nothing"),
    "rgb.bmp": lambda f: image("RGB").save(f),
    "rgba.webp": lambda f: image("RGBA").save(f),
    "rgb.tif": lambda f: tifffile.imwrite(f, RGB),
    "bands.tif": lambda f: tifffile.imwrite(f, np.ones((5, 7, 6), np.float32), **PLAIN),
    "bands.npy": lambda f: np.save(f, np.ones((5, 7, 6), np.float32)),
}
PLAIN = {"photometric": "minisblack", "planarconfig": "contig"}


def same(path, channels=None):
    header, info = read_header(path, Reading(channels)), open_image(path, Reading(channels))
    assert header == (info.height, info.width, info.dtype, info.channels, info.colour_mode)


@pytest.mark.parametrize("name", USUAL)
def test_usual_files_are_read_from_their_first_bytes(tmp_path, opened, name):
    USUAL[name](tmp_path / name)
    same(tmp_path / name)
    assert opened == []


@pytest.mark.parametrize("name", UNUSUAL)
def test_other_files_are_opened(tmp_path, opened, name):
    UNUSUAL[name](tmp_path / name)
    same(tmp_path / name, 6 if name.startswith("bands") else None)
    assert opened == [tmp_path / name]


def test_orientation_in_the_texts_of_a_png_counts(tmp_path):
    file = io.BytesIO()
    image("RGB").save(file, "PNG")
    text = b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(6)
    chunk = struct.pack(">I", len(text)) + b"iTXt" + text
    chunk += struct.pack(">I", zlib.crc32(b"iTXt" + text))
    content = file.getvalue()
    (tmp_path / "a.png").write_bytes(content[:33] + chunk + content[33:])
    assert read_header(tmp_path / "a.png")[:2] == (30, 20)
    same(tmp_path / "a.png")


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe1\0"])
def test_errors_are_those_of_reading(tmp_path, content):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(UserError) as header:
        read_header(path)
    with pytest.raises(UserError) as whole:
        open_image(path)
    assert str(header.value) == str(whole.value)
    with pytest.raises(UserError, match="does not exist"):
        read_header(tmp_path / "other.png")


def test_a_terabyte_that_is_claimed_is_too_large(tmp_path):
    head = struct.pack(">IIBBBBB", 1_000_000, 1_000_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    data = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + data)
    assert read_header(tmp_path / "a.png").is_too_large
    Image.fromarray(RGB).save(tmp_path / "b.png")
    assert not read_header(tmp_path / "b.png").is_too_large
