"""Seeds of initial weights: a stream for each network, independent of the other's layers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def weight_seeds(seed: int, network: str) -> Iterator[int]:
    """An endless stream of 31-bit seeds that depends on `seed` and the network's name alone."""
    random = np.random.default_rng([seed, *network.encode()])
    while True:
        yield int(random.integers(2**31))
