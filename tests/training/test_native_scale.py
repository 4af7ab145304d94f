"""Trainings at the scale of the files: crops in, whole images of any size validated and scored."""

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.evaluation.evaluate import evaluate
from pix2pix_tf.evaluation.metrics.pixel import l1
from pix2pix_tf.images.io import write_image
from pix2pix_tf.inference import tiling
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.runs.run import Run
from pix2pix_tf.training import train
from tests.conftest import TINIEST
from tests.training.test_loop import assert_same_weights

pytestmark = pytest.mark.usefixtures("eagerly")

EVERY = [
    "mirror",
    "flip_vertical",
    "rotate_90",
    "transpose",
    {"scale": [0.9, 1.5]},
    {"brightness": 0.1},
    {"contrast": 0.1},
    {"noise": 0.05},
    {"blur": 1},
]
SIZES = {"train": [(30, 40), (24, 20), (19, 50)], "val": [(18, 25), (40, 31), (90, 260)]}


@pytest.fixture
def photographs(tmp_path):
    """Pairs of photographs of sizes of their own; targets are their negatives."""
    for split, sizes in SIZES.items():
        for number, size in enumerate(sizes):
            random = np.random.default_rng([number, len(split)])
            photo = random.integers(0, 256, (*size, 3), np.uint8)
            for side, image in (("A", photo), ("B", 255 - photo)):
                path = tmp_path / "photos" / side / split / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_image(path, image)
    return tmp_path / "photos"


def config(root, **settings):
    return load_config(
        "facades",
        {
            **TINIEST,
            "data.root": str(root),
            "data.direction": "AtoB",
            "data.scale": "native",
            "data.augment": EVERY,
            "training.steps": 3,
            **settings,
        },
    )


def trained(config, run):
    return train(config, run, console=Console(quiet=True))


def test_whole_images_are_validated_and_evaluated_alike(photographs, tmp_path):
    run = tmp_path / "run"
    settings = config(photographs)
    result = trained(settings, run)
    scored = evaluate(run)
    assert scored.scores == pytest.approx(result.after, rel=1e-5)
    translator = Translator(run)
    by_hand = []
    for number, size in enumerate(SIZES["val"]):
        image, target = (
            np.asarray(Image.open(photographs / side / "val" / f"{number}.png")) for side in "AB"
        )
        output = translator(image, seed=settings.training.seed)
        assert output.shape[:2] == size
        by_hand.append(l1(output, target))
    assert scored.scores["l1"] == pytest.approx(np.mean(by_hand), rel=1e-6)
    # Three rows under a heading, each of the height of its images, in columns of the widest.
    sheet = Image.open(run / "samples" / "step-0000003.png")
    assert sheet.width == 3 * (260 + 6) + 6
    assert 18 + 40 + 90 < sheet.height < 18 + 40 + 90 + 80


def test_large_images_are_scored_in_tiles(photographs, tmp_path, monkeypatch):
    """Tiles have the scores of the whole image but for rounding."""
    run, tiled = tmp_path / "run", []
    call = tiling.TiledTranslation.bands

    def counted(self, image, *args, **words):
        tiled.append(image.shape[:2])
        return call(self, image, *args, **words)

    monkeypatch.setattr(tiling.TiledTranslation, "bands", counted)
    with monkeypatch.context() as patch:
        patch.setattr(tiling, "LARGEST_SCORED_WHOLE", 20_000)
        patch.setattr(tiling, "SCORING_SIDE", 256)
        settings = {"generator.dropout": 0, "training.steps": 1, "logging.sheet_every": 100}
        in_tiles = trained(config(photographs, **settings), run)
        assert set(tiled) == {(90, 260)}
        assert evaluate(run).scores == pytest.approx(in_tiles.after, rel=1e-5)
    tiled.clear()
    assert evaluate(run).scores["l1"] == pytest.approx(in_tiles.after["l1"], rel=1e-3)
    assert not tiled


def test_augmented_training_resumes_bit_for_bit(photographs, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    trained(config(photographs), whole)
    for steps in (1, 3):
        trained(config(photographs, **{"training.steps": steps}), parts)
    assert_same_weights(whole, parts)


def test_padded_by_the_command(photographs, tmp_path, here):
    words = [f"{key}={value}" for key, value in {**TINIEST, "data.crop_size": 32}.items()]
    words += [f"data.root={photographs}", "data.scale=native", "training.steps=1"]
    sets = [part for word in words for part in ("--set", word)]
    code, _, err = here("train", "--config", "facades", "--run", "run", *sets)
    assert code == 2
    assert "is 20×24 (width×height), smaller than the crop, 32×32: data.pad=reflect pads it" in err
    assert "Traceback" not in err
    assert not (tmp_path / "run").exists()
    code, _, err = here(
        *("train", "--config", "facades", "--run", "run", *sets, "--set", "data.pad=reflect")
    )
    assert (code, err) == (0, "")
    stored = Run(tmp_path / "run").load_config().data
    assert (stored.scale, stored.pad) == ("native", "reflect")
