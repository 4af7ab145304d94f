"""Which items of a sequence stand for all of it."""

from __future__ import annotations

import numpy as np


def evenly_spaced(count: int, limit: int) -> list[int]:
    """Indices of at most `limit` of `count` items, spread evenly, the first and last included.

    Args:
        count: How many items there are.
        limit: How many indices at most; a single one is 0.

    Example:
        >>> evenly_spaced(11, 3), evenly_spaced(2, 6)
        ([0, 5, 10], [0, 1])
    """
    return np.linspace(0, count - 1, min(count, limit)).round().astype(int).tolist()
