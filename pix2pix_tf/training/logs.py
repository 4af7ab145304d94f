"""TensorBoard: what a training writes to `logs/`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from pix2pix_tf.config import Config


class TensorBoardLogs:
    """Scalars, sheets and the config, by step.

    A second run named `ln2` draws the line ln 2 into the chart of `discriminator/loss`: there the
    discriminator cannot tell real from fake; far below it, it has won.
    """

    def __init__(
        self, folder: Path, config: Config, first_step: int, total_steps: int, writes: bool = True
    ) -> None:
        """Opens the files; without `writes` there are none, and nothing is written."""
        if not (writes and config.logging.tensorboard):
            self._writer = self._ln2 = tf.summary.create_noop_writer()
            return
        self._writer = tf.summary.create_file_writer(str(folder / "train"))
        self._ln2 = tf.summary.create_file_writer(str(folder / "ln2"))
        with self._writer.as_default(first_step):
            tf.summary.text("config", f"```yaml\n{config.to_yaml()}```")
        vanilla = config.objective.adversarial and config.objective.gan_loss == "vanilla"
        for step in (first_step, total_steps) if vanilla else ():
            with self._ln2.as_default(step):
                tf.summary.scalar("discriminator/loss", math.log(2))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes values under their names, which group them by the part before the slash."""
        with self._writer.as_default(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)

    def sheet(self, step: int, sheet: np.ndarray) -> None:
        """Writes a sheet, uint8 [H, W, 3]."""
        with self._writer.as_default(step):
            tf.summary.image("sheet", sheet[np.newaxis])

    def flush(self) -> None:
        """Makes everything so far visible to TensorBoard."""
        self._writer.flush()
        self._ln2.flush()
