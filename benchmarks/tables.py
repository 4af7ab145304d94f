"""Parts of the comparison, with their workloads, timings and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from pix2pix_tf.benchmark.quartiles import three_digits
from pix2pix_tf.benchmark.rounds import WorkloadTimings
from pix2pix_tf.benchmark.worker import UnavailableError
from pix2pix_tf.benchmark.workloads import WorkerProcess, Workload


@dataclass
class Part:
    """One part of the comparison, shown as one table.

    Attributes:
        title: Heading of the table.
        items: Number of images (or other items, as in the title) in one repetition of a workload.
        baseline: Name of the workload whose speedup over each other workload is shown, or None.
        timings: Timings by the workload's name in the table.
        remarks: Paragraphs below the table.
    """

    title: str
    items: int = 1
    baseline: str | None = None
    timings: dict[str, WorkloadTimings] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """The table in Markdown, with medians and quartiles."""
        speedup = [] if self.baseline is None else [f"{self.baseline} is N times as fast"]
        columns = ["", "ms", "a second", "peak memory", *speedup]
        rows = [columns, ["---"] * len(columns), *self._rows()]
        lines = [f"| {' | '.join(row)} |" for row in rows]
        remarks = [line for remark in self.remarks for line in ("", remark)]
        return "\n".join([f"### {self.title}", "", *lines, *remarks])

    def _rows(self) -> Iterator[list[str]]:
        for name, timings in self.timings.items():
            milliseconds = timings.quartiles.scaled(1000 / self.items)
            memory = "" if timings.peak_bytes is None else f"{timings.peak_bytes / 1e9:.2f} GB"
            per_second = three_digits(1000 / milliseconds.median)
            row = [name, str(milliseconds), per_second, memory]
            if self.baseline is not None:
                speedup = self.timings[self.baseline].speedup_over(timings)
                row.append("" if name == self.baseline else str(speedup))
            yield row


class WorkerPool:
    """Workers of a part, started one after the other.

    Attributes:
        workloads: The workloads of all workers, by their names in the table.
        info: Facts that the worker of each workload reports.
    """

    def __init__(self, part: Part, running: ExitStack) -> None:
        self._part, self._running = part, running
        self.workloads: dict[str, Workload] = {}
        self.info: dict[str, Mapping[str, Any]] = {}

    def add(
        self, name: str, start: Callable[[], WorkerProcess], workloads: Mapping[str, str]
    ) -> None:
        """Starts a worker; if it cannot run on this machine, a remark of the part says so.

        Args:
            name: Name of the program.
            start: Starts the worker.
            workloads: Names of its workloads, by their names in the table.
        """
        try:
            worker = self._running.enter_context(start())
        except UnavailableError as error:
            self._part.remarks.append(f"{name} was left out: {error}.")
            return
        for entry, workload in workloads.items():
            self.workloads[entry] = worker.workload(workload)
            self.info[entry] = worker.info


@contextmanager
def worker_pool(part: Part) -> Iterator[WorkerPool]:
    """A pool whose workers end with the context."""
    with ExitStack() as running:
        yield WorkerPool(part, running)
