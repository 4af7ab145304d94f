"""Rescaling of stored numbers to those that they stand for, as medical images ask for it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_INTEGERS = tuple(map(np.dtype, ("u1", "i1", "u2", "i2", "u4", "i4", "i8")))


class Rescaling(NamedTuple):
    """Values are stored numbers times a slope plus an intercept.

    Attributes:
        slope: The slope.
        intercept: The intercept.
        stored: The type of the stored numbers.
        limits: The smallest and the largest number that can be stored.
    """

    slope: float
    intercept: float
    stored: np.dtype
    limits: tuple[float, float]

    @property
    def changes(self) -> bool:
        """Whether values differ from the stored numbers."""
        return (self.slope, self.intercept) != (1.0, 0.0)

    @property
    def dtype(self) -> np.dtype:
        """The type of the values.

        It is that of the stored numbers if nothing changes; the smallest integers that hold all
        values if slope and intercept are integers; else floats, of 32 bits if these hold all
        stored numbers.

        Example:
            >>> Rescaling(1.0, -1024.0, np.dtype("u2"), (0, 4095)).dtype
            dtype('int16')
        """
        if not self.changes:
            return self.stored
        if self.stored.kind in "iu" and self.slope == int(self.slope):
            ends = sorted(self.slope * limit + self.intercept for limit in self.limits)
            if self.intercept == int(self.intercept):
                for dtype in _INTEGERS:
                    limits = np.iinfo(dtype)
                    if limits.min <= ends[0] and ends[1] <= limits.max:
                        return dtype
        exact = np.can_cast(self.stored, np.float32)
        return np.dtype(np.float32 if exact else np.float64)

    def __call__(self, stored: np.ndarray) -> np.ndarray:
        """Returns the values of stored numbers, an array of `dtype`."""
        if not self.changes:
            return stored.astype(self.dtype, copy=False)
        values = stored.astype(np.float64) * self.slope + self.intercept
        return values.astype(self.dtype)

    @property
    def words(self) -> str:
        """What is applied, in words; "" if nothing changes."""
        return f"slope {self.slope:g}, intercept {self.intercept:g}" if self.changes else ""


def stored_limits(dtype: np.dtype, bits: int | None = None) -> tuple[float, float]:
    """Returns the smallest and the largest number of a type, or of fewer bits of it.

    Args:
        dtype: The type.
        bits: The number of bits that are used of an integer type; None for all.
    """
    if dtype.kind not in "iu":
        limits = np.finfo(dtype)
        return float(limits.min), float(limits.max)
    bits = 8 * dtype.itemsize if bits is None else bits
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if dtype.kind == "i" else (0, 2**bits - 1)
