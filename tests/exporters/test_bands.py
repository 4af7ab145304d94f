"""Exports of a run from five bands of floats to two of 16 bits, each with a range of its own."""

import json

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from rich.console import Console

from pix2pix_tf import Translator
from pix2pix_tf.benchmark.inference_workloads import inference_workloads, write_untrained_run
from pix2pix_tf.config.schema import load_config
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.exporters import export
from pix2pix_tf.training import train
from tests.conftest import TINIEST, run_eagerly

BANDS = {
    "data.direction": "AtoB",
    "data.input_channels": 5,
    "data.target_channels": 2,
    "data.input_range": [[-30, 50], [0, 1], [0, 1], [0, 1], [0, 2000]],
    "data.target_range": [[0, 4000], [100, 200]],
    "data.input_display": [5, 1, 2],
    "training.steps": 1,
    "logging.tensorboard": False,
}


def scene(number, height=18, width=18):
    random = np.random.default_rng(number)
    low, high = np.array(BANDS["data.input_range"]).T
    return random.uniform(low, high, (height, width, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    root = tmp_path_factory.mktemp("bands")
    for split in ("train", "val"):
        for side in "AB":
            (root / split / side).mkdir(parents=True)
        for number in range(3):
            image = scene(number)
            np.save(root / split / "A" / f"{number}.npy", image)
            target = np.stack([image[..., 4] * 2, image[..., 0] + 130], -1).astype(np.uint16)
            np.save(root / split / "B" / f"{number}.npy", target)
    return load_config("facades", {**TINIEST, **BANDS, "data.root": str(root)})


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "run"
    with run_eagerly():
        train(config, folder, console=Console(quiet=True))
    return folder


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_tflite_takes_and_returns_the_numbers_of_the_files(run, tmp_path, precision):
    exported = export(run, "tflite", tmp_path / "phone", name="x", precision=precision)
    assert exported.parity[0].passed
    (report,) = json.loads((tmp_path / "phone" / "export.json").read_text())["parity"]
    if precision == "float32":
        assert report["max_difference"] <= 1
    interpreter = Interpreter(model_path=str(tmp_path / "phone" / "x.tflite"))
    image = scene(9, 16, 16)
    model = interpreter.get_signature_runner("serving_default")
    output = model(images=image[np.newaxis])["images"][0]
    expected = Translator(run)(image, dropout=False)
    allowed = {"float32": 0.003, "float16": 0.02, "int8": 0.4}[precision]
    assert np.abs(output - expected)[..., 0].max() <= 4000 * allowed
    assert np.abs(output - expected)[..., 1].max() <= 100 * allowed + 0.5
    assert output[..., 0].max() > 500


def test_the_benchmark_translates_images_of_the_kind_of_the_data(config, tmp_path):
    write_untrained_run(config, tmp_path / "run", open_pairs(config))
    assert Translator(tmp_path / "run").values == open_pairs(config).train.values
    names = ("translate", "saved_model", "tflite float32")
    (tmp_path / "exports").mkdir()
    workloads, flops = inference_workloads(tmp_path / "run", tmp_path / "exports", names, 1)
    assert flops > 0
    means = [workloads[name](1)["mean"] for name in names]
    assert 100 < means[1] < 4000
    assert means[2] == pytest.approx(means[1], abs=1)
