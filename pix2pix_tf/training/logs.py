"""TensorBoard: what a training writes to `logs/`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf

from pix2pix_tf.config import Config
from pix2pix_tf.disk import writing


class TensorBoardLogs:
    """Scalars, sheets and the config, by step.

    A second run named `ln2` draws the line ln 2 into the chart of `discriminator/loss`: there the
    discriminator cannot tell real from fake; far below it, it has won.
    """

    def __init__(
        self, folder: Path, config: Config, first_step: int, total_steps: int, writes: bool = True
    ) -> None:
        """Opens the logs of one session, which goes on from `first_step`.

        Without `writes` there are none. What earlier sessions wrote of later steps, and a kill took
        back, is struck out.

        Raises:
            UserError: As of all that writes here: the files cannot be written.
        """
        self._folder = folder
        if not (writes and config.logging.tensorboard):
            self._writer = self._ln2 = tf.summary.create_noop_writer()
            return
        with writing(str(folder)):
            self._writer = tf.summary.create_file_writer(str(folder / "train"))
            self._ln2 = tf.summary.create_file_writer(str(folder / "ln2"))
            if first_step:
                for writer in (self._writer, self._ln2):
                    _strike_out_after(writer, first_step)
        with self._at(first_step):
            tf.summary.text("config", f"```yaml\n{config.to_yaml()}```")
        vanilla = config.objective.adversarial and config.objective.gan_loss == "vanilla"
        for step in (first_step, total_steps) if vanilla else ():
            with writing(str(folder)), self._ln2.as_default(step):
                tf.summary.scalar("discriminator/loss", math.log(2))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes values under their names, which group them by the part before the slash."""
        with self._at(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)

    def sheet(self, step: int, sheet: np.ndarray) -> None:
        """Writes a sheet, uint8 [H, W, 3]."""
        with self._at(step):
            tf.summary.image("sheet", sheet[np.newaxis])

    def text(self, step: int, name: str, text: str) -> None:
        """Writes a text under its name."""
        with self._at(step):
            tf.summary.text(name, text)

    @contextmanager
    def _at(self, step: int) -> Iterator[None]:
        """Within it, summaries are of `step`; at the end they are handed to the system."""
        with writing(str(self._folder)), self._writer.as_default(step):
            yield


def _strike_out_after(writer: tf.summary.SummaryWriter, step: int) -> None:
    """Tells TensorBoard to forget what it read of steps after this one."""
    event = tf.compat.v1.Event(wall_time=time.time(), step=step + 1)
    event.session_log.status = tf.compat.v1.SessionLog.START
    tf.raw_ops.ImportEvent(writer=writer._resource, event=event.SerializeToString())
