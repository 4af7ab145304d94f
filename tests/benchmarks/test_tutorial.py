"""The TensorFlow tutorial's networks and step, as written here."""

from itertools import pairwise

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.peers import tutorial


@pytest.fixture(autouse=True)
def on_one_device():
    tf.random.set_seed(0)  # TensorFlow asks for one after any test that trained deterministically
    with tf.device("CPU:0"):
        yield


def trainable(network):
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)


def test_numbers_of_parameters_by_hand():
    # 4×4 kernels without biases; a norm's scale and offset after each but the first; 3 biases.
    encoder = [3, 64, 128, 256, 512, 512, 512, 512, 512]
    kernels = sum(a * b for a, b in pairwise(encoder))
    # What the decoder sees: the bottleneck, then its own channels beside the encoder's.
    seen, made = [512, 1024, 1024, 1024, 1024, 512, 256, 128], [512] * 4 + [256, 128, 64, 3]
    kernels += sum(a * b for a, b in zip(seen, made, strict=True))
    norms = 2 * (sum(encoder[2:]) + sum(made[:-1]))
    generator = tutorial.build_generator()
    assert trainable(generator) == 16 * kernels + norms + 3 == 54_414_979
    assert generator.count_params() == 54_414_979 + norms  # running averages, not trained

    kernels = 6 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512 * 1
    norms = 2 * (128 + 256 + 512)
    discriminator = tutorial.build_discriminator()
    assert trainable(discriminator) == 16 * kernels + norms + 1 == 2_768_641
    assert discriminator.output_shape == (None, 30, 30, 1)


def test_a_step_updates_both_networks_from_the_same_forward_pass():
    networks = tutorial.build_generator(256, 1), tutorial.build_discriminator(256, 1)
    before = [[weight.numpy() for weight in its.trainable_variables] for its in networks]
    step = tutorial.make_step(*networks)
    random = tf.random.Generator.from_seed(0)
    image, target = (random.uniform((1, 256, 256, 3), -1, 1) for _ in range(2))
    losses = {name: float(loss) for name, loss in step(image, target).items()}
    assert set(losses) == {"gan", "l1", "discriminator"}
    # Of fresh networks: ln 2 for each decision, and about the mean of |target|.
    assert losses["gan"] == pytest.approx(np.log(2), abs=0.1)
    assert losses["discriminator"] == pytest.approx(2 * np.log(2), abs=0.2)
    assert losses["l1"] == pytest.approx(0.5, abs=0.05)
    for its, weights in zip(networks, before, strict=True):
        moved = [
            np.abs(now.numpy() - then).max()
            for now, then in zip(its.trainable_variables, weights, strict=True)
        ]
        # Adam's first step is the learning rate, wherever there is a gradient.
        assert max(moved) == pytest.approx(2e-4, rel=0.01)
        assert np.mean(np.array(moved) > 0) > 0.8
