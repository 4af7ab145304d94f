"""Selection of evenly spaced items from a sequence."""

from __future__ import annotations

import numpy as np


def evenly_spaced(count: int, limit: int) -> list[int]:
    """Returns evenly spaced indices of items, including the first and the last item.

    Args:
        count: Number of items.
        limit: Maximal number of indices; with a limit of 1 the index is 0.

    Returns:
        At most `limit` indices, in ascending order.

    Example:
        >>> evenly_spaced(11, 3), evenly_spaced(2, 6)
        ([0, 5, 10], [0, 1])
    """
    return np.linspace(0, count - 1, min(count, limit)).round().astype(int).tolist()
