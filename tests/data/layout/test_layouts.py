"""Folders as people have them, read by every command as one rule says: the same everywhere."""

import shutil
import unicodedata

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.images.io import write_image
from pix2pix_tf.utils.errors import UserError
from tests.conftest import TINIEST

SMALL = {"data.load_size": 36, "data.crop_size": 32, "discriminator.receptive_field": 34}
TRAINED = ["--set", "training.steps=1", "logging.tensorboard=false"]
TRAINED += [f"{key}={value}" for key, value in TINIEST.items()]


def opened(config="facades", **data):
    """What a training is told of its data."""
    keys = {f"data.{key}": value for key, value in data.items()}
    return open_pairs(load_config(config, {**SMALL, "data.root": "data", **keys}), check=True)


def draw(root, *names, size=(32, 32)):
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        image = np.random.default_rng(number).integers(0, 256, (*size, 3), np.uint8)
        write_image(root / name, image)


def numbered(folder, count, first=0):
    return [f"{folder}/{number}.png" for number in range(first, first + count)]


def two_folders(root, a, b):
    draw(root, *numbered(a, 8), *numbered(b, 8))


def split_names(root):
    draw(root, *numbered("training", 6), *numbered("Validation", 3, 10), size=(32, 64))


def thumbnails(root):
    draw(root, *numbered(".", 5), size=(32, 64))
    draw(root, *[f"@eaDir/{number}.png/SYNOPHOTO_THUMB_XL.jpg" for number in range(5)])


def composed(root):
    for side, form in (("A", "NFC"), ("B", "NFD")):
        draw(root, *[f"{side}/{unicodedata.normalize(form, name)}.png" for name in "éüïaø"])


CASES = {
    "trainA + trainB": (lambda root: two_folders(root, "trainA", "trainB"), "trainA (A)", 8),
    "input + target": (lambda root: two_folders(root, "input", "target"), "input (A)", 8),
    "training and Validation": (split_names, "6 training and 3 validation pairs", 9),
    "@eaDir": (thumbnails, "passed over, as systems make them or hide them: @eaDir", 5),
    "NFC and NFD": (composed, "folders A (A) and B (B)", 5),
}


@pytest.mark.parametrize("case", CASES)
def test_training_and_data_check_say_the_same_of_a_folder(here, tmp_path, case):
    make, said, count = CASES[case]
    make(tmp_path / "data")
    code, out, _ = here("data", "check", "data")
    assert code == 0
    pairs = [line.split("│")[2] for line in out.splitlines() if line.count("│") == 3]
    assert sum(int(number) for number in pairs) == count
    found = opened().found
    assert said in found
    assert out.splitlines()[0] in found


def test_training_says_what_it_reads_before_it_starts(here, tmp_path):
    two_folders(tmp_path / "data", "input", "target")
    code, out, err = here(
        "train", "--config", "facades", "--run", "run", *TRAINED, "data.root=data"
    )
    assert code == 0, err
    assert out.splitlines()[0] == (
        "data: data: folders input (A) and target (B), 7 training and 1 validation pairs (no val/ "
        "folder: 1 of 8 held out); A 32×32 8 bit RGB, B 32×32 8 bit RGB; kept in memory (15.1 kB)"
    )


