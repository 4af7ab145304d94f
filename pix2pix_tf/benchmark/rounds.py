"""The turns of a comparison, A B C A B C, and the medians and spreads of what they measure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pix2pix_tf.benchmark.workloads import TimedRun, Workload


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


WARM_ROUNDS = 1  # whole ones, not counted, after each workload's first turns


@dataclass(frozen=True)
class WorkloadTimings:
    """What the rounds say about one workload.

    Attributes:
        seconds: How long doing it once took in each round.
        counts: How often it was done in a turn.
        values: What it computed in each round's turn.
        turns: How long each turn took, in seconds.
        peak_bytes: The most memory its process had; None of commands.
    """

    seconds: list[float]
    counts: int
    values: list[Mapping[str, float]]
    turns: list[float]
    peak_bytes: int | None

    @property
    def spread(self) -> Spread:
        """Of `seconds`."""
        return spread(self.seconds)

    def times_as_fast(self, other: WorkloadTimings) -> Spread:
        """How many times as fast as another workload of the same rounds, round by round."""
        return ratios(other.seconds, self.seconds)


def alternate(
    workloads: Mapping[str, Workload],
    rounds: int,
    seconds: float,
    advance: Callable[[int], None] = lambda total: None,
) -> dict[str, WorkloadTimings]:
    """Lets workloads take turns, one at a time.

    Each does its work once to compile it, and then to see how often it can be done in `seconds`.
    There follow a round that is not counted and `rounds` that are.

    Args:
        workloads: By name, in the order of their turns.
        rounds: At least one.
        seconds: What a turn should take, roughly.
        advance: Called after each turn of a round with the number of all.

    Raises:
        UserError: One of them fails.
    """
    counts = {}
    for name, workload in workloads.items():
        workload.run(1)
        counts[name] = _fitting(workload, seconds)
    turns: dict[str, list[TimedRun]] = {}
    for number in range(WARM_ROUNDS + rounds):
        for name, workload in workloads.items():
            turn = workload.run(counts[name])
            if number >= WARM_ROUNDS:
                turns.setdefault(name, []).append(turn)
            advance((WARM_ROUNDS + rounds) * len(workloads))
    return {
        name: WorkloadTimings(
            seconds=[turn.seconds / counts[name] for turn in its],
            counts=counts[name],
            values=[turn.values for turn in its],
            turns=[turn.seconds for turn in its],
            peak_bytes=its[-1].peak_bytes,
        )
        for name, its in turns.items()
    }


def _fitting(workload: Workload, seconds: float) -> int:
    """How often it can be done in `seconds`, at least once."""
    count = 1
    while (taken := workload.run(count).seconds) < seconds / 4:  # too short to go by
        count *= 2
    return max(1, round(count * seconds / taken))
