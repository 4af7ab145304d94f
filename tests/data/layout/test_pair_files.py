"""A pair read from its file or files: halves, sides, sizes, depths."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from pix2pix_tf.config.schema import DataConfig
from pix2pix_tf.data.layout.pair_files import PairFiles, read_pair, side_types
from pix2pix_tf.data.layout.pair_spec import PairSpec, pair_spec
from pix2pix_tf.images.io import write_image
from pix2pix_tf.utils.errors import UserError

ANY = ()  # proportions


def refusal(find, *arguments) -> str:
    with pytest.raises(UserError) as caught:
        find(*arguments)
    return str(caught.value)


def channels(a: int, b: int) -> PairSpec:
    return pair_spec(DataConfig(root="x", input_channels=a, target_channels=b))


def write_grey16(path: Path, value: int, width: int = 2) -> Path:
    def chunk(kind: bytes, data: bytes) -> bytes:
        end = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + end

    header = struct.pack(">IIBBBBB", width, 1, 16, 0, 0, 0, 0)
    row = b"\0" + struct.pack(">H", value) * width
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(row))
        + chunk(b"IEND", b"")
    )
    return path


def write(path: Path, height: int, width: int, value: int = 0, channels: int = 3) -> Path:
    write_image(path, np.full((height, width, channels), value, np.uint8))
    return path


def test_side_by_side_is_split_exactly_at_the_half(tmp_path):
    columns = np.array([0, 1, 2, 250, 251, 252], np.uint8)
    write_image(tmp_path / "x.png", np.tile(columns[None, :, None], (2, 1, 1)))
    a, b = read_pair(PairFiles("x", tmp_path / "x.png", None, ANY), channels(1, 3))
    assert a.tolist() == [[[0], [1], [2]]] * 2
    assert b.tolist() == [[[v] * 3 for v in (250, 251, 252)]] * 2


def test_halves_take_their_channels_apart(tmp_path):
    pixels = [[[10, 20, 30, 0], [10, 20, 30, 0]]]
    write_image(tmp_path / "x.png", np.array(pixels, np.uint8))
    a, b = read_pair(PairFiles("x", tmp_path / "x.png", None), channels(3, 4))
    assert a.tolist() == [[[255, 255, 255]]]
    assert b.tolist() == [[[10, 20, 30, 0]]]


def test_two_files(tmp_path):
    a_file, b_file = write(tmp_path / "a.png", 4, 6, 7), write(tmp_path / "b.bmp", 2, 3, 9)
    a, b = read_pair(PairFiles("x", a_file, b_file), channels(3, 1))
    assert (a.shape, b.shape) == ((4, 6, 3), (2, 3, 1))
    assert (a == 7).all()
    assert (b == 9).all()


def test_sides_keep_their_own_depth(tmp_path):
    a_file, b_file = write(tmp_path / "a.png", 1, 2, 7), write_grey16(tmp_path / "b.png", 257 * 7)
    a, b = read_pair(PairFiles("x", a_file, b_file), channels(1, 1))
    assert (a.dtype, b.dtype) == (np.uint8, np.uint16)
    assert b.tolist() == [[[1799], [1799]]]


def test_sixteen_bit_side_by_side(tmp_path):
    a, b = read_pair(
        PairFiles("x", write_grey16(tmp_path / "x.png", 65535, 4), None, ANY), channels(1, 1)
    )
    assert a.shape == b.shape == (1, 2, 1)
    assert a.min() == b.min() == 65535


@pytest.mark.parametrize("width", [1, 513])
def test_odd_width_is_refused(tmp_path, width):
    path = write(tmp_path / "x.png", 2, width)
    message = refusal(read_pair, PairFiles("x", path, None, ANY), channels(3, 3))
    assert f"{path} is {width} pixels wide" in message


@pytest.mark.parametrize(("height", "width"), [(100, 200), (100, 204), (102, 200), (50, 100)])
def test_images_of_twice_the_width_are_halved(tmp_path, height, width):
    a, b = read_pair(PairFiles("x", write(tmp_path / "x.png", height, width), None), channels(3, 3))
    assert a.shape == b.shape == (height, width // 2, 3)


@pytest.mark.parametrize(("height", "width"), [(100, 100), (100, 206), (100, 194), (200, 100)])
def test_only_images_of_twice_the_width_are_halved(tmp_path, height, width):
    path = write(tmp_path / "x.png", height, width)
    message = refusal(read_pair, PairFiles("x", path, None), channels(3, 3))
    assert f"{path} is {width}×{height}" in message
    assert "a side-by-side pair is 2:1" in message


def test_proportions_of_pairs_can_be_others(tmp_path):
    path = write(tmp_path / "x.png", 30, 80)
    a, _ = read_pair(PairFiles("x", path, None, ((1, 2), (30, 80))), channels(3, 3))
    assert a.shape == (30, 40, 3)
    assert "2:1 or 4:1" in refusal(
        read_pair, PairFiles("x", path, None, ((1, 2), (1, 4))), channels(3, 3)
    )


@pytest.mark.parametrize(("height_b", "width_b"), [(50, 51), (51, 50), (25, 25), (100, 102)])
def test_shapes_within_2_percent_are_accepted(tmp_path, height_b, width_b):
    files = (write(tmp_path / "a.png", 50, 50), write(tmp_path / "b.png", height_b, width_b))
    a, b = read_pair(PairFiles("x", *files), channels(1, 1))
    assert a.shape == (50, 50, 1)
    assert b.shape == (height_b, width_b, 1)


@pytest.mark.parametrize(("height_b", "width_b"), [(100, 103), (103, 100), (50, 100)])
def test_other_shapes_are_refused(tmp_path, height_b, width_b):
    files = (write(tmp_path / "a.png", 50, 50), write(tmp_path / "b.png", height_b, width_b))
    message = refusal(read_pair, PairFiles("x", *files), channels(1, 1))
    assert f"{files[0]} is 50×50" in message
    assert re.search(rf"{files[1]} is {width_b}×{height_b}\b", message)


def test_unreadable_mate_is_named(tmp_path):
    (tmp_path / "b.png").touch()
    files = PairFiles("x", write(tmp_path / "a.png", 2, 2), tmp_path / "b.png")
    assert str(tmp_path / "b.png") in refusal(read_pair, files, channels(3, 3))
    assert str(tmp_path / "b.png") in refusal(side_types, [files], channels(3, 3))


def test_types_of_each_side(tmp_path):
    spec = channels(1, 1)
    shallow, deep = write(tmp_path / "8.png", 1, 2), write_grey16(tmp_path / "16.png", 5)
    side_by_side, two = PairFiles("x", deep, None), PairFiles("y", shallow, deep)
    assert side_types([side_by_side], spec) == {"A": {np.dtype("u2")}, "B": {np.dtype("u2")}}
    assert side_types([two], spec) == {"A": {np.dtype("u1")}, "B": {np.dtype("u2")}}
    assert side_types([side_by_side, two], spec)["A"] == {np.dtype("u1"), np.dtype("u2")}
    photo = PairFiles("z", shallow, None, is_photo=True)
    assert side_types([photo], spec) == {"photo": {np.dtype("u1")}}
