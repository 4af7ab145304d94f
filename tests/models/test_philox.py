"""Random numbers in ordinary operations, against TensorFlow's own."""

import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.models import philox
from pix2pix_tf.models.layers import SeededDropout, dropout_seeds

SEEDS = [[0, 0], [1, 0], [-5, 7], [2**31 - 1, -(2**31)], [123456, 3]]


def seeds():
    return tf.constant(SEEDS, tf.int32)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 4097])
def test_numbers_are_tensorflows(count):
    found = philox.random_bits(seeds(), tf.constant(count)).numpy()
    expected = [
        tf.random.stateless_uniform([count], seed, None, None, tf.uint32, alg="philox").numpy()
        for seed in SEEDS
    ]
    assert np.array_equal(found, expected)


def test_the_published_test_vectors():
    """Of Random123, file kat_vectors: philox4x32, 10 rounds."""
    vectors = {
        ((0, 0, 0, 0), (0, 0)): (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2): (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0)): (
            *(0xD16CFE09, 0x94FDCCEB),
            *(0x5001E420, 0x24126EA1),
        ),
    }
    for (counter, key), expected in vectors.items():
        words = [tf.constant(part, tf.int64) for part in (counter[::2], counter[1::2], key)]
        even, odd = philox.philox(*words)
        assert (int(even[0]), int(odd[0]), int(even[1]), int(odd[1])) == expected


@pytest.mark.parametrize("index", [0, 1, 12])
def test_folding_in_is_tensorflows(index):
    expected = [
        tf.random.experimental.stateless_fold_in(seed, index, alg="philox").numpy()
        for seed in tf.unstack(seeds())
    ]
    assert np.array_equal(philox.fold_in(seeds(), index), expected)


def test_dropout_has_the_same_masks_in_both_ways():
    layer, images = SeededDropout(0.5, index=3), tf.ones([len(SEEDS), 5, 7, 3])
    with dropout_seeds(seeds()):
        expected = layer(images).numpy()
        with philox.portable_random_bits():
            found = layer(images).numpy()
    assert np.array_equal(found, expected)
    assert 0.3 < np.mean(found == 0) < 0.7
    assert set(np.unique(found)) == {0, 2}
