"""TensorBoard: what a training writes to `logs/`."""

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
    """Scalars, sheets and the config, by step.

    A method's `LossRule.line` is a further run of TensorBoard's, which draws a horizontal line into
    the chart of its loss: `ln2` into that of `discriminator/loss`, where the discriminator cannot
    tell real from fake; far below it, it has won.
    """

    def __init__(
        self, folder: Path, config: Config, first_step: int, total_steps: int, writes: bool = True
    ) -> None:
        """Opens the logs of one session, which goes on from `first_step`.

        Without `writes` there are none. What earlier sessions wrote of later steps, before they
        were killed, is discarded.

        Raises:
            UserError: As of all that writes here: the files cannot be written.
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

    def _at(self, step: int) -> AbstractContextManager[None]:
        return self._files[0].at(step) if self._files else nullcontext()


def _begin_session(file: EventFile, step: int) -> None:
    """Tells TensorBoard to forget what earlier sessions wrote of steps after this one.

    The first session says so too: TensorBoard heeds it from the second on.
    """
    event = tf.compat.v1.Event(wall_time=time.time(), step=step + 1)
    event.session_log.status = tf.compat.v1.SessionLog.START
    with file.at(step):
        tf.raw_ops.ImportEvent(writer=file.writer._resource, event=event.SerializeToString())
