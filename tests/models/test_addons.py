"""The golden file is by tools/addons_peer/make_golden.py: what TensorFlow Addons computes."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.methods.update import update_ema
from pix2pix_tf.models.layers import BatchStatisticsNorm, SpectralConv2D

GOLDEN = Path(__file__).with_name("golden") / "addons.npz"


@pytest.fixture(autouse=True)
def on_the_cpu():
    """Where golden numbers are from: a GPU's convolutions may round to fewer digits."""
    with tf.device("CPU:0"):
        yield


def golden(part):
    with np.load(GOLDEN) as arrays:
        return {name.split("/")[1]: arrays[name] for name in arrays if name.startswith(f"{part}/")}


def equal(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("per_sample", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_instance_normalization(per_sample, training):
    its = golden("instance_norm")
    layer = BatchStatisticsNorm(per_sample=per_sample)
    assert layer.epsilon == pytest.approx(float(its["epsilon"]))
    layer.build(its["x"].shape)
    layer.scale.assign(its["gamma"])
    layer.offset.assign(its["beta"])
    x = tf.constant(its["x"])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=training)
    if training and not per_sample:  # by the whole batch: something else, and the file can tell
        assert np.abs(y - its["y"]).max() > 0.1
        return
    gradients = tape.gradient(y, [x, layer.scale.value, layer.offset.value], its["upstream"])
    equal(y, its["y"])
    equal(gradients[0], its["x_gradient"])
    equal(gradients[1], its["gamma_gradient"])
    equal(gradients[2], its["beta_gradient"])


def spectral(its, call):
    """Ours, with the kernels and the guess that theirs has before this call."""
    layer = SpectralConv2D(6, 3)
    layer.build(its["x"].shape)
    layer.kernel.assign(its["kernels"][call])
    layer.bias.assign(its["bias"])
    layer.vector_u.assign(its["us"][call])
    return layer


@pytest.mark.parametrize("call", range(4))
def test_spectral_normalization_of_one_call(call):
    its = golden("spectral")
    layer = spectral(its, call)
    kernel = tf.constant(its["kernels"][call])
    equal(layer._largest_singular_value(kernel, training=False), its["sigmas"][call])
    equal(layer(its["x"], training=True), its["ys"][call])
    equal(layer.vector_u, its["us"][call + 1])
    np.testing.assert_array_equal(layer.kernel, its["kernels"][call])  # theirs are divided


def test_spectral_normalization_of_calls_in_a_row():
    """Theirs divides its kernels again and again: the same as dividing ours once, by the last."""
    its = golden("spectral")
    layer = spectral(its, 0)
    for call in range(4):
        equal(layer(its["x"], training=True), its["ys"][call])
        equal(layer.vector_u, its["us"][call + 1])


def test_spectral_normalization_of_inference():
    """Theirs uses what training left; ours goes one iteration on, as theirs at its next call."""
    its = golden("spectral")
    equal(its["inference_y"], its["ys"][2])
    layer = spectral(its, 3)
    equal(layer(its["x"], training=False), its["ys"][3])
    equal(layer.vector_u, its["us"][3])


@pytest.mark.parametrize("compiled", [False, True])
def test_moving_average(compiled):
    its = golden("average")
    generator, average = (
        keras.Sequential([keras.Input([3]), keras.layers.Dense(2)]) for _ in range(2)
    )
    average.set_weights([its["kernels"][0], its["biases"][0]])
    update = tf.function(update_ema) if compiled else update_ema
    for count in range(1, 6):
        generator.set_weights([its["kernels"][count], its["biases"][count]])
        update(average, generator, float(its["decay"]))
        kernel, bias = average.get_weights()
        equal(kernel, its["kernel_averages"][count])
        equal(bias, its["bias_averages"][count])
