"""Outputs within inputs, and bad files among many: for every command that reads a folder."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pix2pix_tf.images.io import write_image
from pix2pix_tf.runs.run import Run


def picture(path, number=0, size=(16, 16)):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, np.random.default_rng(number).integers(0, 250, (*size, 3), np.uint8))


def drawing(path):
    image = Image.new("L", (64, 48), 230)
    ImageDraw.Draw(image).rectangle((12, 10, 50, 40), outline=30, width=3)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def cut_short(path):
    """Its header can be read, its pixels cannot."""
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])


@pytest.fixture
def photos(tmp_path):
    for number in range(4):
        picture(tmp_path / "photos" / f"{number}.png", number)
        picture(tmp_path / "labels" / f"{number}.png", number + 9)
        drawing(tmp_path / "drawings" / f"{number}.png")
    return tmp_path


COMMANDS = {
    "derive": ("photos", "data", "derive", "grey", "--input", "photos"),
    "edges": ("photos", "data", "edges", "--input", "photos"),
    "sketch": ("drawings", "data", "sketch", "--size", 64, "--input", "drawings"),
    "pair": ("photos", "data", "pair", "--a", "photos", "--b", "labels"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_an_output_folder_within_the_input_is_mentioned(here, photos, command):
    folder, *words = COMMANDS[command]
    code, out, err = here(*words, "--output", f"{folder}/made")
    assert code == 0, err
    assert f"{folder}/made lies within {folder}: whatever else reads {folder} reads it too" in out
    assert len(list((photos / folder / "made").rglob("*.png"))) == 4
    code, out, _ = here(*words, "--output", "beside")
    assert "lies within" not in out


@pytest.mark.parametrize("command", COMMANDS)
def test_an_output_folder_that_is_the_input_is_refused(here, photos, command):
    folder, *words = COMMANDS[command]
    before = sorted(photos.rglob("*"))
    code, _, err = here(*words, "--output", folder)
    assert code == 2
    assert folder in err
    assert sorted(photos.rglob("*")) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_all_files_that_cannot_be_read_are_named_at_once(here, photos, command):
    folder, *words = COMMANDS[command]
    for number in (1, 3):
        cut_short(photos / folder / f"{number}.png")
    code, _, err = here(*words, "--output", "made")
    assert code == 2
    assert f"{folder}/1.png is damaged or cut short" in err
    assert f"{folder}/3.png is damaged or cut short" in err
    assert not (photos / "made").exists()


def test_all_drawings_without_lines_are_named_at_once(here, photos):
    for number in (0, 2):
        write_image(photos / "drawings" / f"{number}.png", np.full((40, 40, 3), 255, np.uint8))
    code, _, err = here("data", "sketch", "--input", "drawings", "--output", "made")
    assert code == 2
    assert "drawings/0.png: the image shows no dark lines" in err
    assert "drawings/2.png: the image shows no dark lines" in err


@pytest.mark.parametrize("damage", [cut_short, lambda path: path.write_bytes(b"no image")])
def test_all_files_that_cannot_be_scored_are_named_at_once(here, photos, damage):
    damage(photos / "photos" / "0.png")
    damage(photos / "labels" / "2.png")
    code, _, err = here("evaluate", "--outputs", "photos", "--targets", "labels")
    assert code == 2
    assert "photos/0.png is " in err
    assert "labels/2.png is " in err


def test_images_that_are_saved_within_those_that_are_scored_are_mentioned(here, photos):
    words = ("evaluate", "--outputs", "photos", "--targets", "labels", "--save", "photos/saved")
    code, out, _ = here(*words)
    assert code == 0
    assert "photos/saved lies within photos: whatever else reads photos reads it too" in out


def test_all_pictures_that_a_study_cannot_show_are_named_at_once(here, photos):
    for number in (1, 2):
        cut_short(photos / "photos" / f"{number}.png")
    words = ("study", "new", "--name", "x", "--real", "labels", "--fake", "L1=photos")
    code, _, err = here(*words, "--practice", 0, "--trials", 1)
    assert code == 2
    assert "photos/1.png is damaged" in err
    assert "photos/2.png is damaged" in err
    assert not (photos / "studies" / "x").exists()


@pytest.mark.parametrize("damage", [cut_short, lambda path: path.write_bytes(b"no image")])
def test_all_pairs_of_a_run_that_cannot_be_scored_are_named_at_once(here, tiny_run, damage):
    val = Path(Run(tiny_run).load_config().data.root) / "val"
    whole = {path: path.read_bytes() for path in val.iterdir()}
    try:  # the dataset is that of all tests
        for path in whole:
            damage(path)
        code, _, err = here("evaluate", "--run", tiny_run)
    finally:
        for path, content in whole.items():
            path.write_bytes(content)
    assert code == 2
    assert all(f"{path} is " in err for path in whole)
