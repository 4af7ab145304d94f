"""Schedule of a training: its end, learning rate, validations, sample sheets and checkpoints."""

from __future__ import annotations

import math
from typing import NamedTuple

from pix2pix_tf.config.schema import Config
from pix2pix_tf.methods import images_per_step


class Due(NamedTuple):
    """Actions that are due after a step.

    Attributes:
        validate: Whether to validate.
        sample: Whether to write a sheet of samples.
        checkpoint: Whether to save a checkpoint.
    """

    validate: bool
    sample: bool
    checkpoint: bool


class Schedule:
    """Schedule of the steps of a training, counted from 1.

    Attributes:
        total: Number of steps of the whole training: `training.steps`, or else those of
            `training.epochs`, rounded up.
        decay_start: The update from which the learning rate decays, which is the first of the
            epoch `training.decay_from_epoch`; None if it never decays.
    """

    def __init__(self, config: Config, pairs: int) -> None:
        """Makes the schedule of a training.

        Args:
            config: The experiment.
            pairs: Number of training pairs.
        """
        self._config, self._pairs = config, pairs
        training = config.training
        self.total = training.steps or self._steps_of(training.epochs)
        self.decay_start = (
            None
            if training.decay_from_epoch is None
            else self._steps_of(training.decay_from_epoch - 1)
        )

    def rate_after(self, step: int) -> float:
        """Returns the learning rate that the optimizers use for the update after `step`."""
        initial_rate = self._config.training.learning_rate
        if self.decay_start is None:
            return initial_rate
        remaining = (self.total - step) / max(self.total - self.decay_start, 1)
        return initial_rate * min(max(remaining, 0.0), 1.0)

    def epoch_after(self, step: int) -> int:
        """Returns the epoch, counted from 1, that the update after `step` belongs to."""
        return step * images_per_step(self._config) // self._pairs + 1

    def due_after(self, step: int) -> Due:
        """Returns what is due after `step`: as configured, and everything after the last step."""
        last, logging = step == self.total, self._config.logging
        every = (logging.validate_every, logging.sheet_every, logging.checkpoint_every)
        return Due(*(last or self._falls_on(each, step) for each in every))

    def updates_of_call(self, step: int) -> int:
        """Returns the number of updates after `step` that are made in one call.

        It is `training.steps_per_execution`, or 1 if something is due before the end of such a
        call. There are only these two numbers, since the call is compiled for each.
        """
        count = self._config.training.steps_per_execution
        midway = range(step + 1, min(step + count, self.total + 1))
        return 1 if any(any(self.due_after(each)) for each in midway) else count

    def _steps_of(self, epochs: int) -> int:
        return math.ceil(epochs * self._pairs / images_per_step(self._config))

    def _falls_on(self, every: str | int, step: int) -> bool:
        if isinstance(every, int):
            return step % every == 0
        images = images_per_step(self._config)
        return step * images // self._pairs > (step - 1) * images // self._pairs
