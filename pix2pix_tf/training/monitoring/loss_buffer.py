"""Losses of the steps since the last report, kept on the device until they are read together."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from pix2pix_tf.methods.method import Losses


@dataclass
class LossBuffer:
    """The steps since the last report; their losses stay on the device until read together.

    Attributes:
        first: The first step, when there are any.
        last: The last one.
        waited: Seconds spent waiting for their batches.
    """

    first: int = 0
    last: int = 0
    waited: float = 0.0
    _start: float = field(default_factory=time.monotonic)
    _losses: list[Losses] = field(default_factory=list)

    def add(self, step: int, count: int, losses: Losses, waited: float) -> None:
        """Adds the losses of `count` updates made in one call, of which `step` is the first."""
        self.first = self.first or step
        self.last = step + count - 1
        self._losses.append(losses)
        self.waited += waited

    def losses(self) -> dict[str, list[float]]:
        """Each loss of every step; waits for the device."""
        return {
            name: np.concatenate([call[name].numpy() for call in self._losses]).tolist()
            for name in self._losses[0]
        }

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._start
