import keras
import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.methods.optimizer import FusedAdam, LinearDecay

SETTINGS = {"learning_rate": 2e-4, "beta_1": 0.5, "beta_2": 0.999, "epsilon": 1e-8}


def test_first_step_by_hand():
    variable = keras.Variable([1.0, 1.0])
    FusedAdam(**SETTINGS).apply([tf.constant([3.0, -0.01])], [variable])
    # m/(1-β1) is the gradient, √(v/(1-β2)) its size: a step of the learning rate against its sign.
    np.testing.assert_allclose(variable.numpy(), [1 - 2e-4, 1 + 2e-4], rtol=1e-6)


def test_equal_to_keras_adam():
    random = np.random.default_rng(0)
    start = random.normal(size=(5, 7)).astype(np.float32)
    variables = [keras.Variable(start) for _ in range(2)]
    optimizers = [FusedAdam(**SETTINGS), keras.optimizers.Adam(**SETTINGS)]
    for _ in range(10):
        gradient = tf.constant(random.normal(size=(5, 7)), tf.float32)
        for optimizer, variable in zip(optimizers, variables, strict=True):
            optimizer.apply([gradient], [variable])
    np.testing.assert_allclose(variables[0], variables[1], atol=1e-6)
    assert np.abs(variables[0].numpy() - start).max() > 1e-4


def test_gradients_of_replicas_add_up(one_device, two_replicas):
    def step(strategy):
        with strategy.scope():
            variable = keras.Variable([1.0, 2.0])
            optimizer = FusedAdam(**{**SETTINGS, "epsilon": 1.0})  # so that the size matters
            optimizer.build([variable])
        share = 3.0 / strategy.num_replicas_in_sync

        @tf.function
        def run():
            strategy.run(lambda: optimizer.apply([tf.constant([share, -share])], [variable]))

        run()
        return variable.numpy()

    np.testing.assert_allclose(step(one_device), step(two_replicas), rtol=1e-6)


def test_state_is_all_but_the_learning_rate():
    variable = keras.Variable([1.0])
    optimizer = FusedAdam(**SETTINGS, name="adam")
    optimizer.build([variable])
    names = [v.path.split("/")[-1] for v in optimizer.state]
    assert names[0] == "iteration"
    assert len(names) == 3
    assert not any("learning_rate" in name for name in names)


def test_linear_decay():
    decay = LinearDecay(2e-4, start=100, end=200)
    rates = [float(decay(step)) for step in (0, 100, 150, 200, 250)]
    np.testing.assert_allclose(rates, [2e-4, 2e-4, 1e-4, 0, 0], atol=1e-10)
    again = LinearDecay(**decay.get_config())
    assert float(again(175)) == pytest.approx(5e-5)
