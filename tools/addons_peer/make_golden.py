"""Writes what TensorFlow Addons 0.23.0 computes: the golden file of tests/models/test_addons.py.

    make test-addons

creates a virtual environment (Python 3.9 to 3.11), runs this in it and compares the output with the
tests' golden file, tests/models/golden/addons.npz. After a change of this program, write that file
again:

    build/addons/bin/python tools/addons_peer/make_golden.py tests/models/golden/addons.npz

Arrays, float32 but for `decay` (float64):

    instance_norm/  of InstanceNormalization: x [3, 7, 5, 4], gamma, beta, epsilon, y; upstream, the
                    incoming gradient, and the resulting gradients: x_gradient,
                    gamma_gradient, beta_gradient
    spectral/       of SpectralNormalization around a convolution: x [2, 8, 7, 3], bias; kernels
                    [5, 3, 3, 3, 6] and us [5, 1, 6], before the first of four training calls and
                    after each; sigmas [4] and ys [4, 2, 6, 5, 6] of these calls; inference_y, of an
                    inference call between the third and the fourth
    average/        of MovingAverage around gradient descent: decay; kernels and biases [6, ...],
                    before the first of five updates and after each, and likewise their averages,
                    kernel_averages and bias_averages
"""

# ruff: noqa: E402  environment and warnings are set before TensorFlow and its addons are imported

from __future__ import annotations

import argparse
import os
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore", message=r"\s*TensorFlow Addons \(TFA\) has ended")

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa

Arrays = dict[str, np.ndarray]

EPSILON = 1e-5
DECAY = 0.9


def main() -> None:
    """Writes everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("output", type=Path, metavar="OUTPUT.npz")
    arguments = parser.parse_args()
    tf.config.set_visible_devices([], "GPU")
    random = np.random.default_rng(0)
    parts = {
        "instance_norm": _instance_norm(random),
        "spectral": _spectral(random),
        "average": _average(random),
    }
    arrays = {f"{part}/{name}": array for part in parts for name, array in parts[part].items()}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(arguments.output, **arrays)


def _normal(random: np.random.Generator, *shape: int) -> np.ndarray:
    return random.standard_normal(shape).astype(np.float32)


def _instance_norm(random: np.random.Generator) -> Arrays:
    # Channels of different means and deviations; where the variance is small, epsilon counts.
    x = _normal(random, 3, 7, 5, 4) * np.float32([0.1, 0.5, 1, 2]) + np.float32([0, 0.3, -0.5, 1])
    gamma = 1 + 0.5 * _normal(random, 4)
    beta = _normal(random, 4)
    upstream = _normal(random, *x.shape)
    layer = tfa.layers.InstanceNormalization(epsilon=EPSILON)
    layer.build(x.shape)
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = layer(inputs)
    gradients = tape.gradient(y, [inputs, layer.gamma, layer.beta], tf.constant(upstream))
    return {
        "x": x,
        "gamma": gamma,
        "beta": beta,
        "epsilon": np.float32(EPSILON),
        "y": y.numpy(),
        "upstream": upstream,
        "x_gradient": gradients[0].numpy(),
        "gamma_gradient": gradients[1].numpy(),
        "beta_gradient": gradients[2].numpy(),
    }


def _spectral(random: np.random.Generator) -> Arrays:
    x = _normal(random, 2, 8, 7, 3)
    layer = tfa.layers.SpectralNormalization(tf.keras.layers.Conv2D(6, 3))
    layer.build(x.shape)
    layer.w.assign(_normal(random, 3, 3, 3, 6))
    layer.u.assign(0.02 * _normal(random, 1, 6))
    layer.layer.bias.assign(_normal(random, 6))
    kernels, us, ys = [layer.w.numpy()], [layer.u.numpy()], []
    for call in range(4):
        if call == 3:
            inference_y = layer(x, training=False).numpy()
        ys.append(layer(x, training=True).numpy())
        kernels.append(layer.w.numpy())
        us.append(layer.u.numpy())
    # The layer stores kernels divided by sigma, but not sigma itself.
    sigmas = [
        np.vdot(kernels[i], kernels[i]) / np.vdot(kernels[i], kernels[i + 1]) for i in range(4)
    ]
    return {
        "x": x,
        "bias": layer.layer.bias.numpy(),
        "kernels": np.stack(kernels),
        "us": np.stack(us),
        "sigmas": np.stack(sigmas),
        "ys": np.stack(ys),
        "inference_y": inference_y,
    }


def _average(random: np.random.Generator) -> Arrays:
    variables = {
        "kernel": tf.Variable(_normal(random, 3, 2)),
        "bias": tf.Variable(_normal(random, 2)),
    }
    optimizer = tfa.optimizers.MovingAverage(
        tf.keras.optimizers.legacy.SGD(0.1), average_decay=DECAY
    )
    # Averages start as the weights: they are created just before the first update.
    kept = {name: [variable.numpy()] for name, variable in variables.items()}
    averages = {name: [variable.numpy()] for name, variable in variables.items()}
    for _ in range(5):
        optimizer.apply_gradients(
            [(tf.constant(_normal(random, *v.shape)), v) for v in variables.values()]
        )
        for name, variable in variables.items():
            kept[name].append(variable.numpy())
            averages[name].append(optimizer.get_slot(variable, "average").numpy())
    return {
        "decay": np.float64(DECAY),
        "kernels": np.stack(kept["kernel"]),
        "biases": np.stack(kept["bias"]),
        "kernel_averages": np.stack(averages["kernel"]),
        "bias_averages": np.stack(averages["bias"]),
    }


if __name__ == "__main__":
    main()
