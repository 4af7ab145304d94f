"""Medians and what is around them, of one number a round."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """The median of some values and their quartiles: half of the values lie within these."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{digits(self.median)} ({digits(self.low)}–{digits(self.high)})"

    def times(self, factor: float) -> Spread:
        """In another unit."""
        return Spread(factor * self.median, factor * self.low, factor * self.high)


def digits(value: float) -> str:
    """A number with the three digits that a measurement has."""
    return f"{value:.3g}" if abs(value) < 999.5 else f"{value:.0f}"


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value; quartiles are interpolated between the nearest values."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def ratios(above: Sequence[float], below: Sequence[float]) -> Spread:
    """The spread of `above` / `below`, divided round by round.

    What disturbs a whole round, such as a processor that is warm by then, divides out.
    """
    return spread([one / other for one, other in zip(above, below, strict=True)])
