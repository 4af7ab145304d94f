"""Every layout and every refusal of pix2pix_tf.data.files, on folders made here."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from pix2pix_tf.data.files import (
    PairFiles,
    find_flat,
    find_split,
    list_images,
    pair_depth,
    read_pair,
)
from pix2pix_tf.data.images import IMAGE_SUFFIXES, write_image
from pix2pix_tf.errors import UserError


def touch(root: Path, *names: str) -> Path:
    """Empty files: finding pairs never opens one."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def shown(pairs: list[PairFiles] | None, root: Path) -> list[tuple[str, str, str | None]]:
    assert pairs is not None
    return [
        (p.name, p.a.relative_to(root).as_posix(), p.b and p.b.relative_to(root).as_posix())
        for p in pairs
    ]


def refusal(find, *arguments) -> str:
    with pytest.raises(UserError) as caught:
        find(*arguments)
    return str(caught.value)


# --- listing -----------------------------------------------------------------------------------


def test_images_come_in_natural_order_at_any_depth(tmp_path):
    names = ["img10.png", "img2.png", "img1.png", "img01.png", "sub10/a.png", "sub9/b/c.png"]
    found = [p.relative_to(tmp_path).as_posix() for p in list_images(touch(tmp_path, *names))]
    assert found == [
        "img01.png",
        "img1.png",
        "img2.png",
        "img10.png",
        "sub9/b/c.png",
        "sub10/a.png",
    ]


@pytest.mark.parametrize("suffix", [s for lower in IMAGE_SUFFIXES for s in (lower, lower.upper())])
def test_every_suffix_in_either_case_is_listed(tmp_path, suffix):
    assert list_images(touch(tmp_path, f"x{suffix}", "x.txt")) == [tmp_path / f"x{suffix}"]


def test_hidden_files_and_folders_are_left_out(tmp_path):
    touch(tmp_path, "x.png", ".x.png", "._x.png", ".cache/y.png", "__MACOSX/z.png", "a/.b/c.png")
    assert list_images(tmp_path) == [tmp_path / "x.png"]


def test_linked_folders_are_entered_but_not_in_circles(tmp_path):
    touch(tmp_path, "elsewhere/x.png", "root/y.png")
    root = tmp_path / "root"
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "up").symlink_to(root)
    assert list_images(root) == [root / "linked" / "x.png", root / "y.png"]


def test_a_broken_link_is_listed_for_its_reader_to_refuse(tmp_path):
    (tmp_path / "x.png").symlink_to(tmp_path / "nowhere.png")
    assert list_images(tmp_path) == [tmp_path / "x.png"]


def test_listing_no_folder_is_refused(tmp_path):
    message = refusal(list_images, tmp_path / "none")
    assert str(tmp_path / "none") in message
    assert "No such file or directory" in message


# --- layouts -----------------------------------------------------------------------------------


def test_side_by_side_in_split_folders(tmp_path):
    touch(tmp_path, "train/10.jpg", "train/2.PNG", "train/more/1.webp", "val/1.jpg")
    assert shown(find_split(tmp_path, "train"), tmp_path) == [
        ("2", "train/2.PNG", None),
        ("10", "train/10.jpg", None),
        ("more/1", "train/more/1.webp", None),
    ]
    assert shown(find_split(tmp_path, "val"), tmp_path) == [("1", "val/1.jpg", None)]
    assert find_split(tmp_path, "test") is None


@pytest.mark.parametrize(("a", "b"), [("train/A", "train/B"), ("A/train", "B/train")])
def test_two_folders_with_splits(tmp_path, a, b):
    touch(tmp_path, f"{a}/2.jpg", f"{a}/10.jpg", f"{a}/s/x.y.png", f"{b}/2.png", f"{b}/10.jpg")
    touch(tmp_path, f"{b}/s/x.y.tif")
    assert shown(find_split(tmp_path, "train"), tmp_path) == [
        ("2", f"{a}/2.jpg", f"{b}/2.png"),
        ("10", f"{a}/10.jpg", f"{b}/10.jpg"),
        ("s/x.y", f"{a}/s/x.y.png", f"{b}/s/x.y.tif"),
    ]
    assert find_split(tmp_path, "val") is None


