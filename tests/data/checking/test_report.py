import shutil

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.data.checking.report import Kind, check_dataset
from pix2pix_tf.images.io import write_image
from pix2pix_tf.utils.errors import UserError


def image(path, height=8, width=16, channels=3):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, np.zeros((height, width, channels), np.uint8))
    return path


def test_a_sound_dataset_is_tallied(tmp_path, pairs_folder):
    root = pairs_folder(train=3, val=2)
    image(root / "test" / "grey.png", 4, 8, 1)
    advanced = []
    found = check_dataset(root, advance=advanced.append)
    assert found.pairs == {"train": 3, "val": 2, "test": 1}
    assert found.kinds == {
        Kind("train", "A|B", 36, 72, "uint8", 3): 3,
        Kind("val", "A|B", 36, 72, "uint8", 3): 2,
        Kind("test", "A|B", 4, 8, "uint8", 1): 1,
    }
    assert (found.problems, found.notes) == ([], [])
    assert found.warnings == [
        "1 of 6 images have another size than the others, 72×36 (width×height): "
        f"{root / 'test' / 'grey.png'} (8×4)",
        f"1 of 6 images of A are of a single colour: {root / 'test' / 'grey.png'}",
        f"1 of 6 images of B are of a single colour: {root / 'test' / 'grey.png'}",
    ]
    assert advanced == [6] * 6


def test_two_folders_without_splits(tmp_path):
    image(tmp_path / "A" / "sub" / "1.png", 8, 8)
    image(tmp_path / "B" / "sub" / "1.jpg", 16, 16, 1)
    deep = np.full((8, 8), 40_000, np.uint16)
    Image.fromarray(deep).save(tmp_path / "A" / "2.png")
    image(tmp_path / "B" / "2.png", 8, 8, 4)
    found = check_dataset(tmp_path)
    assert found.pairs == {"": 2}
    assert {(kind.side, kind.width, kind.type) for kind in found.kinds} == {
        ("A", 8, "8 bit RGB"),
        ("B", 16, "8 bit grey"),
        ("A", 8, "16 bit grey"),
        ("B", 8, "8 bit RGBA"),
    }
    assert found.problems == []


def test_every_bad_file_is_named_with_its_reason(pairs_folder):
    root = pairs_folder(train=6, val=1)
    (root / "train" / "0.png").write_bytes(b"")
    whole = (root / "train" / "1.png").read_bytes()
    (root / "train" / "1.png").write_bytes(whole[: len(whole) // 2])
    (root / "train" / "2.png").write_text("<html>")
    image(root / "train" / "3.png", 8, 15)
    Image.new("CMYK", (8, 4)).save(root / "train" / "4.jpg")
    (root / "train" / "4.png").unlink()
    found = check_dataset(root)
    assert found.pairs == {"train": 1, "val": 1}
    assert len(found.problems) == 5
    for problem, name, reason in zip(
        found.problems,
        ("0.png", "1.png", "2.png", "3.png", "4.jpg"),
        ("is empty", "cut short", "not an image", "15×8", "CMYK"),
        strict=True,
    ):
        assert problem.startswith(str(root / "train" / name))
        assert reason in problem


@pytest.mark.parametrize("layout", ["{split}/{side}", "{side}/{split}", "{side}"])
def test_every_name_without_a_mate_is_listed(tmp_path, layout):
    def place(side, name):
        return image(tmp_path / layout.format(split="train", side=side) / name)

    alone = [place("A", f"{n}.png") for n in range(12)] + [place("B", "x.png")]
    place("A", "both.png"), place("B", "both.jpg")
    double = place("B", "both.png")
    (alone[0]).write_bytes(b"broken")  # it is opened all the same
    found = check_dataset(tmp_path)
    assert list(found.pairs.values()) == [1]
    without_mate = [line.split(" ")[0] for line in found.problems if "has no mate in" in line]
    assert sorted(without_mate) == sorted(map(str, alone))
    kept = double.with_suffix(".jpg").name
    assert f"{double} has the same name without suffix as {kept}: remove one of them" in (
        found.problems
    )
    assert len(found.problems) == 15
    assert found.problems[-1].startswith(f"{alone[0]} is not an image")


def test_same_names_side_by_side(tmp_path):
    image(tmp_path / "val" / "1.jpg"), image(tmp_path / "val" / "1.png")
    found = check_dataset(tmp_path)
    assert found.pairs == {"val": 1}
    assert found.problems == [
        f"{tmp_path / 'val' / '1.png'} has the same name without suffix as 1.jpg: remove one of "
        "them"
    ]


def test_mates_of_other_shape(tmp_path):
    image(tmp_path / "A" / "1.png", 10, 10), image(tmp_path / "B" / "1.png", 10, 20)
    found = check_dataset(tmp_path)
    assert found.pairs == {"": 0}
    (problem,) = found.problems
    assert "their shapes differ by more than 2%" in problem


def test_a_broken_layout_is_one_problem_and_its_images_are_opened(tmp_path):
    image(tmp_path / "train" / "1.png"), image(tmp_path / "train" / "A" / "2.png")
    (tmp_path / "train" / "A" / "3.png").write_bytes(b"broken")
    image(tmp_path / "val" / "1.png")
    (tmp_path / "test").mkdir()
    found = check_dataset(tmp_path)
    assert found.pairs == {"train": 0, "val": 1, "test": 0}
    assert "its counterpart" in found.problems[0]
    assert "No image pairs were found" in found.problems[1]
    assert "3.png is not an image" in found.problems[2]
    assert found.kinds[Kind("train", "?", 8, 16, "uint8", 3)] == 2
    shutil.rmtree(tmp_path / "train" / "A")
    image(tmp_path / "A" / "train" / "1.png")
    with pytest.raises(UserError, match="A and B go together"):
        check_dataset(tmp_path)


def test_what_belongs_to_no_split_is_said(tmp_path, pairs_folder):
    root = pairs_folder(train=1, val=1)
    image(root / "stray.png")
    image(root / "classes" / "train" / "1.png"), image(root / "classes" / "train" / "2.png")
    found = check_dataset(root)
    assert found.notes == [
        "left out: 1 folder (classes) and 1 image beside the folders that are read",
    ]
    assert found.problems == []


@pytest.mark.parametrize("splits", [{"val": 2}, {"val": 2, "test": 1}])
def test_a_dataset_without_training_pairs_is_warned_of(pairs_folder, splits):
    root = pairs_folder(**splits)
    (warning,) = check_dataset(root).warnings
    assert warning.startswith(f"{root}: has {' and '.join(f'{name}/' for name in splits)} but no ")


def test_a_single_pair_is_warned_of(pairs_folder):
    root = pairs_folder(train=1)
    (warning,) = check_dataset(root).warnings
    assert warning.startswith(f"{root}: only 1 pair found (0); training needs at least two")
    assert check_dataset(pairs_folder("with_val", train=1, val=1)).warnings == []


def test_what_is_no_pair_is_not_called_pairs(tmp_path):
    image(tmp_path / "rgb" / "1.png"), image(tmp_path / "depth" / "1.png", 8, 8)
    image(tmp_path / "rgb" / "2.png", 8, 8), image(tmp_path / "depth" / "2.png", 8, 8)
    found = check_dataset(tmp_path)
    assert found.problems
    assert found.layout == "nothing that can be read"


def test_nothing_to_check(tmp_path):
    with pytest.raises(UserError, match="There is no folder"):
        check_dataset(tmp_path / "none")
    with pytest.raises(UserError, match="No image pairs were found"):
        check_dataset(tmp_path)
