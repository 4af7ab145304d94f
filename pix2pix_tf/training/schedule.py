"""The steps of a training after which it validates, samples, checkpoints and ends."""

from __future__ import annotations

import math
from typing import NamedTuple

from pix2pix_tf.config.schema import Config
from pix2pix_tf.methods import images_per_step


class Due(NamedTuple):
    """What is due after a step: validation, a sheet of samples, a checkpoint."""

    validate: bool
    sample: bool
    checkpoint: bool


class Schedule:
    """The steps of a training, counted from 1.

    Attributes:
        total: Steps of the whole training: `training.steps`, or its epochs' worth,
            rounded up.
        decay_start: The update from which the learning rate decays, the first of
            `training.decay_from_epoch`; or None.
    """

    def __init__(self, config: Config, pairs: int) -> None:
        """Computes the steps of a training on `pairs` pairs."""
        self._config, self._pairs = config, pairs
        training = config.training
        self.total = training.steps or self._steps_of(training.epochs)
        self.decay_start = (
            None
            if training.decay_from_epoch is None
            else self._steps_of(training.decay_from_epoch - 1)
        )

    def rate_after(self, step: int) -> float:
        """The learning rate of the update that follows `step`, as the optimisers have it."""
        height = self._config.training.learning_rate
        if self.decay_start is None:
            return height
        left = (self.total - step) / max(self.total - self.decay_start, 1)
        return height * min(max(left, 0.0), 1.0)

    def epoch_after(self, step: int) -> int:
        """The epoch, counted from 1, that the update after `step` belongs to."""
        return step * images_per_step(self._config) // self._pairs + 1

    def due_after(self, step: int) -> Due:
        """What is due after a step: as configured, and everything after the last."""
        last, logging = step == self.total, self._config.logging
        every = (logging.validate_every, logging.sheet_every, logging.checkpoint_every)
        return Due(*(last or self._falls_on(each, step) for each in every))

    def updates_of_call(self, step: int) -> int:
        """Number of updates of the next call: as configured, or 1 if something is due midway.

        Only two numbers, since the call is compiled for each.
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
