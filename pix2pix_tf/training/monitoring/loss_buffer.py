"""Buffer of the losses between two reports of a training."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from pix2pix_tf.methods.method import Losses


@dataclass
class LossBuffer:
    """Losses of the steps since the last report, kept on the device until they are read together.

    Attributes:
        first: Number of the first step, or 0 before any was added.
        last: Number of the last step, likewise.
        waited: Seconds spent waiting for the batches of these steps.
    """

    first: int = 0
    last: int = 0
    waited: float = 0.0
    _start: float = field(default_factory=time.monotonic)
    _losses: list[Losses] = field(default_factory=list)

    def add(self, step: int, count: int, losses: Losses, waited: float) -> None:
        """Adds the losses of the updates of one call.

        Args:
            step: Number of the first step.
            count: Number of updates.
            losses: The losses by name, [count] each.
            waited: Seconds spent waiting for the batches.
        """
        self.first = self.first or step
        self.last = step + count - 1
        self._losses.append(losses)
        self.waited += waited

    def losses(self) -> dict[str, list[float]]:
        """Returns the losses by name, one value for each step; waits for the device."""
        return {
            name: np.concatenate([call[name].numpy() for call in self._losses]).tolist()
            for name in self._losses[0]
        }

    @property
    def seconds(self) -> float:
        """Seconds since the buffer was made."""
        return time.monotonic() - self._start
