"""Of .npz files with several arrays, the config says which is read."""

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.utils.errors import UserError
from tests.conftest import TINIEST, run_eagerly


@pytest.fixture
def root(tmp_path):
    random = np.random.default_rng(0)
    for split, count in (("train", 2), ("val", 1)):
        for side in "AB":
            (tmp_path / "set" / split / side).mkdir(parents=True)
        for number in range(count):
            height, mask = random.uniform(0, 9, (18, 18)), np.zeros((18, 18), np.uint8)
            path = tmp_path / "set" / split / "A" / f"{number}.npz"
            np.savez(path, height=height.astype(np.float32), mask=mask)
            image = random.integers(0, 256, (18, 18, 3), np.uint8)
            Image.fromarray(image).save(tmp_path / "set" / split / "B" / f"{number}.png")
    return tmp_path / "set"


SETTINGS = {
    **TINIEST,
    "data.direction": "AtoB",
    "data.input_channels": 1,
    "data.input_range": [0, 9],
    "training.steps": 1,
}


def test_the_array_of_the_config_is_read(root, here):
    settings = {**SETTINGS, "data.root": str(root), "data.input_array": "height"}
    opened = open_pairs(load_config("facades", {**settings, "data.load_size": 18}), check=True)
    with np.load(root / "train" / "A" / "0.npz") as archive:
        assert np.array_equal(opened.train[0][0][..., 0], archive["height"])
    words = [f"{key}={value}" for key, value in settings.items()]
    with run_eagerly():
        code, _, err = here("train", "--config", "facades", "--run", "run", "--set", *words)
        assert (code, err) == (0, ""), err
        assert Translator("run").source.spec.input.array == "height"
        code, _, err = here(
            "translate", "--run", "run", "--input", root / "val/A", "--output", "out"
        )
    assert (code, err) == (0, ""), err


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (None, r"0\.npz holds 2 arrays \(height, mask\): say which is read with data\.input_array"),
        ("heigth", r"0\.npz has no array heigth; it has height, mask\."),
    ],
)
def test_what_is_not_said_is_not_guessed(root, name, sentence):
    settings = {**SETTINGS, "data.root": str(root), "data.input_array": name}
    with pytest.raises(UserError, match=sentence):
        open_pairs(load_config("facades", settings), check=True)
