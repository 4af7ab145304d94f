"""Checkpoints: the whole state of a training, by name, and the best networks to translate with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import keras
import tensorflow as tf

from pix2pix_tf.methods.method import network_variables
from pix2pix_tf.runs.checkpoint_files import (
    intact_steps,
    listed_step,
    newest_step,
    remove_leftovers,
    write_checkpoint,
)
from pix2pix_tf.utils.errors import UserError

BEST = "best"
Parts = Mapping[str, Mapping[str, tf.Variable]]
"""Variables by part and name, as `methods.method.checkpoint_parts` gives them."""


class Checkpoints:
    """Saves and restores a training in a run's `checkpoints/`.

    Every weight stands in the file under its own name (`generator/encoder_1/kernel`), independent
    of how the program holds it. How files come and go: `pix2pix_tf.runs.checkpoint_files`.

    Attributes:
        step: int64, steps made so far. What is random follows from it, so it is the random state
            too.
        best_l1: float32, the lowest validation L1 so far.
    """

    def __init__(self, folder: Path, parts: Parts, translating: Collection[str], keep: int) -> None:
        """Prepares to save and restore; nothing is read or written yet.

        Args:
            folder: The run's `checkpoints/`.
            parts: All variables of the training.
            translating: The parts that translate: those that the best checkpoint keeps.
            keep: How many of the newest checkpoints stay.
        """
        self.step = tf.Variable(0, dtype=tf.int64, name="step")
        self.best_l1 = tf.Variable(float("inf"), name="best_l1")
        everything = {part: dict(variables) for part, variables in parts.items()}
        best = {part: everything[part] for part in sorted(translating)}
        self._everything = tf.train.Checkpoint(**everything, step=self.step, best_l1=self.best_l1)
        self._best = tf.train.Checkpoint(**best, step=self.step)
        for checkpoint in (self._everything, self._best):
            _ = checkpoint.save_counter  # TensorFlow makes it on restoring, and then wants it there
        self._folder, self._keep = folder, keep

    def restore(self) -> int:
        """Restores the newest checkpoint, if there is one, and returns the step to go on from.

        Raises:
            UserError: The checkpoint is damaged or of other networks; there was one, and it is
                gone.
        """
        newest = newest_step(self._folder)
        if newest is not None:
            _restore(self._everything, self._folder, newest)
        return int(self.step)

    def lost(self) -> int | None:
        """The step of the newest checkpoint that there was, if its files are gone."""
        newest, listed = newest_step(self._folder), listed_step(self._folder)
        return listed if newest is not None and listed is not None and listed > newest else None

    def tidy(self) -> None:
        """Removes what kills left of unfinished checkpoints; for who alone writes there."""
        for folder in (self._folder, self._folder / BEST):
            remove_leftovers(folder)

    def save(self) -> None:
        """Saves everything as the newest checkpoint, unless this very step is saved already.

        Raises:
            UserError: It cannot be written; the checkpoints before it are untouched.
        """
        step = int(self.step)
        if newest_step(self._folder) != step:
            write_checkpoint(self._everything, self._folder, step, self._keep)

    def forget_best(self) -> None:
        """Lets the next validation be the best so far, whatever was found before."""
        self.best_l1.assign(float("inf"))

    def save_best(self, l1: float) -> bool:
        """Keeps the networks if their validation L1 is the lowest so far; says whether it was."""
        if l1 >= float(self.best_l1):
            return False
        self.best_l1.assign(l1)
        write_checkpoint(self._best, self._folder / BEST, int(self.step), keep=1)
        return True


def restore_networks(networks: Mapping[str, keras.Model], folder: Path, which: str) -> int:
    """Restores networks that translate and returns the step they are from.

    Args:
        networks: Those of the run's config, by part, as `Translation.networks` has them.
        folder: The run's `checkpoints/`.
        which: `newest` or `best`.

    Raises:
        UserError: There is no checkpoint, or it is damaged or of other networks.
    """
    place = folder / BEST if which == BEST else folder
    newest = newest_step(place)
    if newest is None:
        raise UserError(f"{place}: no checkpoint there yet; `pix2pix-tf train` writes one")
    step = tf.Variable(0, dtype=tf.int64)
    parts = {part: network_variables(network) for part, network in networks.items()}
    _restore(tf.train.Checkpoint(**parts, step=step), place, newest, partly=True)
    return int(step)


def _restore(
    checkpoint: tf.train.Checkpoint, folder: Path, step: int, partly: bool = False
) -> None:
    path = folder / f"step-{step}"
    try:
        status = checkpoint.restore(str(path))
        status.assert_existing_objects_matched()
        status.expect_partial() if partly else status.assert_consumed()
    except (AssertionError, ValueError) as error:
        raise UserError(
            f"checkpoint {path}: is of other networks than config.yaml beside it describes: "
            f"{_first_line(error)}"
        ) from None
    except (tf.errors.OpError, RuntimeError, LookupError) as error:  # a damaged file: any of them
        raise UserError(
            f"checkpoint {path}: is damaged ({_first_line(error)}); {_recovery_hint(folder, step)}"
        ) from None


def _recovery_hint(folder: Path, damaged: int) -> str:
    """What the user can do about a damaged checkpoint; another one is never used silently."""
    intact = [f"step-{step}" for step in intact_steps(folder) if step != damaged]
    if intact:
        return (
            f"{', '.join(intact)} beside it can be read: move step-{damaged}.* away, and "
            f"{intact[-1]} is the newest"
        )
    if folder.name == BEST:
        return "the newest checkpoint may be whole: --checkpoint newest"
    if newest_step(folder / BEST) is not None:
        return (
            "no other beside it can be read; --checkpoint best may be whole, to translate with; "
            "to train, start over with --fresh"
        )
    return "no other beside it can be read: put back a copy, or start over with --fresh"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
