import keras
import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.methods.loss_scaling import LossScaledAdam
from pix2pix_tf.methods.optimizer import FusedAdam, LinearDecay

SETTINGS = {"learning_rate": 2e-4, "beta_1": 0.5, "beta_2": 0.999, "epsilon": 1e-8}


def made(strategy):
    with strategy.scope():
        variable = keras.Variable([1.0, 2.0])
        optimizer = LossScaledAdam(**SETTINGS)
        optimizer.build([variable])
    return variable, optimizer


def scale_and_steps(optimizer):
    return [float(variable.numpy()) for variable in optimizer.state[-2:]]


def apply(strategy, optimizer, variable, gradients):
    """Applies one gradient a replica, of the scaled loss."""

    @tf.function
    def run():
        def step():
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            optimizer.apply([tf.gather(tf.constant(gradients), number)], [variable])

        strategy.run(step)

    run()


def test_finite_gradients_are_divided_by_the_scale(one_device):
    variable, optimizer = made(one_device)
    plain, expected = keras.Variable([1.0, 2.0]), FusedAdam(**{**SETTINGS, "epsilon": 1.0})
    optimizer.epsilon = 1.0  # so that the size matters
    assert scale_and_steps(optimizer) == [32768, 0]
    for gradient in ([3.0, -1.0], [0.5, 2.0]):
        expected.apply([tf.constant(gradient)], [plain])
        apply(one_device, optimizer, variable, [[32768 * each for each in gradient]])
    np.testing.assert_allclose(variable.numpy(), plain.numpy(), rtol=1e-7)
    assert scale_and_steps(optimizer) == [32768, 2]


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_an_overflow_leaves_the_update_out_and_halves_the_scale(one_device, bad):
    variable, optimizer = made(one_device)
    apply(one_device, optimizer, variable, [[1.0, 1.0]])
    before = [each.numpy() for each in (variable, *optimizer.state[:-2])]
    apply(one_device, optimizer, variable, [[1.0, bad]])
    after = [each.numpy() for each in (variable, *optimizer.state[:-2])]
    for old, new in zip(before, after, strict=True):
        assert np.array_equal(old, new)
    assert scale_and_steps(optimizer) == [16384, 0]


def test_an_update_that_is_left_out_does_not_count_for_the_learning_rates_decay(one_device):
    with one_device.scope():
        variable = keras.Variable([1.0, 2.0])
        optimizer = LossScaledAdam(**{**SETTINGS, "learning_rate": LinearDecay(2e-4, 0, 4)})
        optimizer.build([variable])
    rates = []
    for gradient in (1.0, np.inf, np.inf, 1.0):
        apply(one_device, optimizer, variable, [[1.0, gradient]])
        rates.append(float(tf.convert_to_tensor(optimizer.learning_rate)))
    assert rates == pytest.approx([1.5e-4, 1.5e-4, 1.5e-4, 1e-4])


def test_the_scale_doubles_after_2000_finite_updates(one_device):
    variable, optimizer = made(one_device)
    optimizer.state[-1].assign(1998)
    apply(one_device, optimizer, variable, [[1.0, 1.0]])
    assert scale_and_steps(optimizer) == [32768, 1999]
    apply(one_device, optimizer, variable, [[1.0, 1.0]])
    assert scale_and_steps(optimizer) == [65536, 0]


def test_an_overflow_of_one_replica_stops_all(two_replicas):
    variable, optimizer = made(two_replicas)
    apply(two_replicas, optimizer, variable, [[1.0, 1.0], [np.inf, 1.0]])
    for number in range(2):
        assert variable.value.values[number].numpy().tolist() == [1.0, 2.0]
        scale, steps = (each.value.values[number].numpy() for each in optimizer.state[-2:])
        assert (scale, steps) == (16384, 0)
