"""TensorBoard logs of a training, in the directory `logs/` of its run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import tensorflow as tf

from pix2pix_tf.config.schema import Config
from pix2pix_tf.methods import method_of
from pix2pix_tf.utils.event_files import EventFile


class TensorBoardLogs:
    """Writer of scalars, sample sheets, texts and the config by step.

    Each `LossRule.line` of the method is written as a further TensorBoard run that draws a
    horizontal line into the chart of its loss. The line `ln2` in the chart of `discriminator/loss`
    marks where the discriminator cannot tell real from fake; far below it, the discriminator has
    won.
    """

    def __init__(
        self, folder: Path, config: Config, first_step: int, total_steps: int, writes: bool = True
    ) -> None:
        """Opens the logs of one session and discards what earlier sessions wrote of later steps.

        Args:
            folder: Directory of the logs.
            config: The experiment; without `logging.tensorboard` nothing is written.
            first_step: Number of steps made before this session.
            total_steps: Number of steps of the whole training.
            writes: Whether this process writes logs at all.

        Raises:
            UserError: The files cannot be written; all other methods raise it too.
        """
        self._files: list[EventFile] = []
        if not (writes and config.logging.tensorboard):
            return
        lines = {rule.line: rule for rule in method_of(config).warnings(config) if rule.line}
        self._files = [EventFile(folder / name) for name in ("train", *lines)]
        for file in self._files:
            _begin_session(file, first_step)
        with self._files[0].at(first_step):
            tf.summary.text("config", f"```yaml\n{config.to_yaml()}```")
        for file, rule in zip(self._files[1:], lines.values(), strict=True):
            for step in (first_step, total_steps):
                with file.at(step):
                    tf.summary.scalar(rule.loss, rule.reference)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes scalars by name; TensorBoard groups them by the part before the slash."""
        with self._at(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)

    def sheet(self, step: int, sheet: np.ndarray) -> None:
        """Writes a sheet of samples, uint8 [H, W, 3]."""
        with self._at(step):
            tf.summary.image("sheet", sheet[np.newaxis])

    def text(self, step: int, name: str, text: str) -> None:
        """Writes a text under a name."""
        with self._at(step):
            tf.summary.text(name, text)

    def _at(self, step: int) -> AbstractContextManager[None]:
        return self._files[0].at(step) if self._files else nullcontext()


def _begin_session(file: EventFile, step: int) -> None:
    """Makes TensorBoard discard what earlier sessions wrote of steps after this one.

    The first session writes this event too, since TensorBoard obeys it from the second event on.
    """
    event = tf.compat.v1.Event(wall_time=time.time(), step=step + 1)
    event.session_log.status = tf.compat.v1.SessionLog.START
    with file.at(step):
        tf.raw_ops.ImportEvent(writer=file.writer._resource, event=event.SerializeToString())
