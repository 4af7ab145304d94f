"""Timing of workloads in alternation, A B C A B C, after warming up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pix2pix_tf.benchmark.quartiles import Quartiles, quartiles, ratio_quartiles
from pix2pix_tf.benchmark.workloads import TimedRun, Workload

WARM_UP_ROUNDS = 1  # number of first rounds that are not measured


@dataclass(frozen=True)
class WorkloadTimings:
    """Measurements of one workload.

    Attributes:
        seconds: Seconds of a single repetition, one value a round.
        repetitions: Number of repetitions in each timed run.
        values: Numbers that the workload computed, one mapping per round.
        run_seconds: Seconds of the whole timed run, one value a round.
        peak_bytes: Peak memory of the workload's process; None for commands.
    """

    seconds: list[float]
    repetitions: int
    values: list[Mapping[str, float]]
    run_seconds: list[float]
    peak_bytes: int | None

    @property
    def quartiles(self) -> Quartiles:
        """Median and quartiles of `seconds`."""
        return quartiles(self.seconds)

    def speedup_over(self, other: WorkloadTimings) -> Quartiles:
        """Speedup over another workload of the same rounds, taken round by round."""
        return ratio_quartiles(other.seconds, self.seconds)


def alternate(
    workloads: Mapping[str, Workload],
    rounds: int,
    seconds: float,
    advance: Callable[[int], None] = lambda total: None,
) -> dict[str, WorkloadTimings]:
    """Times workloads in alternation, one at a time.

    Each workload first runs once, to compile, and then until it is known how many repetitions
    fit into `seconds`. After `WARM_UP_ROUNDS` rounds, `rounds` are measured.

    Args:
        workloads: By name, in the order in which they run.
        rounds: Number of measured rounds, at least one.
        seconds: Approximate duration of each timed run.
        advance: Called after each run of a round with the total number of such runs.

    Returns:
        The timings of each workload, by name.

    Raises:
        UserError: A workload fails.
    """
    repetitions = {}
    for name, workload in workloads.items():
        workload.run(1)
        repetitions[name] = _fitting_repetitions(workload, seconds)
    runs: dict[str, list[TimedRun]] = {name: [] for name in workloads}
    for number in range(WARM_UP_ROUNDS + rounds):
        for name, workload in workloads.items():
            run = workload.run(repetitions[name])
            if number >= WARM_UP_ROUNDS:
                runs[name].append(run)
            advance((WARM_UP_ROUNDS + rounds) * len(workloads))
    return {name: _timings(runs[name], repetitions[name]) for name in workloads}


def _fitting_repetitions(workload: Workload, seconds: float) -> int:
    """Number of repetitions that take about `seconds`, at least one."""
    count = 1
    while (elapsed := workload.run(count).seconds) < seconds / 4:  # too short to extrapolate
        count *= 2
    return max(1, round(count * seconds / elapsed))


def _timings(runs: list[TimedRun], repetitions: int) -> WorkloadTimings:
    return WorkloadTimings(
        seconds=[run.seconds / repetitions for run in runs],
        repetitions=repetitions,
        values=[run.values for run in runs],
        run_seconds=[run.seconds for run in runs],
        peak_bytes=runs[-1].peak_bytes,
    )
