"""Every layout and every refusal of pix2pix_tf.data.layout.layout, on folders made here."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from pix2pix_tf.data.layout.layout import find_layout
from pix2pix_tf.images.io import write_image
from pix2pix_tf.utils.errors import UserError

ACCENTED = "é"  # one character


def touch(root: Path, *names: str) -> Path:
    """Empty files, which tell nothing about their size."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def draw(root: Path, *names: str, size: tuple[int, int] = (8, 16)) -> Path:
    """Images of a size (height, width)."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(root / name, np.zeros((*size, 3), np.uint8))
    return root


def shown(layout, split="") -> list[tuple[str, str, str | None]]:
    """Names and files of the pairs of a split, relative to the root."""
    return [
        (
            pair.name,
            pair.a.relative_to(layout.root).as_posix(),
            pair.b and pair.b.relative_to(layout.root).as_posix(),
        )
        for pair in layout.pairs(split)
    ]


def refusal(root, split=None, *arguments) -> str:
    """What is said about a folder, or about one of its splits."""
    with pytest.raises(UserError) as caught:
        find_layout(root, *arguments).pairs(split)
    return str(caught.value)


# --- side by side ------------------------------------------------------------------------------


def test_images_of_twice_the_width_are_side_by_side_pairs(tmp_path):
    layout = find_layout(draw(tmp_path, "10.png", "2.PNG", "more/1.webp"))
    assert layout.kind == "side_by_side"
    assert shown(layout) == [
        ("2", "2.PNG", None),
        ("10", "10.png", None),
        ("more/1", "more/1.webp", None),
    ]


@pytest.mark.parametrize("size", [(8, 8), (16, 8), (9, 12), (100, 206), (100, 195)])
def test_a_folder_of_other_images_is_refused_with_what_was_found_and_what_to_do(tmp_path, size):
    message = refusal(draw(tmp_path, "1.png", "2.png", size=size), "")
    assert "2 images, most of them not twice as wide as high" in message
    assert f"{size[1]}×{size[0]} (2)" in message
    assert "data.layout=side_by_side (--layout side_by_side)" in message
    assert "SPLIT/A + SPLIT/B" in message


def test_a_few_other_images_are_left_for_those_who_open_all(tmp_path):
    draw(tmp_path, *(f"{n}.png" for n in range(3)))
    assert len(find_layout(draw(tmp_path, "x.png", size=(8, 8))).pairs("")) == 4


def test_halves_may_have_the_proportions_of_the_load_size(tmp_path):
    draw(tmp_path, "1.png", "2.png", size=(30, 80))
    layout = find_layout(tmp_path, "auto", (300, 400))
    assert layout.pairs("")[0].proportions == ((1, 2), (300, 800))
    assert "not twice as wide" in refusal(tmp_path, "", "auto", (400, 300))
    assert "not twice as wide" in refusal(tmp_path, "", "auto", (256, 256))


def test_the_setting_takes_any_proportions_and_folders_of_any_name(tmp_path):
    draw(tmp_path, "A/1.png", "B/1.png", "C/1.png", size=(9, 12))
    layout = find_layout(tmp_path, "side_by_side")
    assert [pair.name for pair in layout.pairs("")] == ["A/1", "B/1", "C/1"]
    assert layout.pairs("")[0].proportions == ()


def test_headers_of_a_few_images_decide(tmp_path, monkeypatch):
    import pix2pix_tf.data.layout.side_by_side as module

    read = []
    monkeypatch.setattr(module, "image_size", lambda path: read.append(path) or (8, 16))
    assert len(find_layout(touch(tmp_path, *(f"{n}.png" for n in range(1000)))).pairs("")) == 1000
    assert 90 < len(read) < 210


# --- splits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("train", "val", "test"),
        ("training", "validation", "testing"),
        ("Training", "VALID", "Test"),
        ("TRAIN", "Dev", "TESTING"),
    ],
)
@pytest.mark.parametrize("place", ["{split}/{n}.png", "{split}/A/{n}.png", "A/{split}/{n}.png"])
def test_splits_go_by_several_names_in_any_case(tmp_path, train, val, test, place):
    for split, count in ((train, 3), (val, 2), (test, 1)):
        for side in "AB" if "A" in place else "A":
            names = [place.replace("A", side).format(split=split, n=n) for n in range(count)]
            draw(tmp_path, *names)
    layout = find_layout(tmp_path)
    assert {name: len(split.pairs) for name, split in layout.splits.items()} == {
        "train": 3,
        "val": 2,
        "test": 1,
    }


@pytest.mark.parametrize("names", [("train", "training"), ("val", "Valid"), ("test", "Test")])
def test_two_names_of_one_split_are_refused(tmp_path, names):
    message = refusal(draw(tmp_path, *(f"{name}/1.png" for name in names)), "train")
    assert "are two folders for the same images, by their names" in message
    assert all(name in message for name in names)


def test_what_lies_beside_splits_is_listed(tmp_path):
    draw(tmp_path, "train/1.png", "classes/1.png", "more/deep/2.png", "stray.png")
    layout = find_layout(touch(tmp_path, "README.md", ".DS_Store"))
    assert layout.notes == [
        "left out: 2 folders (classes, more) and 1 image beside the folders that are read",
        "not images by their suffix: 1 .md",
        "passed over, as systems make them or hide them: .DS_Store",
    ]
    assert len(layout.pairs("train")) == 1


@pytest.mark.parametrize("setting", ["auto", "side_by_side", "photographs"])
@pytest.mark.parametrize(
    "names", [("set/train", "set/val"), ("set_train", "set_val"), ("train2017", "val2017")]
)
def test_splits_are_never_mixed(tmp_path, setting, names):
    draw(tmp_path, *(f"{name}/{name[-1]}.png" for name in names))
    message = refusal(tmp_path, "", setting)
    assert "mixed" in message
    assert ("give" in message) == ("/" in names[0])


def test_a_root_above_the_real_one_is_refused(tmp_path):
    message = refusal(draw(tmp_path, "facades/train/1.png", "facades/val/1.png", "x.png"), "")
    assert f"give {tmp_path / 'facades'} as the root" in message


def test_one_folder_for_two_splits_is_refused(tmp_path):
    draw(tmp_path, "train/1.png")
    (tmp_path / "val").symlink_to(tmp_path / "train")
    assert "are the same folder, by a link" in refusal(tmp_path)


def test_one_file_in_two_splits_is_refused(tmp_path):
    draw(tmp_path, "train/1.png", "val/2.png")
    (tmp_path / "val" / "x.png").symlink_to(tmp_path / "train" / "1.png")
    assert "are the same file, by a link" in refusal(tmp_path)


def test_one_file_on_both_sides_is_refused(tmp_path):
    draw(tmp_path, "A/1.png", "B/2.png")
    (tmp_path / "B" / "1.png").symlink_to(tmp_path / "A" / "1.png")
    (tmp_path / "A" / "2.png").symlink_to("../B/2.png")
    assert "are the same file, by a link" in refusal(tmp_path)


def test_a_split_of_two_names_by_a_link_counts_once(tmp_path):
    draw(tmp_path, "training/1.png", "training/2.png")
    (tmp_path / "train").symlink_to(tmp_path / "training")
    assert len(find_layout(tmp_path).pairs("train")) == 2


def test_what_is_wrong_with_one_split_stops_no_other(tmp_path):
    draw(tmp_path, "train/A/1.png", "train/B/1.png", "val/A/2.png", "val/B/3.png", "test/A/4.png")
    draw(tmp_path, "train/A/9.png", "train/B/9.png")
    layout = find_layout(tmp_path)
    assert len(layout.pairs("train")) == 2
    assert "none of the 1 images of" in refusal(tmp_path, "val")
    assert "its counterpart" in refusal(tmp_path, "test")


def test_a_split_that_lies_in_another_way_is_refused(tmp_path):
    draw(tmp_path, "train/A/1.png", "train/B/1.png", "val/1.png", "test/input/1.png")
    draw(tmp_path, "test/target/1.png")
    assert len(find_layout(tmp_path).pairs("train")) == 1
    for split in ("val", "test"):
        assert "another split has the folders A and B" in refusal(tmp_path, split)


# --- two folders -------------------------------------------------------------------------------

SIDES = [
    ("A", "B"),
    ("a", "b"),
    ("input", "target"),
    ("Inputs", "Targets"),
    ("input", "output"),
    ("source", "target"),
    ("src", "dst"),
    ("X", "Y"),
    ("images", "masks"),
    ("Image", "Mask"),
    ("images", "labels"),
    ("img", "gt"),
    ("photos", "labels"),
    ("before", "after"),
    ("Ground Truth", "images"),
]


@pytest.mark.parametrize(("a", "b"), SIDES)
@pytest.mark.parametrize("size", [(8, 8), (8, 16)])  # also where they could be halved
def test_sibling_folders_of_known_names_are_paired(tmp_path, a, b, size):
    if a == "Ground Truth":
        a, b = b, a
    draw(tmp_path, f"{a}/1.png", f"{a}/s/2.png", f"{b}/1.webp", f"{b}/s/2.bmp", size=size)
    layout = find_layout(tmp_path)
    assert (layout.kind, layout.sides) == ("folders", (a, b))
    assert shown(layout) == [
        ("1", f"{a}/1.png", f"{b}/1.webp"),
        ("s/2", f"{a}/s/2.png", f"{b}/s/2.bmp"),
    ]


@pytest.mark.parametrize(("a", "b"), SIDES[:8])
@pytest.mark.parametrize("place", ["{split}/{side}", "{side}/{split}"])
def test_sibling_folders_have_splits_above_or_below(tmp_path, a, b, place):
    for split in ("training", "val"):
        for side in (a, b):
            draw(tmp_path, f"{place.format(split=split, side=side)}/{split}.png")
    layout = find_layout(tmp_path)
    assert layout.sides == (a, b)
    first, second = (place.format(split="training", side=side) for side in (a, b))
    assert shown(layout, "train") == [
        ("training", f"{first}/training.png", f"{second}/training.png")
    ]
    assert len(layout.pairs("val")) == 1


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (("trainA", "trainB"), ("testA", "testB")),
        (("train_A", "train_B"), ("test_a", "test_b")),
        (("train_images", "train_masks"), ("test_images", "test_masks")),
        (("X_train", "y_train"), ("X_test", "y_test")),
        (("input-training", "target-training"), ("input-testing", "target-testing")),
    ],
)
def test_folders_of_one_split_and_side_are_paired(tmp_path, train, test):
    draw(tmp_path, *(f"{side}/1.png" for side in train), *(f"{side}/2.png" for side in test))
    layout = find_layout(tmp_path)
    assert layout.kind == "folders"
    assert shown(layout, "train") == [("1", f"{train[0]}/1.png", f"{train[1]}/1.png")]
    assert shown(layout, "test") == [("2", f"{test[0]}/2.png", f"{test[1]}/2.png")]


def test_folders_without_one_common_name_are_not_pairs(tmp_path):
    draw(tmp_path, "trainA/a1.png", "trainA/a2.png", "trainB/b1.png")
    message = refusal(tmp_path, "train")
    assert "none of the 2 images of" in message
    assert "folders that are not paired cannot be trained on" in message


@pytest.mark.parametrize("size", [(8, 8), (8, 16)])
def test_sibling_folders_of_unknown_names_are_refused_with_what_to_do(tmp_path, size):
    draw(tmp_path, "photos/1.png", "thermal/1.png", "photos/2.png", "thermal/2.png", size=size)
    message = refusal(tmp_path, "")
    assert f"`pix2pix-tf data pair --a {tmp_path / 'photos'} --b {tmp_path / 'thermal'}" in message
    assert "rename them to A and B" in message
    assert "data.layout=side_by_side" in message


def test_sub_folders_of_side_by_side_pairs_of_other_names_are_no_sides(tmp_path):
    draw(tmp_path, "paris/1.png", "paris/2.png", "london/3.png", "london/4.png", "london/2.png")
    assert len(find_layout(tmp_path).pairs("")) == 5


def test_unknown_folders_with_splits_in_them_are_refused_with_what_to_do(tmp_path):
    draw(tmp_path, "photos/train/1.png", "thermal/train/1.png")
    message = refusal(tmp_path, "")
    assert "`pix2pix-tf data pair --a" in message


def test_two_couples_are_refused(tmp_path):
    draw(tmp_path, "images/1.png", "masks/1.png", "labels/1.png")
    message = refusal(tmp_path)
    assert "images + masks and images + labels could each be the two sides" in message
    assert "data pair" in message


@pytest.mark.parametrize("pattern", ["{}", "train/{}"])
@pytest.mark.parametrize("side", ["A", "b"])
def test_only_one_of_a_and_b_is_refused(tmp_path, pattern, side):
    there, missing = pattern.format(side), pattern.format({"A": "B", "b": "a"}[side])
    message = refusal(draw(tmp_path, f"{there}/1.png"), "train")
    assert f"{tmp_path / there} is there but its counterpart {tmp_path / missing} is not" in message


def test_one_folder_for_both_sides_is_refused(tmp_path):
    draw(tmp_path, "A/1.png")
    (tmp_path / "B").symlink_to(tmp_path / "A")
    assert "are the same folder, by a link" in refusal(tmp_path)


def test_splits_of_one_side_only_are_refused(tmp_path):
    draw(tmp_path, "A/train/1.png", "B/train/1.png", "A/val/2.png", "B/3.png")
    assert "its counterpart" in refusal(tmp_path, "val")
    layout = find_layout(tmp_path)
    assert layout.notes == ["left out: 1 image beside the folders that are read"]


def test_folders_of_one_side_of_a_split_are_refused(tmp_path):
    draw(tmp_path, "train_images/1.png", "val_images/1.png")
    assert "the other side is not there" in refusal(tmp_path, "train")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["train/1.png", "A/train/1.png", "B/train/1.png"], ["splits train", "A and B"]),
        (["train/A/1.png", "train/B/1.png", "A/1.png", "B/1.png"], ["splits train", "A and B"]),
        (["trainA/1.png", "trainB/1.png", "train/1.png"], ["splits train", "trainA and trainB"]),
        (["trainA/1.png", "trainB/1.png", "A/1.png", "B/1.png"], ["A and B", "trainA and trainB"]),
        (["1.png", "A/1.png", "B/1.png"], ["A and B", "1 image beside them"]),
        (["train/1.png", "train/A/1.png", "train/B/1.png"], ["1 image", "A and B"]),
    ],
)
def test_two_layouts_at_once_are_refused(tmp_path, names, found):
    message = refusal(draw(tmp_path, *names), "train")
    assert "two layouts" in message
    assert all(text in message for text in found)


@pytest.mark.parametrize(
    "names", [("train/x/A/1.png", "train/x/B/1.png"), ("x/input/1.png", "x/target/1.png")]
)
def test_two_folders_deeper_down_are_not_taken_for_side_by_side(tmp_path, names):
    draw(tmp_path, *names)
    split = next(iter(find_layout(tmp_path).splits))
    message = refusal(tmp_path, split)
    assert f"give {(tmp_path / names[0]).parent.parent} as the root" in message


@pytest.mark.parametrize(
    "names",
    [
        ("photos/train/1.png", "maps/train/1.png"),
        ("x/1.png", "y2/1.png"),
        ("cats/1.png", "dogs/2.png"),
        ("1.png", "2.png"),
        ("set1/A/1.png", "set1/B/1.png"),
        ("facades_train/1.png", "facades_test/1.png"),
    ],
)
@pytest.mark.parametrize("size", [(8, 8), (8, 16)])
def test_refusals_are_sentences_with_one_full_stop_each(tmp_path, names, size):
    draw(tmp_path, *names, size=size)
    split = next(iter(find_layout(tmp_path).splits.values()))
    for said in split.problems:
        assert ".." not in said.replace("...", "")
        assert all(before.endswith(".") for before in said.split(" If ")[:-1])


def test_the_setting_wants_two_folders(tmp_path):
    draw(tmp_path, "1.png", "train/x.png")
    assert "no two folders of known names" in refusal(tmp_path, "train", "folders")
    assert "no two folders of known names" in refusal(tmp_path / "train", "", "folders")


# --- names of the two sides --------------------------------------------------------------------


def test_every_image_without_a_mate_is_named(tmp_path):
    draw(tmp_path, "A/both.png", "B/both.png", *(f"A/{n}.png" for n in range(12)), "B/lone.png")
    message = refusal(tmp_path, "")
    assert f"{tmp_path / 'A' / '0.png'} has no mate in {tmp_path / 'B'}" in message
    assert "and 3 more" in message
    problems = find_layout(tmp_path).splits[""].problems
    assert len(problems) == 13
    assert problems[-1] == f"{tmp_path / 'B' / 'lone.png'} has no mate in {tmp_path / 'A'}"


@pytest.mark.parametrize(
    ("beside", "hint"),
    [
        ("1.xcf", "1.xcf is there, but files ending .xcf are not read"),
        ("1", "1 is there, but files ending so are not read"),
        ("x.txt", None),
    ],
)
def test_missing_mates_name_the_file_that_would_fit_but_for_its_suffix(tmp_path, beside, hint):
    draw(tmp_path, "A/1.png", "A/2.png", "B/2.png")
    touch(tmp_path, f"B/{beside}")
    message = refusal(tmp_path, "")
    assert (
        (": " + hint in message) if hint else message.endswith(f"has no mate in {tmp_path / 'B'}")
    )


def test_missing_mates_name_the_file_that_differs_in_case(tmp_path):
    draw(tmp_path, "A/IMG_1.png", "A/2.png", "B/img_1.png", "B/2.png")
    message = refusal(tmp_path, "")
    assert f"has no mate in {tmp_path / 'B'}: img_1.png differs in upper and lower case" in message


def test_names_of_other_letters_are_not_said_to_differ_in_case(tmp_path):
    draw(tmp_path, "A/\ufb01g.png", "A/2.png", "B/fig.png", "B/2.png")  # a ligature of f and i
    message = refusal(tmp_path, "")
    assert "has no mate" in message
    assert "lower case" not in message


def test_names_match_whether_composed_or_decomposed(tmp_path):
    for side, form in (("A", "NFC"), ("B", "NFD")):
        draw(tmp_path, f"{side}/" + unicodedata.normalize(form, f"caf{ACCENTED}s/{ACCENTED}.png"))
    layout = find_layout(tmp_path)
    assert [pair.name for pair in layout.pairs("")] == [f"caf{ACCENTED}s/{ACCENTED}"]


@pytest.mark.parametrize("place", ["", "A/"])
def test_names_that_differ_only_in_composition_are_refused(tmp_path, place):
    for form in ("NFC", "NFD"):
        draw(tmp_path, place + unicodedata.normalize(form, f"{ACCENTED}.png"))
    if place:
        draw(tmp_path, f"B/{ACCENTED}.png")
    message = refusal(tmp_path, "")
    assert "have names that look the same, with accents stored in two ways" in message


@pytest.mark.parametrize(
    "names", [["x.png", "x.webp"], ["A/x.png", "A/x.PNG", "B/x.png"], ["x.y.png", "x.y.bmp"]]
)
def test_two_files_of_one_name_are_refused(tmp_path, names):
    message = refusal(draw(tmp_path, *names), "")
    assert "same name without suffix" in message
    assert str((tmp_path / names[0]).parent) in message


def test_stems_of_several_dots_are_whole_names(tmp_path):
    draw(tmp_path, "A/1.2.a.png", "A/1.3.a.png", "B/1.2.a.png", "B/1.3.a.bmp")
    assert [pair.name for pair in find_layout(tmp_path).pairs("")] == ["1.2.a", "1.3.a"]


# --- photographs -------------------------------------------------------------------------------


def test_photographs_are_whole_in_folders_of_any_name(tmp_path):
    draw(tmp_path, "1.png", "A/1.png", "B/2.png", "input/deep/3.png", size=(9, 16))
    layout = find_layout(tmp_path, "photographs")
    assert layout.kind == "photographs"
    assert [pair.name for pair in layout.pairs("")] == ["1", "A/1", "B/2", "input/deep/3"]


def test_photographs_have_splits(tmp_path):
    draw(tmp_path, "Training/A/1.png", "Training/B/1.png", "valid/1.png", "x/1.png")
    layout = find_layout(tmp_path, "photographs")
    assert [pair.name for pair in layout.pairs("train")] == ["A/1", "B/1"]
    assert len(layout.pairs("val")) == 1
    assert layout.notes == ["left out: 1 folder (x)"]


def test_photographs_of_splits_with_sides_are_refused(tmp_path):
    draw(tmp_path, "trainA/1.png", "trainB/1.png", "testA/1.png")
    assert "put those of each split into a folder" in refusal(tmp_path, "", "photographs")


# --- nothing found -----------------------------------------------------------------------------


def test_files_of_other_kinds_are_counted(tmp_path):
    touch(tmp_path, "train/a.txt", "train/b.txt", "train/c.MAT", "train/more/README")
    message = refusal(tmp_path, "train")
    assert f"{tmp_path / 'train'} has 4 files (2 .txt, 1 .mat, 1 without a suffix)" in message
    assert ".webp" in message
    assert "convert them, or name another folder" in message


def test_empty_folders_are_refused(tmp_path):
    assert f"{tmp_path} has nothing in it" in refusal(tmp_path, "")
    (tmp_path / "photos").mkdir()
    assert "only folders without images (photos)" in refusal(tmp_path, "")
    (tmp_path / "train").mkdir()
    assert f"{tmp_path / 'train'} has nothing in it" in refusal(tmp_path, "train")


def test_two_empty_folders_are_refused(tmp_path):
    touch(tmp_path, "A/1.mat")
    (tmp_path / "B").mkdir()
    message = refusal(tmp_path, "")
    assert f"{tmp_path / 'A'} has 1 file (1 .mat)" in message
    assert f"{tmp_path / 'B'} has nothing in it" in message


def test_a_missing_root_says_what_is_there_instead(tmp_path):
    touch(tmp_path, "facades/1.jpg", "maps/train/1.jpg", "cover.png", "notes.txt")
    message = refusal(tmp_path / "facade" / "deeper")
    assert str(tmp_path / "facade" / "deeper") in message
    assert f"{tmp_path}, with the sub-folders facades (images), maps and 1 image" in message
    assert "SPLIT/A + SPLIT/B" in message
    assert len(message.splitlines()) == 3


def test_a_missing_relative_root_is_named_absolutely(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = refusal(Path("none"))
    assert str(tmp_path / "none") in message
    assert "neither sub-folders nor images" in message


def test_many_neighbours_of_a_missing_root_are_cut_off(tmp_path):
    touch(tmp_path, *(f"d{k}/x.txt" for k in range(14)))
    assert "d8, d9 and 4 more" in refusal(tmp_path / "none")


def test_a_root_that_is_a_file_is_refused(tmp_path):
    touch(tmp_path, "facades.tar.gz")
    assert "is a file, not a folder" in refusal(tmp_path / "facades.tar.gz")
