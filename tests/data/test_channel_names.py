"""Channels are called by their names in messages and scores."""

import numpy as np
import pytest

from pix2pix_tf.config.schema import load_config, make_config
from pix2pix_tf.utils.errors import UserError
from tests.conftest import TINIEST, run_eagerly

NAMES = ["blue", "green", "red", "infrared", "swir"]


@pytest.fixture
def scenes(tmp_path):
    random = np.random.default_rng(0)
    for split, count in (("train", 2), ("val", 1)):
        for side, channels in (("A", 5), ("B", 2)):
            folder = tmp_path / "scenes" / split / side
            folder.mkdir(parents=True)
            for number in range(count):
                image = random.integers(0, 1000, (18, 18, channels), np.uint16)
                image[..., min(3, channels - 1)] = 7
                np.save(folder / f"{number}.npy", image)
    return tmp_path / "scenes"


def settings(scenes, **more):
    return {
        **TINIEST,
        "data.root": str(scenes),
        "data.direction": "AtoB",
        "data.input_channels": 5,
        "data.target_channels": 2,
        "data.input_names": NAMES,
        "data.target_names": ["height", "slope"],
        "data.target_range": [0, 1000],
        "training.steps": 1,
        **more,
    }


def test_a_training_and_its_scores_call_channels_by_their_names(scenes, here):
    words = [f"{key}={value}" for key, value in settings(scenes).items()]
    with run_eagerly():
        code, out, err = here("train", "--config", "facades", "--run", "run", "--set", *words)
        assert (code, err) == (0, ""), err
        assert "channel 4 (infrared) of 5 is 7 everywhere" in " ".join(out.split())
        code, out, err = here("evaluate", "--run", "run")
    assert (code, err) == (0, ""), err
    assert "│ height " in out
    assert "│ slope " in out


def test_a_range_without_values_names_the_channel(scenes, here):
    ranges = [[0, 1000]] * 3 + [[500, 600], [0, 1000]]
    words = [f"{key}={value}" for key, value in settings(scenes).items()]
    set_range = f"data.input_range={ranges}"
    code, _, err = here("train", "--config", "facades", "--run", "run", "--set", *words, set_range)
    assert code == 2
    assert "no value of channel 4 (infrared) of A lies in it" in err


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["a", "b"], "has 2 names, and inputs have 3 channels"),
        (["a", "b", "b"], "expected a list of different names"),
        ("a", "expected a list of different names"),
        ([1, 2, 3], "expected a list of different names"),
    ],
)
def test_names_are_as_many_as_the_channels(names, sentence):
    with pytest.raises(UserError, match=rf"data\.input_names: .*{sentence}"):
        make_config({"data": {"root": "x", "input_names": names}})


def test_names_change_sides_with_the_direction(scenes):
    config = load_config("facades", settings(scenes)).in_direction("BtoA")
    assert config.data.target_names == tuple(NAMES)
    assert config.data.input_names == ("height", "slope")
