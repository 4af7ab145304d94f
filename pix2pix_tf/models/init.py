"""Initial weights: N(0, 0.02), by seeds; every network has a stream of seeds of its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, repeat

import keras
import numpy as np

Seeds = Iterator[int | None]


def weight_seeds(seed: int | None, network: str) -> Seeds:
    """An endless stream of 31-bit seeds that depends on `seed` and the network's name alone.

    Without a seed it is one of None: of a network that gets all its weights from elsewhere.
    """
    if seed is None:
        return repeat(None)
    random = np.random.default_rng([seed, *network.encode()])
    return (int(random.integers(2**31)) for _ in count())


def initial_weights(seed: int | None) -> keras.Initializer:
    """N(0, 0.02), as the paper initialises (appendix 6.2); zeros, which take no time, for None."""
    if seed is None:
        return keras.initializers.Zeros()
    return keras.initializers.RandomNormal(0.0, 0.02, seed=seed)
