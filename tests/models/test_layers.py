import keras
import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.models.layers import (
    BatchStatisticsNorm,
    NearestUpsampling2D,
    SeededDropout,
    batch_groups,
    collected_moments,
    dropout_seeds,
    fixed_moments,
)

RANDOM = np.random.default_rng(0)


def images(n, side=4, channels=3):
    return tf.constant(RANDOM.normal(2, 3, (n, side, side, channels)), tf.float32)


def norm(x):
    layer = BatchStatisticsNorm()
    layer.build(x.shape)
    return layer


def test_hand_computed():
    # Two images of two pixels: 1 3 | 5 7. Batch: mean 4, variance 5. Alone: means 2 and 6, variance
    # 1.
    x = tf.constant([1.0, 3.0, 5.0, 7.0], shape=(2, 1, 2, 1))
    layer = norm(x)
    layer.scale.assign([2.0])
    layer.offset.assign([10.0])
    batch = 10 + 2 * np.array([-3, -1, 1, 3]) / np.sqrt(5 + 1e-5)
    np.testing.assert_allclose(layer(x, training=True).numpy().ravel(), batch, rtol=1e-6)
    alone = 10 + 2 * np.array([-1, 1, -1, 1]) / np.sqrt(1 + 1e-5)
    np.testing.assert_allclose(layer(x, training=False).numpy().ravel(), alone, rtol=1e-6)


def test_equal_to_keras_batch_and_instance_normalization():
    x = images(3)
    layer = norm(x)
    batch, instance = (
        keras.layers.BatchNormalization(epsilon=1e-5),
        keras.layers.GroupNormalization(groups=-1, epsilon=1e-5),
    )
    for other, training in ((batch, True), (instance, False)):
        other.build(x.shape)
        other.gamma.assign(layer.scale)
        np.testing.assert_allclose(
            layer(x, training=training), other(x, training=training), atol=1e-5
        )


def test_nothing_is_kept_between_calls():
    layer = norm(images(1))
    assert layer.non_trainable_variables == []
    assert [v.name for v in layer.trainable_variables] == ["scale", "offset"]


def test_groups_equal_separate_calls_in_values_and_gradients():
    real, fake = images(2), images(2) * 5
    layer = norm(real)
    weights = tf.constant(RANDOM.normal(size=(4, 4, 4, 3)), tf.float32)
    with tf.GradientTape() as tape, batch_groups(2):
        x = tf.concat([real, fake], 0)
        tape.watch(x)
        together = layer(x, training=True)
        loss = tf.reduce_sum(together * weights)
    gradients = tape.gradient(loss, [x, layer.scale.value])
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        apart = tf.concat([layer(real, training=True), layer(fake, training=True)], 0)
        loss = tf.reduce_sum(apart * weights)
    first, second, scale = tape.gradient(loss, [real, fake, layer.scale.value])
    np.testing.assert_allclose(together, apart, atol=1e-6)
    np.testing.assert_allclose(gradients[0], tf.concat([first, second], 0), atol=1e-5)
    np.testing.assert_allclose(gradients[1], scale, rtol=1e-5)
    assert np.abs(together - layer(x, training=True)).max() > 0.1  # without groups: otherwise


