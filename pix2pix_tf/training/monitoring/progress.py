"""What is shown while a training runs: a bar, or without a terminal a line every so often."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from pix2pix_tf.utils.console import print_line

LINE_EVERY = 15.0  # seconds between lines where there is no terminal
_MEMORY = 0.9  # of the smoothed rate, per report


class TrainingProgress:
    """Steps done, rate, time left and losses: a context manager around the training loop."""

    def __init__(self, first_step: int, total_steps: int, console: Console) -> None:
        self._console = console
        self._step = first_step
        self._total = total_steps
        self._seconds_a_step: float | None = None
        self._traced = False  # the first report includes compiling the step, which says nothing
        self._last_report = self._last_line = time.monotonic()
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[status]}", markup=False),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=total_steps, completed=first_step, status="")

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """Prints a line above the bar."""
        print_line(self._console, text)

    def pause(self) -> None:
        """Leaves out of the rate the time since the last report: a validation, say."""
        self._last_report = time.monotonic()

    def report(self, step: int, losses: Mapping[str, float], waiting: float = 0.0) -> None:
        """Shows that `step` steps are done, their losses, the share of time `waiting` for data."""
        now = time.monotonic()
        if self._traced:
            self._measure((now - self._last_report) / max(step - self._step, 1))
        self._traced = True
        self._step, self._last_report = step, now
        status = f"{self._pace()}  data {waiting:.0%}  {_loss_words(losses)}"
        self._bar.update(self._task, completed=step, status=status)
        if not self._console.is_terminal and (
            now - self._last_line >= LINE_EVERY or step == self._total
        ):
            self._last_line = now
            self.say(f"step {step}/{self._total}  {status}")

    def _measure(self, seconds: float) -> None:
        before = self._seconds_a_step
        self._seconds_a_step = (
            seconds if before is None else _MEMORY * before + (1 - _MEMORY) * seconds
        )

    def _pace(self) -> str:
        seconds = self._seconds_a_step
        if seconds is None:
            return "measuring the rate"
        left = timedelta(seconds=round(seconds * (self._total - self._step)))
        rate = f"{1 / seconds:.2f} steps/s" if seconds < 1 else f"{seconds:.2f} s/step"
        return f"{rate}  {left} left"


_WORDS = {
    "discriminator/loss": "D",
    "generator/gan": "G",
    "generator/l1": "L1",
    "generator/l2": "L2",
}


def _loss_words(losses: Mapping[str, float]) -> str:
    return "  ".join(
        f"{word} {losses[name]:.3f}" for name, word in _WORDS.items() if name in losses
    )