def test_flat_side_by_side_leaves_split_folders_out(tmp_path):
    touch(tmp_path, "1.jpg", "more/2.jpg", "train/3.jpg", "val/4.jpg", "test/5.jpg")
    assert shown(find_flat(tmp_path), tmp_path) == [
        ("1", "1.jpg", None),
        ("more/2", "more/2.jpg", None),
    ]


def test_flat_two_folders_leave_split_folders_out(tmp_path):
    touch(tmp_path, "A/1.jpg", "B/1.png", "A/train/2.jpg", "B/s/3.jpg", "A/s/3.jpg")
    assert shown(find_flat(tmp_path), tmp_path) == [
        ("1", "A/1.jpg", "B/1.png"),
        ("s/3", "A/s/3.jpg", "B/s/3.jpg"),
    ]


def test_root_given_as_text(tmp_path):
    touch(tmp_path, "train/1.jpg")
    assert find_split(str(tmp_path), "train") == find_split(tmp_path, "train")


def test_a_split_that_only_flat_files_surround_is_none(tmp_path):
    touch(tmp_path, "1.jpg", "A/1.jpg", "B/1.jpg")
    assert find_split(tmp_path, "train") is None


def test_a_root_above_the_real_one_is_refused(tmp_path):
    touch(tmp_path, "facades/train/1.jpg", "facades/val/1.jpg", "x.jpg")
    message = refusal(find_flat, tmp_path)
    assert "train" in message
    assert f"give {tmp_path / 'facades'} as the root" in message


def test_two_folders_deeper_down_are_not_taken_for_side_by_side(tmp_path):
    touch(tmp_path, "train/x/A/1.jpg", "train/x/B/1.jpg")
    message = refusal(find_split, tmp_path, "train")
    assert str(tmp_path / "train" / "x" / "A" / "1.jpg") in message


# --- refused layouts ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["train/1.jpg", "train/A/1.jpg", "train/B/1.jpg"], ["1 side-by-side image", "train/A"]),
        (["train/1.jpg", "A/train/1.jpg", "B/train/1.jpg"], ["1 side-by-side image", "A/train"]),
        (["train/A/1.jpg", "train/B/1.jpg", "A/train/1.jpg"], ["train/A", "A/train"]),
        (["train/1.jpg", "train/2.jpg", "train/B/1.jpg"], ["2 side-by-side images", "train/B"]),
    ],
)
def test_two_layouts_of_a_split_are_refused(tmp_path, names, found):
    message = refusal(find_split, touch(tmp_path, *names), "train")
    assert "two layouts" in message
    assert all(text in message for text in found)


def test_two_flat_layouts_are_refused(tmp_path):
    message = refusal(find_flat, touch(tmp_path, "1.jpg", "A/1.jpg", "B/1.jpg"))
    assert "1 side-by-side image in" in message
    assert f"{tmp_path / 'A'} and {tmp_path / 'B'}" in message


@pytest.mark.parametrize("side", ["A", "B"])
@pytest.mark.parametrize("pattern", ["train/{}", "{}/train"])
def test_only_one_of_a_and_b_is_refused(tmp_path, pattern, side):
    there, missing = pattern.format(side), pattern.format("B" if side == "A" else "A")
    message = refusal(find_split, touch(tmp_path, f"{there}/1.jpg"), "train")
    assert f"{tmp_path / there} is there but its counterpart {tmp_path / missing} is not" in message


def test_only_one_flat_folder_is_refused(tmp_path):
    assert "counterpart" in refusal(find_flat, touch(tmp_path, "A/1.jpg"))


def test_every_unmatched_name_is_reported(tmp_path):
    touch(tmp_path, "A/both.jpg", "B/both.png", *(f"A/{k}.jpg" for k in range(12)), "B/lone.png")
    message = refusal(find_flat, tmp_path)
    assert f"12 of {tmp_path / 'A'} (0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more)" in message
    assert f"1 of {tmp_path / 'B'} (lone)" in message
    assert "both" not in message


