"""What GPUs are given: half precision, XLA's programs, several updates a call; here on CPUs."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.methods.method import checkpoint_parts
from pix2pix_tf.methods.update import make_updates
from pix2pix_tf.models import build_generator
from pix2pix_tf.training import train
from pix2pix_tf.utils.errors import UserError
from tests.methods.test_pix2pix import batch, build
from tests.training.test_loop import assert_same_weights, config, quiet, weights

HALVES = ["mixed_bfloat16", "mixed_float16"]


def losses_of(config, strategy, steps):
    method, update = build(config, strategy)
    made = [update(batch(1, number)) for number in range(steps)]
    return method, {name: [float(each[name]) for each in made] for name in made[0]}


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize(
    ("precision", "other"),
    [
        ("mixed_bfloat16", {}),
        ("mixed_float16", {}),
        ("mixed_float16", {"discriminator__spectral_norm": True, "generator__norm": "instance"}),
        ("mixed_bfloat16", {"generator__upsampling": "resize", "training__ema_decay": 0.9}),
    ],
)
def test_half_precision_is_close_to_float32(tiny, one_device, precision, other):
    _, expected = losses_of(tiny(**other), one_device, 5)
    method, losses = losses_of(tiny(training__precision=precision, **other), one_device, 5)
    for name, values in expected.items():
        assert losses[name] == pytest.approx(values, abs=1e-2), name
        assert losses[name] != values, name
    for variables in checkpoint_parts(method).values():
        assert {variable.dtype for variable in variables.values()} <= {
            tf.float32,
            tf.int64,
            tf.int32,
        }


@pytest.mark.parametrize("precision", HALVES)
def test_convolutions_are_half_and_what_comes_out_is_float32(tiny, one_device, precision):
    method, _ = build(tiny(training__precision=precision), one_device)
    half = precision.removeprefix("mixed_")
    assert method.generator.get_layer("encoder_2").compute_dtype == half
    assert method.discriminator.get_layer("conv_2").compute_dtype == half
    assert method.generator.output.dtype == "float32"
    assert method.discriminator.output.dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"  # nothing is left set


def test_statistics_are_float32(tiny):
    """256 + noise of 0.1: bfloat16 has steps of 2 there, of which statistics may not be made."""
    norm = build_generator(tiny(training__precision="mixed_bfloat16")).get_layer("encoder_2_norm")
    values = tf.constant(np.random.default_rng(0).choice([256, 258], (1, 16, 16, 8)), tf.bfloat16)
    for training in (True, False):
        made = tf.cast(norm(values, training=training), tf.float32)
        made = (made - norm.offset) / norm.scale
        assert norm(values, training=training).dtype == tf.bfloat16
        assert np.abs(tf.reduce_mean(made, [0, 1, 2])).max() < 0.02
        np.testing.assert_allclose(tf.math.reduce_std(made, [0, 1, 2]), 1, atol=0.02)


@pytest.mark.usefixtures("eagerly")
def test_a_half_precision_run_resumes_exactly_and_translates_in_float32(tmp_path, pairs_folder):
    root, half = pairs_folder(), {"training__precision": "mixed_float16"}
    train(config(root, training__steps=3, **half), tmp_path / "whole", console=quiet())
    train(config(root, training__steps=2, **half), tmp_path / "parts", console=quiet())
    train(config(root, training__steps=3, **half), tmp_path / "parts", console=quiet())
    assert_same_weights(tmp_path / "whole", tmp_path / "parts")
    scales = [value for name, value in weights(tmp_path / "parts").items() if "loss_scale" in name]
    assert len(scales) == 2
    assert max(scales) <= 2**15
    translator = Translator(tmp_path / "whole")
    assert {layer.compute_dtype for layer in translator.networks["generator"].layers} == {"float32"}
    assert translator(np.zeros((40, 36, 3), np.uint8), seed=1).shape == (40, 36, 3)
    with pytest.raises(UserError, match=r"training\.precision = mixed_float16 there and float32"):
        train(config(root, training__steps=4), tmp_path / "parts", console=quiet())


@pytest.mark.slow("XLA compiles for half a minute")
def test_a_program_of_xla_makes_the_same_numbers(tiny, one_device):
    _, expected = losses_of(tiny(), one_device, 20)
    _, losses = losses_of(tiny(training__jit_compile=True), one_device, 20)
    for name, values in expected.items():
        assert losses[name] == pytest.approx(values, abs=1e-4), name


def test_several_updates_a_call_are_the_same_one_by_one(tiny, one_device):
    data = [batch(1, number) for number in range(3)]
    (one, update), (other, again) = (build(tiny(), one_device) for _ in range(2))
    expected = [update(each) for each in data]
    for name, values in make_updates(again)(data, tf.constant(0, tf.int64)).items():
        assert values.numpy().tolist() == [float(each[name]) for each in expected], name
    others = checkpoint_parts(other)
    for part, variables in checkpoint_parts(one).items():
        assert variables.keys() == others[part].keys()
        for name, variable in variables.items():
            assert np.array_equal(variable.numpy(), others[part][name].numpy()), name


@pytest.mark.slow("trains twice")
@pytest.mark.usefixtures("eagerly")
def test_calls_end_where_something_is_due(tmp_path, pairs_folder):
    root = pairs_folder(train=6, val=2)
    often = {"training__steps": 14, "logging__checkpoint_every": 5, "logging__sheet_every": 9}
    train(config(root, **often), tmp_path / "one", console=quiet())
    calls = config(root, **often, training__steps_per_execution=4)
    train(calls, tmp_path / "four", console=quiet())
    assert_same_weights(tmp_path / "one", tmp_path / "four")
    scores = []
    for run in ("one", "four"):
        made = json.loads((tmp_path / run / "metrics.json").read_text())
        assert [entry["step"] for entry in made] == [0, 6, 12, 14]
        scores.append([entry["scores"] for entry in made])
        saved = {path.stem for path in (tmp_path / run / "checkpoints").glob("step-*.index")}
        assert saved == {"step-5", "step-10", "step-14"}
        sheets = {path.stem[-2:] for path in (tmp_path / run / "samples").iterdir()}
        assert sheets == {"00", "09", "14"}
    assert scores[0] == scores[1]