def test_one_image_is_the_same_in_training_and_after():
    x = images(1)
    layer = norm(x)
    np.testing.assert_allclose(layer(x, training=True), layer(x, training=False), atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_one_pixel_becomes_the_offset_exactly(training):
    x = images(1, side=1)
    layer = norm(x)
    layer.offset.assign([1.0, 2.0, 3.0])
    assert layer(x, training=training).numpy().ravel().tolist() == [1.0, 2.0, 3.0]


def test_two_replicas_normalise_the_whole_batch(one_device, two_replicas):
    x, weights = images(4), tf.constant(RANDOM.normal(size=(4, 4, 4, 3)), tf.float32)

    def run(strategy):
        with strategy.scope():
            layer = BatchStatisticsNorm(seed=1)
            layer.build(x.shape)
        count = strategy.num_replicas_in_sync

        def part(context):
            n, i = 4 // count, context.replica_id_in_sync_group
            return x[i * n : (i + 1) * n], weights[i * n : (i + 1) * n]

        def replica(part_x, part_weights):
            with tf.GradientTape() as tape:
                tape.watch(part_x)
                y = layer(part_x, training=True)
                loss = tf.reduce_sum(y * part_weights)
            gx, gs = tape.gradient(loss, [part_x, layer.scale.value])
            context = tf.distribute.get_replica_context()
            return y, gx, context.all_reduce("SUM", gs)

        parts = [
            strategy.experimental_distribute_values_from_function(lambda c, k=k: part(c)[k])
            for k in (0, 1)
        ]
        y, gx, gs = tf.function(lambda: strategy.run(replica, args=tuple(parts)))()
        join = strategy.experimental_local_results
        return tf.concat(join(y), 0), tf.concat(join(gx), 0), join(gs)[0]

    for a, b in zip(run(one_device), run(two_replicas), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


def test_initial_scale_and_config():
    layer = BatchStatisticsNorm(seed=3)
    layer.build((1, 1, 1, 10_000))
    scale = layer.scale.numpy()
    assert abs(scale.mean() - 1) < 0.001
    assert abs(scale.std() - 0.02) < 0.001
    assert not layer.offset.numpy().any()
    again = BatchStatisticsNorm.from_config(layer.get_config())
    again.build((1, 1, 1, 10_000))
    assert np.array_equal(again.scale.numpy(), scale)
    with pytest.raises(ValueError, match="number of channels must be known"):
        BatchStatisticsNorm().build((None, 4, 4, None))


def mask(seeds, rate=0.5, index=0, shape=(8, 8, 16), **call):
    x = tf.ones((len(seeds), *shape))
    with dropout_seeds(tf.constant(seeds, tf.int32)):
        return SeededDropout(rate, index)(x, **call).numpy()


def test_a_mask_belongs_to_its_seed_wherever_the_image_stands():
    together = mask([[0, 1], [0, 2], [0, 3]])
    assert np.array_equal(together[1], mask([[0, 2]])[0])
    assert np.array_equal(together[2], mask([[0, 3], [9, 9]])[0])
    assert not np.array_equal(together[0], together[1])
    assert not np.array_equal(together[0], mask([[0, 1]], index=1)[0])
    assert not np.array_equal(together[0], mask([[1, 1]])[0])


@pytest.mark.parametrize("rate", [0.25, 0.5])
def test_rate_and_scale(rate):
    values = mask([[4, 4]], rate=rate, shape=(64, 64, 8))
    share = (values == 0).mean()
    assert abs(share - rate) < 5 * np.sqrt(rate * (1 - rate) / values.size)
    assert np.allclose(values[values != 0], 1 / (1 - rate))


def test_when_it_is_active():
    tf.random.set_seed(0)  # asked for where another test has made operations deterministic
    x = tf.ones((1, 8, 8, 4))
    layer = SeededDropout(0.5)
    assert np.array_equal(layer(x, training=False), x)
    assert (layer(x, training=True).numpy() == 0).any()
    assert not np.array_equal(layer(x, training=True), layer(x, training=True))
    assert (mask([[0, 0]], training=False) == 0).any()
    with pytest.raises(ValueError, match="received rate=1"):
        SeededDropout(1)


def test_dropout_config_round_trip():
    layer = SeededDropout(0.3, index=2, name="d")
    assert SeededDropout.from_config(layer.get_config()).get_config() == layer.get_config()


def test_nearest_upsampling_repeats_pixels():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    expected = x.repeat(2, axis=1).repeat(2, axis=2)
    assert np.array_equal(NearestUpsampling2D()(x), expected)


def test_fixed_moments_hand_computed():
    x = tf.constant([1.0, 3.0], shape=(1, 1, 2, 1))
    layer = norm(x)
    layer.scale.assign([2.0])
    layer.offset.assign([10.0])
    with fixed_moments({layer.name: tf.constant([[5.0], [4.0]])}):
        fixed = 10 + 2 * np.array([-4, -2]) / np.sqrt(4 + 1e-5)
        np.testing.assert_allclose(layer(x, training=False).numpy().ravel(), fixed, rtol=1e-6)
    with fixed_moments({"another": tf.constant([[5.0], [4.0]])}):
        own = 10 + 2 * np.array([-1, 1]) / np.sqrt(1 + 1e-5)
        np.testing.assert_allclose(layer(x, training=False).numpy().ravel(), own, rtol=1e-6)


def test_collected_moments_are_those_of_the_whole_batch_hand_computed():
    x = tf.constant([1.0, 3.0, 5.0, 7.0], shape=(2, 1, 2, 1))
    layer = norm(x)
    layer.scale.assign([2.0])
    layer.offset.assign([10.0])
    with collected_moments() as moments:
        found = layer(x, training=False).numpy().ravel()
    np.testing.assert_allclose(moments[layer.name], [[4.0], [5.0]])
    np.testing.assert_allclose(found, 10 + 2 * np.array([-3, -1, 1, 3]) / np.sqrt(5 + 1e-5))
    with fixed_moments(moments):  # each alone as it was among the others
        np.testing.assert_allclose(layer(x[:1]).numpy().ravel(), found[:2], rtol=1e-6)


def test_fixed_moments_keep_the_precision_of_their_input():
    x = tf.ones((1, 2, 2, 3), tf.bfloat16)
    layer = BatchStatisticsNorm(dtype="mixed_bfloat16")
    layer.build(x.shape)
    with fixed_moments({layer.name: tf.zeros((2, 3))}):
        assert layer(x).dtype == tf.bfloat16
