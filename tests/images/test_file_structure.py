"""PNG and JPEG files of very many parts or scans are refused before they cost minutes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.images.io import decode_image, image_dtype, image_size, read_image
from pix2pix_tf.utils.errors import UserError
from tests.images.test_io import GREY, chunk, png_bytes


def of_scans(width: int, height: int, scans: int) -> bytes:
    """A progressive JPEG, its last scan repeated: each goes over all pixels."""
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "JPEG", progressive=True)
    content = file.getvalue()
    last = content.rindex(b"\xff\xda")
    more = scans - content.count(b"\xff\xda")
    return content[:-2] + content[last:-2] * more + content[-2:]


def test_jpeg_of_very_many_scans_is_refused(tmp_path):
    path = tmp_path / "x.jpg"
    path.write_bytes(of_scans(1000, 1000, 2001))
    with pytest.raises(UserError, match=r"x\.jpg is a JPEG of 2001 scans, which would take too"):
        read_image(path, 3)
    assert image_size(path) == (1000, 1000)  # it is the pixels that take long


def test_jpeg_of_many_scans_is_read(tmp_path):
    path = tmp_path / "x.jpg"
    path.write_bytes(of_scans(64, 64, 2001))
    assert read_image(path, 1).shape == (64, 64, 1)


def test_scans_are_counted_across_the_parts_that_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("pix2pix_tf.images.file_structure._CHUNK_BYTES", 1)
    monkeypatch.setattr("pix2pix_tf.images.file_structure.SCANS_AT_MOST", 64 * 64 * 20)
    path = tmp_path / "x.jpg"
    path.write_bytes(of_scans(64, 64, 20))
    assert read_image(path, 1).shape == (64, 64, 1)
    path.write_bytes(of_scans(64, 64, 21))
    with pytest.raises(UserError, match="21 scans"):
        read_image(path, 1)


def of_parts(kind: str, count: int) -> bytes:
    """A sound file with as many empty parts before its pixels."""
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "JPEG")
    return {
        "PNG": png_bytes((1, 1, 8, GREY), b"\0\7", before=chunk(b"teSt", b"") * count),
        "comments": b"\xff\xd8" + b"\xff\xfe\0\2" * count + file.getvalue()[2:],
        "fill bytes": b"\xff\xd8" + b"\xff" * count + file.getvalue()[2:],
        "nothing": b"\xff\xd8" + b"\xff\xfe\0\0" * count,  # lengths that lead nowhere
    }[kind]


@pytest.mark.parametrize("kind", ["PNG", "comments", "fill bytes"])
def test_files_of_very_many_parts_are_refused(tmp_path, kind):
    path = tmp_path / "x.png"
    path.write_bytes(of_parts(kind, 60_000))
    for read in (decode_image, image_size, image_dtype):
        with pytest.raises(UserError, match=r"x\.png is made of very many tiny parts"):
            read(path)
    path.write_bytes(of_parts(kind, 1000))
    assert decode_image(path).dtype == np.uint8


def test_parts_without_a_length_end(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(of_parts("nothing", 30_000))
    with pytest.raises(UserError):
        decode_image(path)
