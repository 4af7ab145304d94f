"""`pix2pix-tf data edges`, `derive` and `sketch`, as typed."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pix2pix_tf.data.derived.edges import canny_edges
from pix2pix_tf.images.io import read_image, write_image


@pytest.fixture
def photos(tmp_path):
    """photos/train/0.png and photos/val/1.png: a bright disc on a dark ground."""
    for number, split in enumerate(("train", "val")):
        image = Image.new("RGB", (64, 48), (20, 30, 60))
        ImageDraw.Draw(image).ellipse((12 + number, 8, 50, 40), fill=(220, 200, 90))
        (tmp_path / "photos" / split).mkdir(parents=True)
        image.save(tmp_path / "photos" / split / f"{number}.png")
    return tmp_path


def halves(path):
    pair = read_image(path, 3)
    return pair[:, : pair.shape[1] // 2], pair[:, pair.shape[1] // 2 :]


def test_edges_become_pairs_to_train_on(here, photos):
    code, out, _ = here("data", "edges", "--input", "photos", "--output", "pairs")
    assert code == 0
    assert "2 pairs in pairs" in out
    lines, photo = halves(photos / "pairs" / "train" / "0.png")
    assert np.array_equal(photo, read_image(photos / "photos" / "train" / "0.png", 3))
    assert np.array_equal(lines[..., 0], canny_edges(photo))
    assert 20 < (lines[..., 0] == 0).sum() < 400
    code, _, err = here("data", "edges", "--input", "photos", "--output", "pairs")
    assert code == 2
    assert "already exists" in err


@pytest.mark.parametrize("kind", ["grey", "lightness", "centre_mask", "random_mask"])
def test_derived_inputs_become_pairs(here, photos, kind):
    code, _, err = here("data", "derive", kind, "--input", "photos", "--output", "pairs")
    assert code == 0, err
    derived, photo = halves(photos / "pairs" / "val" / "1.png")
    assert derived.shape == photo.shape == (48, 64, 3)
    assert not np.array_equal(derived, photo)


def test_unknown_kind_is_refused(here, photos):
    code, _, err = here("data", "derive", "blur", "--input", "photos", "--output", "pairs")
    assert code == 2
    assert "expected grey, lightness, centre_mask, random_mask" in err
    assert not (photos / "pairs").exists()


def test_network_that_is_none_is_refused(here, photos):
    words = ("--input", "photos", "--output", "pairs", "--network", "photos/train/0.png")
    code, _, err = here("data", "edges", *words)
    assert code == 2
    assert "photos/train/0.png" in err


def test_sketches_are_cleaned(here, tmp_path):
    drawing = Image.new("L", (300, 200), 230)
    ImageDraw.Draw(drawing).rectangle((60, 50, 200, 150), outline=30, width=6)
    (tmp_path / "drawings" / "more").mkdir(parents=True)
    drawing.save(tmp_path / "drawings" / "more" / "box.jpg")
    code, out, _ = here("data", "sketch", "--input", "drawings", "--output", "clean", "--size", 128)
    assert code == 0
    assert "1 drawings in clean" in out
    clean = read_image(tmp_path / "clean" / "more" / "box.png", 3)
    assert clean.shape == (128, 128, 3)
    assert set(np.unique(clean)) == {0, 255}
    write_image(tmp_path / "drawings" / "empty.png", np.full((40, 40, 3), 255, np.uint8))
    code, _, err = here("data", "sketch", "--input", "drawings", "--output", "again")
    assert code == 2
    assert "empty.png: the image shows no dark lines" in err
    assert not (tmp_path / "again").exists()
