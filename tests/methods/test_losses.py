import math

import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.methods.losses import discriminator_loss, distance_loss, generator_gan_loss


def logits(*values):
    """One image a value list, 1×2 patches."""
    return tf.constant(values, tf.float32, shape=(len(values), 1, 2, 1))


def test_discriminator_that_cannot_tell():
    assert discriminator_loss(logits([0, 0]), logits([0, 0])).numpy() == pytest.approx(math.log(2))


def test_discriminator_by_hand():
    real, fake = logits([1, 2], [0, 0]), logits([-1, 3], [0, 0])
    first = 0.5 * (
        (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-2))) / 2
        + (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(3))) / 2
    )
    expected = [first, math.log(2)]
    np.testing.assert_allclose(discriminator_loss(real, fake), expected, rtol=1e-6)


def test_generator_maximises_log_d():
    expected = [(math.log(1 + math.exp(1)) + math.log(1 + math.exp(-2))) / 2]
    np.testing.assert_allclose(generator_gan_loss(logits([-1, 2])), expected, rtol=1e-6)


def test_generator_still_learns_where_the_discriminator_is_sure():
    x = tf.Variable(logits([-20, -20]))
    with tf.GradientTape() as tape:
        loss = generator_gan_loss(x)
    assert tape.gradient(loss, x).numpy().sum() == pytest.approx(-1, rel=1e-3)


def test_large_logits_stay_finite():
    big = logits([1e4, -1e4])
    assert discriminator_loss(big, big).numpy() == pytest.approx(5000)
    assert np.isfinite(generator_gan_loss(big)).all()


def test_l1_by_hand():
    target = tf.constant([[[[1.0, -1.0]]], [[[0.0, 0.0]]]])
    output = tf.constant([[[[0.5, 1.0]]], [[[0.0, 1.0]]]])
    assert distance_loss(target, output).numpy().tolist() == [1.25, 0.5]


def test_l2_by_hand():
    target = tf.constant([[[[1.0, -1.0]]], [[[0.0, 0.0]]]])
    output = tf.constant([[[[0.5, 1.0]]], [[[0.0, 1.0]]]])
    assert distance_loss(target, output, "l2").numpy().tolist() == [2.125, 0.5]


def test_least_squares_by_hand():
    real, fake = logits([1, 3]), logits([0, -2])
    # ((0 + 4) / 2 + (0 + 4) / 2) / 2, and ((0 - 1)² + (-2 - 1)²) / 2
    assert discriminator_loss(real, fake, "least_squares").numpy().tolist() == [2.0]
    assert generator_gan_loss(fake, "least_squares").numpy().tolist() == [5.0]


def test_hinge_by_hand():
    real, fake = logits([2, 0.5]), logits([-3, 1])
    # (0 + 0.5) / 2 and (0 + 2) / 2, halved
    assert discriminator_loss(real, fake, "hinge").numpy().tolist() == [0.625]
    assert generator_gan_loss(fake, "hinge").numpy().tolist() == [1.0]
