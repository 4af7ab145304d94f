"""Random fields on the infinite plane, whose values depend only on a seed and a position."""

from __future__ import annotations

import numpy as np

Array = np.ndarray

_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)  # splitmix64
_STEP_X, _STEP_Y = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


def uniform(seed: int, i: Array | int, j: Array | int = 0) -> Array:
    """Returns a random number in [0, 1) for each cell.

    It is a hash of the cell, so that each cell can be computed independently of others.

    Args:
        seed: The seed, below 2**63, a different one for each purpose.
        i: Integers of any shape, which may be negative: the first coordinate of the cells.
        j: Integers that broadcast against `i`: the second coordinate.

    Returns:
        float32 of the broadcast shape.
    """
    with np.errstate(over="ignore"):
        x = np.asarray(i, np.int64).view(np.uint64) * _STEP_X
        x = x + np.asarray(j, np.int64).view(np.uint64) * _STEP_Y + np.uint64(seed)
        x = (x ^ (x >> np.uint64(30))) * _MIX_1
        x = (x ^ (x >> np.uint64(27))) * _MIX_2
        x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24)


def noise(seed: int, x: Array, y: Array, scale: float) -> Array:
    """Returns smooth value noise in [-1, 1] with features of about `scale` pixels.

    Args:
        seed: See `uniform`.
        x: The first coordinate of the positions in pixels.
        y: The second coordinate, of the same shape.
        scale: The size of the features in pixels.
    """
    x, y = x / scale, y / scale
    i, j = np.floor(x), np.floor(y)
    s, t = _smooth(x - i), _smooth(y - j)
    lattice, i, j = table(seed, i.astype(np.int64), j.astype(np.int64), reach=(0, 1))
    top = lattice[j, i] + s * (lattice[j, i + 1] - lattice[j, i])
    bottom = lattice[j + 1, i] + s * (lattice[j + 1, i + 1] - lattice[j + 1, i])
    return 2 * (top + t * (bottom - top)) - 1


def table(seed: int, i: Array, j: Array, reach: tuple[int, int]) -> tuple[Array, Array, Array]:
    """Computes `uniform` once per cell rather than once per pixel.

    Args:
        seed: See `uniform`.
        i: Integers, the first coordinate of the cell of each pixel.
        j: The second coordinate, of the same shape.
        reach: The number of further cells in the table below (as a number of at most 0) and above
            those that occur.

    Returns:
        The table, [rows, columns], and `i` and `j` as indices into it: `table[j, i]`.
    """
    (low_i, high_i), (low_j, high_j) = (
        (int(k.min()) + reach[0], int(k.max()) + reach[1]) for k in (i, j)
    )
    columns, rows = np.arange(low_i, high_i + 1), np.arange(low_j, high_j + 1)
    return uniform(seed, columns, rows[:, np.newaxis]), i - low_i, j - low_j


def _smooth(t: Array) -> Array:
    return t * t * (3 - 2 * t)


def cover(distance: Array) -> Array:
    """Returns the share of a pixel in a shape, 0..1, by its signed distance (negative inside)."""
    return np.clip(0.5 - distance, 0, 1)


def box(x: Array, y: Array, half_x: Array | float, half_y: Array | float) -> Array:
    """Returns the signed distance to an axis-aligned rectangle about the origin.

    It is exact along the sides of the rectangle.
    """
    return np.maximum(np.abs(x) - half_x, np.abs(y) - half_y)