REFUSED = {
    "squares": (lambda root: draw(root, "1.png", "2.png"), "not twice as wide as high"),
    "4:3 halves": (lambda root: draw(root, "1.png", "2.png", size=(24, 64)), "data.layout="),
    "unknown folders": (lambda root: two_folders(root, "photos", "thermal"), "data pair --a"),
    "two couples": (
        lambda root: draw(root, "images/1.png", "masks/1.png", "labels/1.png"),
        "could each be the two sides",
    ),
    "two names of a split": (
        lambda root: draw(root, "train/1.png", "training/1.png", size=(32, 64)),
        "two folders for the same images",
    ),
    "unpaired": (
        lambda root: draw(root, "trainA/a.png", "trainB/b.png"),
        "folders that are not paired cannot be trained on",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_refused_by_every_command(here, tmp_path, case):
    make, said = REFUSED[case]
    make(tmp_path / "data")
    for words in (
        ("train", "--config", "facades", "--run", "run", *TRAINED, "data.root=data"),
        ("data", "check", "data"),
        ("data", "split", "data", "--output", "new"),
    ):
        code, out, err = here(*words)
        assert code == 2, words
        assert said in (out + err).replace("\n", " ")
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "new").exists()


def test_pairs_of_other_proportions_are_trained_on_when_told(here, tmp_path):
    draw(tmp_path / "data", *numbered(".", 5), size=(24, 64))
    assert here("data", "check", "data")[0] == 2
    assert here("data", "check", "data", "--layout", "side_by_side")[0] == 0
    assert opened(layout="side_by_side").layout == "side_by_side"
    assert opened(load_size=[36, 48]).layout == "side_by_side"  # of twice these proportions


def test_commands_that_write_pairs_of_other_proportions_say_how_to_train_on_them(here, tmp_path):
    draw(tmp_path / "photos", *numbered("a", 2), size=(24, 32))
    draw(tmp_path / "photos", *numbered("b", 2), size=(24, 32))
    hint = "--set data.layout=side_by_side"
    pair = ("data", "pair", "--a", "photos/a", "--b", "photos/b", "--output")
    assert hint in here(*pair, "pairs")[1]
    assert hint in here("data", "derive", "grey", "--input", "photos", "--output", "derived")[1]
    draw(tmp_path / "squares", *numbered("c", 2))
    assert hint not in here("data", "derive", "grey", "--input", "squares", "--output", "new")[1]


@pytest.mark.parametrize("folders", ["AB", ["train/images", "train/masks"]])
def test_pairs_written_into_folders_with_names_of_sides_are_read_as_pairs_when_told(
    here, tmp_path, folders
):
    """Each file is a pair already: A/1.png is not the mate of B/1.png."""
    for folder in folders:
        draw(tmp_path / "photos" / folder, *numbered(".", 2))
    code, out, _ = here("data", "derive", "grey", "--input", "photos", "--output", "new")
    assert code == 0
    assert "--set data.layout=side_by_side" in out
    assert here("data", "check", "new", "--layout", "side_by_side")[0] == 0
    args = ("--a", "photos", "--b", "photos2", "--output", "pairs")
    shutil.copytree(tmp_path / "photos", tmp_path / "photos2")
    assert "--set data.layout=side_by_side" in here("data", "pair", *args)[1]


def test_pairs_written_as_no_layout_has_them_are_said(here, tmp_path):
    draw(tmp_path / "photos", "set/train/1.png", "set/val/1.png")
    code, out, _ = here("data", "derive", "grey", "--input", "photos", "--output", "new")
    assert code == 0
    assert "before these pairs can be trained on: new/set/train has the name of a split" in out


def test_derived_inputs_of_16_bits_are_said_to_lose_eight(here, tmp_path):
    (tmp_path / "data").mkdir()
    for number in range(4):
        deep = np.random.default_rng(number).integers(0, 65536, (40, 40), np.uint16)
        Image.fromarray(deep).save(tmp_path / "data" / f"{number}.png")
    said = "4 images of 16 bits: inputs are derived in 8, and so are targets"
    assert said in opened("colorization").notes
    code, out, _ = here("data", "derive", "grey", "--input", "data", "--output", "new")
    assert (code, said in out) == (0, True)


def test_photographs_in_folders_of_any_name_are_whole(here, tmp_path):
    draw(tmp_path / "data", "A/1.png", "B/2.png", "c/3.png", "4.png", size=(32, 64))
    assert here("data", "check", "data", "--layout", "photographs")[0] == 0
    assert "whole photographs, 3 training and 1 validation pairs" in opened("colorization").found


def test_a_few_images_of_other_proportions_are_bad_pairs_by_name(here, tmp_path):
    draw(tmp_path / "data", *numbered(".", 8), size=(32, 64))
    draw(tmp_path / "data", "x.png", size=(32, 50))
    code, out, _ = here("data", "check", "data")
    assert code == 2
    assert "data/x.png is 50×32 (width×height): a side-by-side pair is 2:1" in out
    with pytest.raises(UserError, match=r"data/x\.png is 50×32"):
        opened()
    (skipped,) = opened(on_bad_image="skip").skipped
    assert skipped.name == "x"
