"""Progress bar of a training: steps done, rate, time left and losses."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console

from pix2pix_tf.utils.console import ProgressBar


class TrainingProgress(ProgressBar):
    """Progress bar of a training; a context manager around the training loop.

    Args:
        first_step: Number of steps made before.
        total_steps: Number of steps of the whole training.
        console: Where it is shown.
        labels: Short names of the losses that are shown, by the losses' own names.
    """

    def __init__(
        self, first_step: int, total_steps: int, console: Console, labels: Mapping[str, str]
    ) -> None:
        super().__init__(
            console, "step", unit="step", completed=first_step, total=total_steps, transient=False
        )
        self._steps, self._labels = total_steps, labels

    def report(self, step: int, losses: Mapping[str, float], waiting: float = 0.0) -> None:
        """Updates the progress bar.

        Args:
            step: Number of steps done.
            losses: The losses by name.
            waiting: Fraction of the time that was spent waiting for data, from 0 to 1.
        """
        words = [
            f"{label} {losses[name]:.3f}" for name, label in self._labels.items() if name in losses
        ]
        status = "  ".join([f"data {waiting:.0%}", *words])
        self.update(step, self._steps, status=status)
