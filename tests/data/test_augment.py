import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.data.augment import jitter


def numbered(height, width, channels, dtype=np.uint16):
    """Every pixel holds its own number, in every channel."""
    numbers = np.arange(height * width, dtype=dtype).reshape(height, width, 1)
    return tf.constant(np.repeat(numbers, channels, axis=-1))


def place(window, width):
    """Offset and mirroring of a window of `numbered`."""
    first, last = int(window[0, 0, 0]), int(window[0, -1, 0])
    return min(first, last) // width, min(first, last) % width, first > last


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_both_images_share_the_window(dtype):
    image, target = numbered(12, 14, 3, dtype), numbered(12, 14, 1, dtype)
    for number in range(20):
        a, b = jitter(image, target, (8, 9), True, tf.constant([0, number]))
        assert a.shape == (8, 9, 3)
        assert b.shape == (8, 9, 1)
        assert np.array_equal(a[..., :1], b)


def test_every_offset_and_half_of_the_mirrorings():
    image = numbered(11, 12, 1)
    places = [
        place(jitter(image, image, (8, 8), True, tf.constant([5, n]))[0].numpy(), 12)
        for n in range(400)
    ]
    assert {p[0] for p in places} == set(range(4))
    assert {p[1] for p in places} == set(range(5))
    assert abs(np.mean([p[2] for p in places]) - 0.5) < 0.1
    counts = np.bincount([p[0] for p in places])
    assert counts.min() > 60  # 100 expected


def test_nothing_to_do():
    image = numbered(8, 8, 3)
    for number in range(5):
        a, b = jitter(image, image, (8, 8), False, tf.constant([0, number]))
        assert np.array_equal(a, image)
        assert np.array_equal(b, image)


def test_same_in_tf_data_as_eagerly():
    image = numbered(12, 12, 3)

    def one(number):
        return jitter(image, image, (8, 8), True, tf.stack([3, tf.cast(number, tf.int32)]))

    piped = list(tf.data.Dataset.range(6).map(one, num_parallel_calls=2))
    for number, (a, b) in enumerate(piped):
        first, second = one(number)
        assert np.array_equal(a, first)
        assert np.array_equal(b, second)
    assert not np.array_equal(piped[0][0], piped[1][0])
