"""Checkpoints: the whole state of a training, by name, and the best generator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from pix2pix_tf.errors import UserError

BEST = "best"
_GENERATOR, _AVERAGE = "generator", "generator_average"


class Checkpoints:
    """Saves and restores a training in a run's `checkpoints/`.

    Every weight stands in the file under its own name (`generator/encoder_1/kernel`), independent
    of how the program holds it. Files are written aside and renamed; the list of checkpoints
    changes last.

    Attributes:
        step: int64, generator updates made so far. What is random follows from it, so it is the
            random state too.
        best_l1: float32, the lowest validation L1 so far.
    """

    def __init__(self, folder: Path, parts: Mapping[str, Iterable[Any]], keep: int) -> None:
        """Prepares to save and restore; nothing is read or written yet.

        Args:
            folder: The run's `checkpoints/`.
            parts: Keras variables by the part they belong to; `generator` must be among them, and
                where there is a `generator_average`, that is what translates.
            keep: How many of the newest checkpoints stay.
        """
        self.step = tf.Variable(0, dtype=tf.int64, name="step")
        self.best_l1 = tf.Variable(float("inf"), name="best_l1")
        named = {part: _by_name(variables) for part, variables in parts.items()}
        self._everything = tf.train.Checkpoint(**named, step=self.step, best_l1=self.best_l1)
        self._manager = tf.train.CheckpointManager(
            self._everything, str(folder), max_to_keep=keep, checkpoint_name="step"
        )
        self._best = tf.train.CheckpointManager(
            tf.train.Checkpoint(**_translating(named), step=self.step),
            str(folder / BEST),
            max_to_keep=1,
            checkpoint_name="step",
        )

    def restore(self) -> int:
        """Restores the newest checkpoint, if there is one, and returns the step to go on from.

        Raises:
            UserError: The checkpoint is damaged or of other networks.
        """
        path = self._manager.latest_checkpoint
        if path:
            _restore(self._everything, path)
        return int(self.step)

    def save(self) -> None:
        """Saves everything as the newest checkpoint, unless this very step is saved already.

        Raises:
            UserError: It cannot be written; the checkpoints before it are untouched.
        """
        if not (self._manager.latest_checkpoint or "").endswith(f"step-{int(self.step)}"):
            self._write(self._manager)

    def save_best(self, l1: float) -> bool:
        """Keeps the generator if its validation L1 is the lowest so far; says whether it was."""
        if l1 >= float(self.best_l1):
            return False
        self.best_l1.assign(l1)
        self._write(self._best)
        return True

    def _write(self, manager: tf.train.CheckpointManager) -> None:
        try:
            manager.save(checkpoint_number=int(self.step))
        except tf.errors.OpError as error:
            raise UserError(
                f"checkpoint of step {int(self.step)} cannot be written to {manager.directory}: "
                f"{_first_line(error)}"
            ) from None


def restore_generator(
    generator: keras.Model, folder: Path, which: str, averaged: bool = False
) -> int:
    """Restores only the generator that translates and returns the step it is from.

    Args:
        generator: Of the run's config.
        folder: The run's `checkpoints/`.
        which: `newest` or `best`.
        averaged: Whether the run keeps a moving average of its weights: that is taken.

    Raises:
        UserError: There is no checkpoint, or it is damaged or of another generator.
    """
    place = folder / BEST if which == BEST else folder
    path = tf.train.latest_checkpoint(str(place))
    if path is None:
        raise UserError(f"{place}: no checkpoint there yet; `pix2pix-tf train` writes one")
    step = tf.Variable(0, dtype=tf.int64)
    part = _AVERAGE if averaged else _GENERATOR
    named = {part: _by_name(generator.variables)}
    _restore(tf.train.Checkpoint(**named, step=step), path, partly=True)
    return int(step)


def _restore(checkpoint: tf.train.Checkpoint, path: str, partly: bool = False) -> None:
    try:
        status = checkpoint.restore(path)
        status.assert_existing_objects_matched()
        status.expect_partial() if partly else status.assert_consumed()
    except (AssertionError, ValueError) as error:
        raise UserError(
            f"checkpoint {path}: is of other networks than config.yaml beside it describes: "
            f"{_first_line(error)}"
        ) from None
    except (tf.errors.OpError, RuntimeError, LookupError) as error:  # a damaged file: any of them
        raise UserError(f"checkpoint {path}: cannot be read: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _translating(named: Mapping[str, Any]) -> dict[str, Any]:
    part = _AVERAGE if _AVERAGE in named else _GENERATOR
    return {part: named[part]}


def _by_name(variables: Iterable[Any]) -> dict[str, tf.Variable]:
    return {variable.path: variable.value for variable in variables}
