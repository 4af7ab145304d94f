"""Medians and quartiles of repeated measurements."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Quartiles:
    """The median and the quartiles of some values.

    Attributes:
        median: The median.
        low: The first quartile.
        high: The third quartile.
    """

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{three_digits(self.median)} ({three_digits(self.low)}–{three_digits(self.high)})"

    def scaled(self, factor: float) -> Quartiles:
        """Median and quartiles multiplied by `factor`, for another unit."""
        return Quartiles(factor * self.median, factor * self.low, factor * self.high)


def three_digits(value: float) -> str:
    """Text of a number with three significant digits and all digits before the decimal point."""
    return f"{value:.3g}" if abs(value) < 999.5 else f"{value:.0f}"


def quartiles(values: Sequence[float]) -> Quartiles:
    """Quartiles of at least one value, interpolated linearly between the nearest values."""
    if len(values) == 1:
        return Quartiles(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Quartiles(median, low, high)


def ratio_quartiles(numerators: Sequence[float], denominators: Sequence[float]) -> Quartiles:
    """Quartiles of ratios that are taken round by round.

    Effects that slow down a whole round, such as a processor that throttles, cancel out.

    Args:
        numerators: One value for each round.
        denominators: One value for each of the same rounds.

    Returns:
        The quartiles of the ratios.
    """
    return quartiles([above / below for above, below in zip(numerators, denominators, strict=True)])
