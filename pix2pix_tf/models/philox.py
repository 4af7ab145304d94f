"""The generator of random numbers Philox-4×32-10 (Salmon et al. 2011), in ordinary operations.

TensorFlow's own operations draw the same numbers, but other runtimes lack them. Here are only
products, quotients and bitwise operations of int64 that are never negative, which ONNX has too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import tensorflow as tf

_WORD = 2**32
_HALF = 2**16
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)  # the golden ratio, and √3 − 1
_ROUNDS = 10
_SEED_KEY = (0x3EC8F720, 0x02461E29)  # with which TensorFlow turns seeds into keys and counters

# The first numbers of seeds, which all layers need, by the references of the seeds.
_first_numbers: ContextVar[dict[Any, tf.Tensor] | None] = ContextVar("first numbers", default=None)


@contextmanager
def portable_random_bits() -> Iterator[None]:
    """Context manager in which dropout masks are drawn by the operations of this module."""
    token = _first_numbers.set({})
    try:
        yield
    finally:
        _first_numbers.reset(token)


def is_active() -> bool:
    """Returns whether `portable_random_bits` is in effect."""
    return _first_numbers.get() is not None


def fold_in(seeds: tf.Tensor, data: int) -> tf.Tensor:
    """Returns `tf.random.experimental.stateless_fold_in(seed, data, alg="philox")` of each seed.

    Args:
        seeds: int32 or int64 [N, 2], in −2³¹..2³¹ − 1.
        data: A number that is not negative.

    Returns:
        int64 [N, 2], the same numbers.
    """
    known = _first_numbers.get()
    first = None if known is None else known.get(seeds.ref())
    if first is None:
        first = random_bits(seeds, tf.constant(1))[:, 0]
        first -= tf.cast(first >= _WORD // 2, tf.int64) * _WORD
        if known is not None:
            known[seeds.ref()] = first
    return tf.stack([first, tf.fill(tf.shape(first), tf.constant(data, tf.int64))], 1)


def random_bits(seeds: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """Returns the numbers of `tf.random.stateless_uniform` of uint32 for each seed.

    Args:
        seeds: int32 or int64 [N, 2], in −2³¹..2³¹ − 1.
        count: int32 [], how many numbers of each seed.

    Returns:
        int64 [N, count] in 0..2³² − 1.
    """
    seeds = tf.cast(seeds, tf.int64)
    negative = tf.cast(seeds < 0, tf.int64)
    # As numbers of 64 bits in two words: the lower ones of both seeds, and the upper ones.
    lower, upper = tf.transpose(seeds + negative * _WORD), tf.transpose(negative * (_WORD - 1))
    even, odd = philox(lower, upper, tf.constant(_SEED_KEY, tf.int64)[:, tf.newaxis])
    key, rest = tf.stack([even[0], odd[0]]), tf.stack([even[1], odd[1]])
    blocks = tf.range(tf.cast((count + 3) // 4, tf.int64))
    zeros = tf.zeros([tf.shape(seeds)[0], tf.size(blocks)], tf.int64)
    even, odd = philox(
        tf.stack([zeros + blocks, zeros + rest[0][:, tf.newaxis]]),
        tf.stack([zeros, zeros + rest[1][:, tf.newaxis]]),
        key[..., tf.newaxis],
    )
    numbers = tf.stack([even[0], odd[0], even[1], odd[1]], -1)
    return tf.reshape(numbers, [tf.shape(seeds)[0], -1])[:, :count]


def philox(even: tf.Tensor, odd: tf.Tensor, key: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns four random words of a counter of four words and a key of two.

    Args:
        even: int64 [2, ...], words 0 and 2 of counters.
        odd: int64 [2, ...], words 1 and 3.
        key: int64 [2, ...], the words of keys.

    Returns:
        Words 0 and 2, and words 1 and 3 of the random numbers, in the same shapes.
    """
    shape = [2] + [1] * (even.shape.rank - 1)
    multipliers = tf.reshape(tf.constant(_MULTIPLIERS, tf.int64), shape)
    step = tf.reshape(tf.constant(_KEY_STEPS, tf.int64), shape)

    def mix(
        number: tf.Tensor, even: tf.Tensor, odd: tf.Tensor, key: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        upper, lower = _product(even, multipliers)
        mixed = tf.bitwise.bitwise_xor(upper[::-1], odd)
        key_after = tf.bitwise.bitwise_and(key + step, _WORD - 1)
        return number + 1, tf.bitwise.bitwise_xor(mixed, key), lower[::-1], key_after

    # A loop of the graph: written out, the rounds are most of the operations of an export.
    first = (tf.constant(0), even, odd, key)
    _, even, odd, _ = tf.while_loop(lambda number, *_: number < _ROUNDS, mix, first)
    return even, odd


def _product(words: tf.Tensor, factors: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the upper and the lower words of products, by halves so that nothing overflows."""
    lower = words * (factors % _HALF)
    middle = words * (factors // _HALF) + lower // _HALF
    low = tf.bitwise.bitwise_and(middle, _HALF - 1) * _HALF
    return middle // _HALF, low + tf.bitwise.bitwise_and(lower, _HALF - 1)
