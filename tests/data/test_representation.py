import numpy as np
import tensorflow as tf

from pix2pix_tf.data.representation import decode, encode


def test_ranges():
    encoded = encode(tf.constant([0, 51, 255], tf.uint8)).numpy()
    np.testing.assert_allclose(encoded, [-1, -0.6, 1], atol=1e-6)
    encoded = encode(tf.constant([0, 13107, 65535], tf.uint16)).numpy()
    np.testing.assert_allclose(encoded, [-1, -0.6, 1], atol=1e-6)


def test_every_grey_level_comes_back():
    levels = tf.range(256)
    assert np.array_equal(decode(encode(tf.cast(levels, tf.uint8))), levels)


def test_rounds_to_the_nearest_and_clips():
    values = tf.constant([-3.0, -1.0, 0.4 / 127.5 - 1, 0.6 / 127.5 - 1, 1.0, 2.0])
    assert decode(values).numpy().tolist() == [0, 0, 0, 1, 255, 255]
