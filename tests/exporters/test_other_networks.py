"""Exports of what is not the plain U-Net: they agree with `translate`, or `export` raises."""

import numpy as np
import pytest

from pix2pix_tf import Translator
from pix2pix_tf.config.schema import load_config
from pix2pix_tf.exporters import export
from pix2pix_tf.training import train
from tests.conftest import TINY, run_eagerly

KINDS = {
    "colourisation": {
        "data.derive": "lightness",
        "data.photo": "A",
        "data.representation": "lab",
        "data.input_channels": 1,
        "data.target_channels": 2,
    },
    "resnet": {"generator.kind": "resnet_6", "generator.norm": "instance"},
    "average": {"training.ema_decay": 0.5, "generator.upsampling": "resize"},
    "no norm": {"generator.kind": "encoder_decoder", "generator.norm": "none"},
}


ONE = "average"  # among the fast tests


@pytest.fixture(
    params=[
        kind if kind == ONE else pytest.param(kind, marks=pytest.mark.slow("exports four times"))
        for kind in KINDS
    ]
)
def run(request, pairs_folder, tmp_path):
    settings = {"data.root": str(pairs_folder()), "training.steps": 2, "logging.tensorboard": False}
    config = load_config("facades", {**TINY, **settings, **KINDS[request.param]})
    with run_eagerly():
        train(config, tmp_path / "run")
    return tmp_path / "run"


def export_all(run, folder, *forms):
    for format, words in forms:
        name = "-".join([format, *words, *map(str, words.values())])
        exported = export(run, format, folder / name, **words)
        assert all(parity.passed for parity in exported.parity)


def test_exports_agree_with_translate(run, tmp_path):
    int8, resizable = {"precision": "int8"}, {"resizable": True}
    export_all(
        run, tmp_path, ("saved_model", {}), ("tflite", {}), ("tflite", int8), ("tflite", resizable)
    )
    image = np.random.default_rng(0).integers(0, 256, (30, 44, 3), np.uint8)
    assert Translator(run)(image, dropout=False).shape == (30, 44, 3)


@pytest.mark.slow("converts large graphs")
def test_onnx_agrees_with_translate(run, tmp_path):
    dropout, int8 = {"dropout": True}, {"precision": "int8"}
    export_all(run, tmp_path, ("onnx", {}), ("onnx", int8), ("onnx", dropout))
