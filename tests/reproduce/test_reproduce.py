"""The journey through the command line, on networks that take seconds, and what is refused."""

import json

import numpy as np
import pytest

from pix2pix_tf.images.io import decode_image, write_image
from tests.conftest import TINIEST

pytestmark = pytest.mark.usefixtures("eagerly")

SETTINGS = {
    **TINIEST,
    "data.root": "pairs",
    "logging.tensorboard": "false",
    "logging.sheet_rows": 1,
}
PALETTE = "[{name: dark, colour: [0, 0, 0]}, {name: light, colour: [250, 250, 250]}]"


def write_labelled(root):
    """Pairs of a noisy photograph (A) and which of its parts are dark or light (B)."""
    random = np.random.default_rng(0)
    for split, count in (("train", 3), ("val", 2)):
        (root / split).mkdir(parents=True)
        for number in range(count):
            light = random.random((36, 36, 1)).cumsum(axis=1) > 9 + number
            photo = (light * 150 + random.integers(0, 60, (36, 36, 3))).astype(np.uint8)
            labels = np.repeat(light * 250, 3, axis=2).astype(np.uint8)
            write_image(root / split / f"{number}.png", np.concatenate([photo, labels], axis=1))


def test_a_table_is_trained_scored_and_not_trained_again(here, tmp_path):
    write_labelled(tmp_path / "pairs")
    (tmp_path / "palette.yaml").write_text(PALETTE)
    settings = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    words = ["reproduce", "--table", 6, "--config", "photo_to_labels", *settings]
    words += ["--palette", "palette.yaml", "--steps", 2]
    code, made, errors = here(*words)
    assert code == 0, errors
    result = json.loads((tmp_path / "reproduced/table-6.json").read_text())
    rows = {row["name"]: row for row in result["variants"]}
    assert list(rows) == ["L1", "cGAN", "L1+cGAN"]
    for row in rows.values():
        metrics = json.loads((tmp_path / row["runs"][0] / "metrics.json").read_text())
        (accuracy,) = row["scores"]["per_pixel_accuracy"]
        assert accuracy == metrics[-1]["scores"]["per_pixel_accuracy"]
        assert f"{accuracy:.3f} ({row['paper']['per_pixel_accuracy']:.2f})" in made
    assert "of 3" in made  # pairs of three variants
    sheet = decode_image(tmp_path / "reproduced/table-6.png")
    assert sheet.shape[1] > 5 * 16  # input, three outputs, target
    assert len(np.unique(sheet.reshape(-1, 3), axis=0)) > 10

    code, again, errors = here(*words)
    assert code == 0, errors
    assert again.count("already trained to step 2") == 3
    assert json.loads((tmp_path / "reproduced/table-6.json").read_text()) == result


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "give --table and --config, or --small"),
        (["--small", "--config", "facades"], "give --table and --config, or --small"),
        (["--table", "4", "--config", "facades"], "--table 4: expected one of 1, 2, 3, 6"),
        (
            ["--table", "1", "--config", "facades", "--set", "objective.name=l1"],
            "--set objective.name: is what the table varies",
        ),
        (["--table", "1", "--config", "facades"], "fcn_score: needs a segmenter"),
        (["--table", "6", "--config", "facades"], "metric segmentation: say which colour"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_trained(here, words, sentence):
    code, _, error = here("reproduce", *words)
    assert code == 2
    assert sentence in error
