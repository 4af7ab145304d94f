"""Random fields on the infinite plane: a seed and a place give one value, whatever the window."""

from __future__ import annotations

import numpy as np

Array = np.ndarray

_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)  # splitmix64
_STEP_X, _STEP_Y = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


def uniform(seed: int, i: Array | int, j: Array | int = 0) -> Array:
    """A random number in [0, 1) for each cell: a hash, so that any cell can be asked alone.

    Args:
        seed: Below 2**63; every use has its own.
        i: Whole numbers of any shape, negative ones too.
        j: The same, broadcast against `i`.
    """
    with np.errstate(over="ignore"):
        x = np.asarray(i, np.int64).view(np.uint64) * _STEP_X
        x = x + np.asarray(j, np.int64).view(np.uint64) * _STEP_Y + np.uint64(seed)
        x = (x ^ (x >> np.uint64(30))) * _MIX_1
        x = (x ^ (x >> np.uint64(27))) * _MIX_2
        x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24)


def noise(seed: int, x: Array, y: Array, scale: float) -> Array:
    """Smooth value noise in [-1, 1] with features of about `scale` pixels."""
    x, y = x / scale, y / scale
    i, j = np.floor(x), np.floor(y)
    s, t = _smooth(x - i), _smooth(y - j)
    lattice, i, j = table(seed, i.astype(np.int64), j.astype(np.int64), reach=(0, 1))
    top = lattice[j, i] + s * (lattice[j, i + 1] - lattice[j, i])
    bottom = lattice[j + 1, i] + s * (lattice[j + 1, i + 1] - lattice[j + 1, i])
    return 2 * (top + t * (bottom - top)) - 1


def table(seed: int, i: Array, j: Array, reach: tuple[int, int]) -> tuple[Array, Array, Array]:
    """`uniform` of all cells that occur, and of those around them: hashed once a cell, not a pixel.

    Args:
        seed: See `uniform`.
        i: Whole numbers, the cells' first coordinate.
        j: Their second coordinate, of the same shape.
        reach: How far below and above the cells that occur the table goes on.

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
    """How much of a pixel lies inside a shape, 0..1, by its signed distance (negative inside)."""
    return np.clip(0.5 - distance, 0, 1)


def box(x: Array, y: Array, half_x: Array | float, half_y: Array | float) -> Array:
    """Signed distance to an axis-aligned rectangle about the origin (exact along its sides)."""
    return np.maximum(np.abs(x) - half_x, np.abs(y) - half_y)
