"""Progress of a training: steps done, rate, time left and losses."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from rich.console import Console

from pix2pix_tf.utils.console import ProgressBar

_LABELS = {
    "discriminator/loss": "D",
    "generator/gan": "G",
    "generator/l1": "L1",
    "generator/l2": "L2",
}


class TrainingProgress:
    """Progress of a training: a context manager around its loop."""

    def __init__(self, first_step: int, total_steps: int, console: Console) -> None:
        self._total = total_steps
        self._bar = ProgressBar(
            console,
            "step",
            unit="step",
            completed=first_step,
            total=total_steps,
            transient=False,
        )

    def __enter__(self) -> TrainingProgress:
        self._bar.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.__exit__(kind, error, trace)

    def print(self, line: str) -> None:
        """Prints a line above the bar."""
        self._bar.print(line)

    def pause(self) -> None:
        """Leaves the time since the last report out of the rate: a validation, say."""
        self._bar.pause()

    def report(self, step: int, losses: Mapping[str, float], waiting: float = 0.0) -> None:
        """Shows a step.

        Args:
            step: Updates made.
            losses: The losses by name.
            waiting: Fraction of the time that was spent waiting for data, from 0 to 1.
        """
        words = [f"{label} {losses[name]:.3f}" for name, label in _LABELS.items() if name in losses]
        status = "  ".join([f"data {waiting:.0%}", *words])
        self._bar.update(step, self._total, status=status)