def test_unmatched_names_of_one_side(tmp_path):
    message = refusal(find_flat, touch(tmp_path, "A/1.jpg", "B/1.jpg", "B/x/1.jpg"))
    assert f"1 of {tmp_path / 'B'} (x/1)" in message
    assert "1 of " + str(tmp_path / "A") not in message
    assert "more" not in message


def test_ten_unmatched_names_are_all_named(tmp_path):
    touch(tmp_path, *(f"A/{k}.jpg" for k in range(10)))
    (tmp_path / "B").mkdir()
    assert "7, 8, 9)" in refusal(find_flat, tmp_path)


@pytest.mark.parametrize(
    "names", [["train/x.jpg", "train/x.png"], ["train/A/x.jpg", "train/A/x.png", "train/B/x.png"]]
)
def test_two_files_of_one_name_are_refused(tmp_path, names):
    message = refusal(find_split, touch(tmp_path, *names), "train")
    assert str(tmp_path / names[0]) in message
    assert "x.png" in message
    assert "same name without suffix" in message


# --- nothing found -----------------------------------------------------------------------------


def test_files_of_other_kinds_are_counted(tmp_path):
    touch(tmp_path, "train/a.txt", "train/b.txt", "train/c.MAT", "train/more/README")
    message = refusal(find_split, tmp_path, "train")
    assert f"{tmp_path / 'train'} has 4 files ending .txt, (no suffix), .mat" in message
    assert ".webp" in message
    assert "convert them, or name another folder" in message


def test_empty_split(tmp_path):
    (tmp_path / "train").mkdir()
    assert f"{tmp_path / 'train'} has nothing in it" in refusal(find_split, tmp_path, "train")


def test_empty_root(tmp_path):
    assert f"{tmp_path} has nothing in it" in refusal(find_flat, tmp_path)


def test_empty_folders(tmp_path):
    (tmp_path / "photos").mkdir()
    assert "only empty folders (photos)" in refusal(find_flat, tmp_path)


def test_root_with_nothing_but_splits_is_not_flat(tmp_path):
    message = refusal(find_flat, touch(tmp_path, "train/1.jpg", "val/1.jpg"))
    assert "the split folders train, val" in message
    assert ".jpg and" not in message


def test_two_empty_folders(tmp_path):
    touch(tmp_path, "A/1.npy")
    (tmp_path / "B").mkdir()
    message = refusal(find_flat, tmp_path)
    assert f"{tmp_path / 'A'} has 1 file ending .npy" in message
    assert f"{tmp_path / 'B'} has nothing in it" in message


@pytest.mark.parametrize("find", [find_flat, lambda root: find_split(root, "train")])
def test_missing_root(tmp_path, find):
    touch(tmp_path, "facades/1.jpg", "maps/train/1.jpg", "cover.png", "notes.txt")
    message = refusal(find, tmp_path / "facade" / "deeper")
    assert str(tmp_path / "facade" / "deeper") in message
    assert f"{tmp_path}, with the sub-folders facades (images), maps and 1 image" in message
    assert "SPLIT/A + SPLIT/B" in message
    assert len(message.splitlines()) == 3


