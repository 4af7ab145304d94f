"""Values that were hardly meant are said before a training, with what to do, and do not stop it."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.checking.report import check_dataset
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.utils.errors import UserError


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def noise(*shape, top=256, dtype="uint8", seed=0):
    return np.random.default_rng(seed).integers(0, top, (40, 40, *shape)).astype(dtype)


def folders(root, make_a, make_b=lambda n: noise(3, seed=n), count=4, suffix=".png"):
    """A dataset of A/ and B/."""
    for side, make in (("A", make_a), ("B", make_b)):
        (root / side).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            path = root / side / f"{number}{suffix if side == 'A' else '.png'}"
            image = make(number)
            if suffix == ".tif" and side == "A":
                tifffile.imwrite(path, image, **TAGS.get(image.shape[-1], {}))
            else:
                Image.fromarray(image).save(path)
    return root


TAGS = {4: {"photometric": "rgb", "extrasamples": ["unassalpha"]}}


def opened(root, **data):
    tree = {"data": {"root": str(root), "load_size": 40, "crop_size": 32, **data}}
    config = make_config({**tree, "discriminator": {"receptive_field": 34}})
    return open_pairs(config, check=True).notes


@pytest.mark.parametrize("bits", [9, 10, 12, 14, 15])
def test_16_bit_files_that_use_fewer_bits_are_said_with_the_factor(tmp_path, bits):
    root = folders(tmp_path / "d", lambda n: noise(top=2**bits, dtype="uint16", seed=n))
    (note,) = opened(root)
    assert note.startswith("4 images of A with 16 bits: the largest value of all is ")
    assert f"which fits in {bits} bits" in note
    assert f"data.input_range=[0,{2**bits - 1}] (for targets, data.target_range)" in note
    assert note in check_dataset(root).warnings


def test_16_bit_files_of_which_one_uses_all_bits_are_not_said(tmp_path):
    top = [4096, 65536, 4096, 4096]
    root = folders(tmp_path / "d", lambda n: noise(top=top[n], dtype="uint16", seed=n))
    assert opened(root) == []


@pytest.mark.parametrize("classes", [2, 20, 60])
def test_numbers_of_classes_in_8_bits_are_said(tmp_path, classes):
    root = folders(tmp_path / "d", lambda n: noise(top=classes, seed=n))
    (note,) = opened(root)
    assert f"is {classes - 1} of 255" in note
    assert "numbers of classes" in note


def test_values_of_common_images_are_not_said(tmp_path):
    assert opened(folders(tmp_path / "d", lambda n: noise(3, seed=n))) == []


def test_alpha_is_no_large_value_and_no_constant_channel(tmp_path):
    def opaque(number):
        image = noise(4, top=16, seed=number)
        image[..., 3] = 255
        return image

    (note,) = opened(folders(tmp_path / "d", opaque))
    assert "largest value of all is 15 of 255" in note


def test_both_halves_of_a_side_by_side_file_are_looked_at(tmp_path):
    (tmp_path / "d").mkdir()
    for number in range(4):
        pair = np.concatenate([noise(3, seed=number), noise(3, top=9, seed=number)], 1)
        Image.fromarray(pair).save(tmp_path / "d" / f"{number}.png")
    (note,) = opened(tmp_path / "d")
    assert note.startswith("4 images of B with 8 bits: the largest value of all is 8")


@pytest.mark.parametrize("value", [0, 7, 255])
def test_channel_that_is_the_same_everywhere_is_said(tmp_path, value):
    def one_constant(number):
        image = noise(3, seed=number)
        image[..., 1] = value
        return image

    (note,) = opened(folders(tmp_path / "d", one_constant))
    assert note.startswith(f"4 images of A: channel 2 of 3 is {value} everywhere")


def test_channel_that_is_constant_in_some_files_only_is_not_said(tmp_path):
    def some_constant(number):
        image = noise(3, seed=number)
        image[..., 1] = number
        return image

    assert opened(folders(tmp_path / "d", some_constant)) == []


def test_few_images_of_a_single_colour_are_named(tmp_path):
    black = np.zeros_like(noise(3))
    root = folders(tmp_path / "d", lambda n: noise(3, seed=n) if n else black, count=10)
    (note,) = opened(root)
    assert note == f"1 of 10 images of A are of a single colour: {root / 'A' / '0.png'}"


def test_many_images_of_a_single_colour_are_said_once_in_a_training(tmp_path):
    """`flat_data` says them."""
    root = folders(tmp_path / "d", lambda n: np.zeros_like(noise(3)))
    assert opened(root) == []
    assert any(
        note.startswith("4 of 4 images of A are of a single")
        for note in check_dataset(root).warnings
    )


def test_alpha_that_is_laid_over_white_is_said_unless_it_is_read(tmp_path):
    root = folders(tmp_path / "d", lambda n: noise(4, seed=n), suffix=".tif")
    (note,) = opened(root)
    assert note.startswith("4 of 4 images of A have a channel tagged as alpha")
    assert "data.input_channels=4" in note
    assert opened(root, input_channels=4) == []
    assert any("channel tagged as alpha" in note for note in check_dataset(root).warnings)


def test_bands_without_meaning_stop_a_training_of_other_channels(tmp_path, monkeypatch):
    monkeypatch.setitem(TAGS, 4, {"photometric": "rgb", "extrasamples": ["unspecified"]})
    root = folders(tmp_path / "d", lambda n: noise(4, seed=n), suffix=".tif")
    for _ in range(2):  # the second time from what is remembered
        with pytest.raises(UserError, match=r"A/0\.tif has 4 bands, .* 3 channels.*_channels=4"):
            opened(root)
    assert opened(root, input_channels=4) == []
    assert opened(root, direction="BtoA", target_channels=4) == []
    assert any("have 4 bands, not colours" in note for note in check_dataset(root).warnings)


def test_warnings_are_the_same_from_what_is_remembered(tmp_path):
    import os
    import time

    root = folders(tmp_path / "d", lambda n: noise(top=4096, dtype="uint16", seed=n))
    for path in root.rglob("*.png"):
        os.utime(path, (time.time() - 60,) * 2)
    assert opened(root) == opened(root) != []


def test_what_is_odd_is_printed_by_data_check_and_does_not_fail_it(here, tmp_path):
    folders(tmp_path / "d", lambda n: noise(top=4096, dtype="uint16", seed=n))
    code, out, _ = here("data", "check", "d")
    assert code == 0
    out = " ".join(out.split())
    assert "which fits in 12 bits" in out
    assert "no bad file in d; 1 warning stands above" in out
    assert "all good" not in out
