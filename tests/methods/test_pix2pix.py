"""The update against a plain one, written independently: D in two passes, Keras' Adam."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.methods.pix2pix import Pix2Pix
from pix2pix_tf.methods.update import make_update, split_batch
from pix2pix_tf.models.layers import dropout_seeds


def batch(count, number=0):
    random = np.random.default_rng(number)
    image, target = random.uniform(-1, 1, (2, count, 32, 32, 3)).astype(np.float32)
    seeds = np.stack([np.full(count, number), np.arange(count)], 1).astype(np.int32)
    sides = {"input": image, "target": target, "seed": seeds}
    return {name: tf.constant(side) for name, side in sides.items()}


def build(config, strategy, total_updates=100, decay_start=None):
    with strategy.scope():
        method = Pix2Pix(config, total_updates, decay_start)
    update = make_update(method, config.training, strategy)
    return method, lambda data, step=0: update(data, tf.cast(step, tf.int64))


def distributed(strategy, data):
    share = len(data["seed"]) // strategy.num_replicas_in_sync
    return {
        name: strategy.experimental_distribute_values_from_function(
            lambda c, x=x: x[c.replica_id_in_sync_group * share :][:share]
        )
        for name, x in data.items()
    }


def weights(method):
    both = [*method.generator.variables, *method.discriminator.variables]
    return [variable.numpy() for variable in both]


def assert_close(one, other, atol):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


def plain_update(config, method, optimizers, data):
    image, target, seeds = data["input"], data["target"], data["seed"]
    generator, discriminator = method.generator, method.discriminator
    entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    with tf.GradientTape() as tape:
        with dropout_seeds(seeds):
            fake = generator(image, training=True)
        real_logits = discriminator([image, target], training=True)
        fake_logits = discriminator([image, fake], training=True)
        loss = entropy(tf.ones_like(real_logits), real_logits)
        loss = (loss + entropy(tf.zeros_like(fake_logits), fake_logits)) / 2
    variables = [v.value for v in discriminator.trainable_variables]
    optimizers[0].apply(tape.gradient(loss, variables), discriminator.trainable_variables)
    with tf.GradientTape() as tape:
        with dropout_seeds(seeds):
            fake = generator(image, training=True)
        judged = discriminator([image, fake], training=True)
        gan = entropy(tf.ones_like(judged), judged)
        l1 = tf.reduce_mean(tf.abs(target - fake))
        total = gan + config.objective.l1_weight * l1
    variables = [v.value for v in generator.trainable_variables]
    optimizers[1].apply(tape.gradient(total, variables), generator.trainable_variables)
    return {
        "discriminator/loss": loss,
        "discriminator/real": tf.reduce_mean(tf.sigmoid(real_logits)),
        "discriminator/fake": tf.reduce_mean(tf.sigmoid(fake_logits)),
        "generator/gan": gan,
        "generator/l1": l1,
    }


@pytest.mark.parametrize("size", [1, 3])
def test_equal_to_the_plain_update(tiny, one_device, size):
    config = tiny(training__batch_size=size)
    _, update = build(config, one_device)
    plain = Pix2Pix(config, 100, None)
    optimizers = [
        keras.optimizers.Adam(2e-4, beta_1=0.5, beta_2=0.999, epsilon=1e-8) for _ in range(2)
    ]
    for number in range(20):
        data = batch(size, number)
        losses, expected = update(data), plain_update(config, plain, optimizers, data)
        assert losses.keys() == expected.keys()
        for name, value in expected.items():
            assert float(losses[name]) == pytest.approx(float(value), rel=1e-4, abs=1e-4), name


def test_two_replicas_equal_one_device(tiny, one_device, two_replicas):
    config = tiny(training__batch_size=2)
    strategies = one_device, two_replicas
    (one, update_one), (two, update_two) = (build(config, strategy) for strategy in strategies)
    start = weights(one)
    for number in range(5):
        data = batch(2, number)
        losses = update_one(data), update_two(distributed(two_replicas, data))
        for name in losses[0]:
            assert float(losses[0][name]) == pytest.approx(float(losses[1][name]), abs=1e-5), name
    assert_close(weights(one), weights(two), 1e-5)
    assert max(np.abs(a - b).max() for a, b in zip(start, weights(one), strict=True)) > 5e-4


def test_weights_are_updated_in_place(tiny, one_device):
    """A weight that is still read during its update is copied first."""

    def places():
        trained = (method.generator, method.discriminator)
        weights = [weight for network in trained for weight in network.trainable_variables]
        values = [tf.convert_to_tensor(weight) for weight in weights]
        return [np.asarray(memoryview(value)).ctypes.data for value in values]

    method, update = build(tiny(), one_device)
    before = places()
    for number in range(5):
        update(batch(1, number))
    assert places() == before


@pytest.mark.usefixtures("eagerly")
def test_one_generator_forward_a_step(tiny, one_device, monkeypatch):
    config = tiny()
    method, update = build(config, one_device)
    calls = []
    layer = method.generator.get_layer("encoder_1")
    call = layer.call
    monkeypatch.setattr(layer, "call", lambda *a, **k: calls.append(1) or call(*a, **k))
    update(batch(1))
    assert len(calls) == 1


@pytest.mark.usefixtures("eagerly")
def test_more_discriminator_steps_take_fresh_pairs(tiny, one_device):
    config = tiny(training__discriminator_steps=2)
    method, update = build(config, one_device)
    update(batch(2))
    assert int(method.optimizers["discriminator"].optimizer.iterations.numpy()) == 2
    assert int(method.optimizers["generator"].optimizer.iterations.numpy()) == 1
    # The same as a discriminator update on the first pair and a whole update on the second.
    other, single = build(tiny(), one_device)
    first, second = split_batch(batch(2), 2)
    optimizer = other.optimizers["generator"].optimizer
    generator = [v.numpy() for v in other.generator.variables]
    moments = [v.numpy() for v in optimizer.state]
    single(first)
    for variable, value in zip(other.generator.variables, generator, strict=True):
        variable.assign(value)
    for variable, value in zip(optimizer.state, moments, strict=True):
        variable.assign(value)
    single(second)
    assert_close(weights(method), weights(other), 1e-6)


def test_same_numbers_every_time(tiny, one_device):
    results = []
    for _ in range(2):
        method, update = build(tiny(), one_device)
        for number in range(2):
            update(batch(1, number))
        results.append(weights(method))
    for a, b in zip(*results, strict=True):
        assert np.array_equal(a, b)
