"""Random fields on the infinite plane: the same seed and place give the same value, whatever the
window.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray

_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)  # splitmix64
_STEP_X, _STEP_Y = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


def uniform(seed: int, i: Array | int, j: Array | int = 0) -> Array:
    """A random number in [0, 1) for each pair of whole numbers: a hash, so that any cell can be
    asked alone.

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
    i, j = i.astype(np.int64), j.astype(np.int64)
    corners = [uniform(seed, i + di, j + dj) for dj in (0, 1) for di in (0, 1)]
    top = corners[0] + s * (corners[1] - corners[0])
    bottom = corners[2] + s * (corners[3] - corners[2])
    return 2 * (top + t * (bottom - top)) - 1


def _smooth(t: Array) -> Array:
    return t * t * (3 - 2 * t)


def cover(distance: Array) -> Array:
    """How much of a pixel lies inside a shape, 0..1, by the pixel's signed distance (negative
    inside).
    """
    return np.clip(0.5 - distance, 0, 1)


def box(x: Array, y: Array, half_x: Array | float, half_y: Array | float) -> Array:
    """Signed distance to an axis-aligned rectangle about the origin (exact along its sides)."""
    return np.maximum(np.abs(x) - half_x, np.abs(y) - half_y)
