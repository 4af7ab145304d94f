"""Images of any number of channels are trained on, translated and scored."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
import tifffile
from PIL import Image
from rich.console import Console

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.evaluation.evaluate import evaluate
from pix2pix_tf.exporters import export
from pix2pix_tf.images.sheets import GAP
from pix2pix_tf.inference.files import translate_files
from pix2pix_tf.inference.inputs import find_inputs
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.training import train
from tests.conftest import TINIEST

pytestmark = pytest.mark.usefixtures("eagerly")


def noise(*shape, dtype="uint8", seed=0):
    top = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, top, shape, dtype, endpoint=True)


@pytest.fixture
def scene(tmp_path):
    """Pairs of a TIFF of 13 bands of 16 bits, OME or not, and an array of 7 channels of 8 bits."""
    for split in ("train", "val"):
        for side in "AB":
            (tmp_path / "scene" / split / side).mkdir(parents=True)
        for number in range(2):
            bands = noise(13, 20, 24, dtype="uint16", seed=number)
            kind = (
                {"ome": True, "metadata": {"axes": "CYX"}}
                if number
                else {"planarconfig": "separate"}
            )
            path = tmp_path / "scene" / split / "A" / f"{number}.tif"
            tifffile.imwrite(path, bands, photometric="minisblack", **kind)
            path = tmp_path / "scene" / split / "B" / f"{number}.npy"
            np.save(path, noise(20, 24, 7, seed=number))
    return tmp_path / "scene"


def trained(scene, run, **data):
    settings = {f"data.{key}": value for key, value in data.items()}
    settings |= {**TINIEST, "training.steps": 1, "data.root": str(scene)}
    train(load_config("facades", settings), run, console=Console(quiet=True))
    return run


def test_thirteen_bands_to_seven_channels(scene, tmp_path):
    run = trained(scene, tmp_path / "run", direction="AtoB", input_channels=13, target_channels=7)
    assert Image.open(run / "samples" / "step-0000001.png").mode == "RGB"
    translator = Translator(run)
    image = noise(20, 24, 13, dtype="uint16")
    assert translator(image).shape == (20, 24, 7)
    result = evaluate(run)
    assert result.images == 2
    assert all(np.isfinite(score) for score in result.scores.values())


@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_saved_models_take_and_return_what_png_cannot_hold(scene, tmp_path, dtype):
    for path in scene.rglob("A/*.tif"):
        values = noise(20, 24, 13, dtype="uint16", seed=len(path.name)).astype(dtype)
        tifffile.imwrite(path, values, photometric="minisblack", planarconfig="contig")
    run = trained(
        scene,
        tmp_path / "run",
        direction="AtoB",
        input_channels=13,
        target_channels=7,
        input_range=[0, 30_000],
    )
    exported = export(run, "saved_model", tmp_path / "models")
    assert all(parity.passed for parity in exported.parity)
    signatures = tf.saved_model.load(str(exported.folder)).signatures
    image = noise(33, 20, 13, dtype="uint16").astype(dtype)
    translator = Translator(run)
    for name in ("serving_default", "images"):
        found = signatures[name](images=tf.constant(image[np.newaxis]))["images"].numpy()[0]
        assert (found.shape, found.dtype) == ((33, 20, 7), np.uint8)
        assert np.abs(found.astype(int) - translator(image, dropout=False)).max() <= 1
    sample = {"images": tf.constant(image[np.newaxis]), "seed": tf.constant([5])}
    found = signatures["sample"](**sample)["images"].numpy()[0]
    assert np.abs(found.astype(int) - translator(image, seed=5)).max() <= 1


def test_array_to_image(scene, tmp_path):
    for path in scene.rglob("A/*.tif"):
        path.unlink()
        Image.fromarray(noise(20, 24, 3)).save(path.with_suffix(".png"))
    run = trained(scene, tmp_path / "run", direction="BtoA", input_channels=7)
    translator = Translator(run)
    inputs = find_inputs([str(scene / "val" / "B")], translator.source)
    written = translate_files(translator, inputs, tmp_path / "out", dropout=False).written
    assert [path.name for path in written] == ["0.png", "1.png"]
    output = np.asarray(Image.open(written[0]))
    expected = translator(np.load(scene / "val" / "B" / "0.npy"), dropout=False)
    assert output.shape == (20, 24, 3)
    assert np.abs(output.astype(int) - expected).max() <= 1


def test_translations_are_of_the_targets_kind(scene, tmp_path, here):
    """Arrays for arrays, TIFF if asked for, which says what it was made of; PNG holds no 7."""
    trained(scene, tmp_path / "run", direction="AtoB", input_channels=13, target_channels=7)
    words = ("translate", "--run", "run", "--input", "scene/val/A", "--no-dropout")
    code, out, err = here(*words, "--output", "out")
    assert (code, err) == (0, ""), err
    image = tifffile.imread(scene / "val" / "A" / "0.tif").transpose(1, 2, 0)
    expected = Translator(tmp_path / "run")(image, dropout=False)
    assert np.array_equal(np.load(tmp_path / "out" / "0.npy"), expected)
    code, out, _ = here(*words, "--output", "out")
    assert "2 files of those kept do not say what they were made of" in out
    tiffs = ("--output", "tiffs", "--format", "tiff")
    assert here(*words, *tiffs)[0] == 0
    assert np.array_equal(tifffile.imread(tmp_path / "tiffs" / "0.tif"), expected)
    assert "2 of 2 already exist: kept" in here(*words, *tiffs)[1]
    written = (tmp_path / "tiffs" / "0.tif").read_bytes()
    (tmp_path / "tiffs" / "0.tif").write_bytes(written[:-100])
    assert "1 of 2 were there and damaged: made anew" in here(*words, *tiffs)[1]
    assert (tmp_path / "tiffs" / "0.tif").read_bytes() == written
    tifffile.imwrite(
        scene / "val" / "A" / "1.tif", noise(20, 24, 13), photometric="minisblack", planarconfig=1
    )
    out = here(*words, *tiffs)[1]
    assert "1 of 2 were there, made of another input, other weights or other settings" in out
    code, _, err = here(*words, "--output", "pngs", "--format", "png")
    assert code == 2
    assert "--format png: holds 1 to 4 channels of 8 or 16 bits" in err
    assert "7 channels of uint8; use tiff or npy" in err
    assert not (tmp_path / "pngs").exists()


def test_displays_and_scores_by_channel_through_the_command(scene, tmp_path, here):
    """Bands 4, 3 and 2 of the inputs and channel 7 of the targets, in the sheet and the report."""
    settings = {**TINIEST, "training.steps": 1, "data.root": "scene", "data.direction": "AtoB"}
    settings |= {"data.input_channels": 13, "data.target_channels": 7}
    settings |= {"data.input_display": "[4,3,2]", "data.target_display": 7}
    words = [f"{key}={value}" for key, value in settings.items()]
    code, _, err = here("train", "--config", "facades", "--run", "run", "--set", *words)
    assert (code, err) == (0, "")
    sheet = np.asarray(Image.open(tmp_path / "run" / "samples" / "step-0000001.png"))
    side = 16
    rows = sheet[-GAP - side : -GAP]
    pairs = open_pairs(load_config(tmp_path / "run" / "config.yaml")).val
    shown = [rows[:, GAP + k * (side + GAP) :][:, :side] for k in range(3)]
    images = [[pairs[index][k] for index in range(2)] for k in (0, 1)]
    for k, channels in ((0, [3, 2, 1]), (1, [6])):
        pixels = np.concatenate(
            [image[..., channels].reshape(-1, len(channels)) for image in images[k]]
        )
        black, white = np.percentile(pixels, (2, 98), axis=0)
        expected = 255 * np.clip((images[k][1][..., channels] - black) / (white - black), 0, 1)
        assert np.abs(shown[2 * k] - expected).max() <= 0.51
    code, out, _ = here("evaluate", "--run", "run", "--report", "page")
    assert code == 0
    assert "by channel" in out
    assert "│ 7       │" in out
    recorded = json.loads((tmp_path / "run" / "metrics.json").read_text())[-1]["scores"]
    assert recorded["l1"] == pytest.approx(
        np.mean([recorded[f"l1_channel_{number}"] for number in range(1, 8)])
    )
    code, _, err = here("train", "--config", "run/config.yaml", "--set", "data.input_display=14")
    assert code == 2
    assert "data.input_display: [14]: inputs have 13 channels, counted from 1" in err
    code, _, err = here("train", "--config", "run/config.yaml", "--set", "data.input_display=[1,2]")
    assert code == 2
    assert "one channel, or [red, green, blue]" in err