def test_missing_relative_root_is_named_absolutely(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = refusal(find_flat, Path("none"))
    assert str(tmp_path / "none") in message
    assert "neither sub-folders nor images" in message


def test_many_neighbours_of_a_missing_root_are_cut_off(tmp_path):
    touch(tmp_path, *(f"d{k}/x.txt" for k in range(14)))
    assert "d8, d9 and 4 more" in refusal(find_flat, tmp_path / "none")


def test_root_that_is_a_file(tmp_path):
    touch(tmp_path, "facades.tar.gz")
    assert "is a file, not a folder" in refusal(find_flat, tmp_path / "facades.tar.gz")


# --- reading -----------------------------------------------------------------------------------


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
    a, b = read_pair(PairFiles("x", tmp_path / "x.png", None), 1, 3)
    assert a.tolist() == [[[0], [1], [2]]] * 2
    assert b.tolist() == [[[v] * 3 for v in (250, 251, 252)]] * 2


def test_halves_take_their_channels_apart(tmp_path):
    pixels = [[[10, 20, 30, 0], [10, 20, 30, 0]]]
    write_image(tmp_path / "x.png", np.array(pixels, np.uint8))
    a, b = read_pair(PairFiles("x", tmp_path / "x.png", None), 3, 4)
    assert a.tolist() == [[[255, 255, 255]]]
    assert b.tolist() == [[[10, 20, 30, 0]]]


def test_two_files(tmp_path):
    a_file, b_file = write(tmp_path / "a.png", 4, 6, 7), write(tmp_path / "b.bmp", 2, 3, 9)
    a, b = read_pair(PairFiles("x", a_file, b_file), 3, 1)
    assert (a.shape, b.shape) == ((4, 6, 3), (2, 3, 1))
    assert (a == 7).all()
    assert (b == 9).all()


def test_sides_keep_their_own_depth(tmp_path):
    a_file, b_file = write(tmp_path / "a.png", 1, 2, 7), write_grey16(tmp_path / "b.png", 257 * 7)
    a, b = read_pair(PairFiles("x", a_file, b_file), 1, 1)
    assert (a.dtype, b.dtype) == (np.uint8, np.uint16)
    assert b.tolist() == [[[1799], [1799]]]


def test_sixteen_bit_side_by_side(tmp_path):
    a, b = read_pair(PairFiles("x", write_grey16(tmp_path / "x.png", 65535, 4), None), 1, 1)
    assert a.shape == b.shape == (1, 2, 1)
    assert a.min() == b.min() == 65535


@pytest.mark.parametrize("width", [1, 513])
def test_odd_width_is_refused(tmp_path, width):
    path = write(tmp_path / "x.png", 2, width)
    message = refusal(read_pair, PairFiles("x", path, None), 3, 3)
    assert f"{path} is {width} pixels wide" in message


@pytest.mark.parametrize(("height_b", "width_b"), [(50, 51), (51, 50), (25, 25), (100, 102)])
def test_shapes_within_2_percent_are_accepted(tmp_path, height_b, width_b):
    files = (write(tmp_path / "a.png", 50, 50), write(tmp_path / "b.png", height_b, width_b))
    a, b = read_pair(PairFiles("x", *files), 1, 1)
    assert a.shape == (50, 50, 1)
    assert b.shape == (height_b, width_b, 1)


@pytest.mark.parametrize(("height_b", "width_b"), [(100, 103), (103, 100), (50, 100)])
def test_other_shapes_are_refused(tmp_path, height_b, width_b):
    files = (write(tmp_path / "a.png", 50, 50), write(tmp_path / "b.png", height_b, width_b))
    message = refusal(read_pair, PairFiles("x", *files), 1, 1)
    assert f"{files[0]} is 50×50" in message
    assert re.search(rf"{files[1]} is {width_b}×{height_b}\b", message)


def test_unreadable_mate_is_named(tmp_path):
    touch(tmp_path, "b.png")
    files = PairFiles("x", write(tmp_path / "a.png", 2, 2), tmp_path / "b.png")
    assert str(tmp_path / "b.png") in refusal(read_pair, files, 3, 3)
    assert str(tmp_path / "b.png") in refusal(pair_depth, files)


def test_depth_is_the_wider_of_the_two(tmp_path):
    shallow, deep = write(tmp_path / "8.png", 1, 2), write_grey16(tmp_path / "16.png", 5)
    assert pair_depth(PairFiles("x", shallow, None)) == np.uint8
    assert pair_depth(PairFiles("x", deep, None)) == np.uint16
    assert pair_depth(PairFiles("x", shallow, shallow)) == np.uint8
    assert pair_depth(PairFiles("x", shallow, deep)) == np.uint16
    assert pair_depth(PairFiles("x", deep, shallow)) == np.uint16
