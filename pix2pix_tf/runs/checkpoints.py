"""Checkpoints of a run: the complete state of the training, and the best networks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
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

    Every weight is stored under its own name (`generator/encoder_1/kernel`), which does not depend
    on the structure of Python objects. Files are handled by `pix2pix_tf.runs.checkpoint_files`.

    Attributes:
        step: int64, number of completed steps. It is also the random state, since all random
            numbers are derived from it.
        best_l1: float32, the lowest validation L1 so far.
    """

    def __init__(self, folder: Path, parts: Parts, translating: Collection[str], keep: int) -> None:
        """Prepares to save and restore; nothing is read or written yet.

        Args:
            folder: The run's `checkpoints/`.
            parts: All variables of the training.
            translating: The parts used for translation, which the best checkpoint consists of.
            keep: Number of newest checkpoints to keep.
        """
        self.step = tf.Variable(0, dtype=tf.int64, name="step")
        self.best_l1 = tf.Variable(float("inf"), name="best_l1")
        all_parts = {part: dict(variables) for part, variables in parts.items()}
        best = {part: all_parts[part] for part in sorted(translating)}
        self._everything = tf.train.Checkpoint(**all_parts, step=self.step, best_l1=self.best_l1)
        self._best = tf.train.Checkpoint(**best, step=self.step)
        for checkpoint in (self._everything, self._best):
            # TensorFlow creates the counter when it restores, and then expects it in the file.
            _ = checkpoint.save_counter
        self._folder, self._keep = folder, keep

    def restore(self) -> int:
        """Restores the newest checkpoint, if there is one.

        Returns:
            The step to continue from; 0 without a checkpoint.

        Raises:
            UserError: The checkpoint is damaged, belongs to other networks, or is listed but
                missing.
        """
        newest = newest_step(self._folder)
        if newest is not None:
            _restore(self._everything, self._folder, newest)
        return int(self.step)

    def lost(self) -> int | None:
        """Returns the step of the newest checkpoint if its files are missing, else None."""
        newest, listed = newest_step(self._folder), listed_step(self._folder)
        return listed if newest is not None and listed is not None and listed > newest else None

    def tidy(self) -> None:
        """Removes incomplete checkpoints of killed processes; no other process may write there."""
        for folder in (self._folder, self._folder / BEST):
            remove_leftovers(folder)

    def save(self) -> None:
        """Saves the complete state as the newest checkpoint, unless this step is already saved.

        Raises:
            UserError: The checkpoint cannot be written; earlier checkpoints are unchanged.
        """
        step = int(self.step)
        if newest_step(self._folder) != step:
            write_checkpoint(self._everything, self._folder, step, self._keep)

    def forget_best(self) -> None:
        """Resets the best score, so that the next validation becomes the best one."""
        self.best_l1.assign(float("inf"))

    def save_best(self, l1: float) -> bool:
        """Saves the networks as the best checkpoint if their validation L1 is the lowest so far.

        Args:
            l1: The validation L1 of the current networks.

        Returns:
            Whether they were saved.
        """
        if l1 >= float(self.best_l1):
            return False
        self.best_l1.assign(l1)
        write_checkpoint(self._best, self._folder / BEST, int(self.step), keep=1)
        return True


def restore_networks(networks: Mapping[str, keras.Model], folder: Path, which: str) -> int:
    """Restores the networks used for translation.

    Args:
        networks: The networks of the run's config by part, as in `Translation.networks`.
        folder: The run's `checkpoints/`.
        which: `newest` or `best`.

    Returns:
        The training step of the checkpoint.

    Raises:
        UserError: There is no checkpoint, or it is damaged or belongs to other networks.
    """
    place = folder / BEST if which == BEST else folder
    newest = newest_step(place)
    if newest is None:
        raise UserError(f"{place}: no checkpoint there yet; `pix2pix-tf train` writes one")
    step = tf.Variable(0, dtype=tf.int64)
    parts = {part: network_variables(network) for part, network in networks.items()}
    _restore(tf.train.Checkpoint(**parts, step=step), place, newest, partly=True)
    return int(step)


class StoredWeights:
    """The variables of the newest checkpoint of a run, by part and name, read on access.

    Attributes:
        step: The training step of the checkpoint.
    """

    def __init__(self, folder: Path) -> None:
        """Opens the checkpoint.

        Args:
            folder: The run's `checkpoints/`.

        Raises:
            UserError: There is no checkpoint, or it is damaged.
        """
        newest = newest_step(folder)
        if newest is None:
            raise UserError(f"{folder}: no checkpoint there yet; `pix2pix-tf train` writes one")
        self.step = newest
        self._folder = folder
        with self._damage_reported():
            self._reader = tf.train.load_checkpoint(str(folder / f"step-{newest}"))
            self._shapes = self._reader.get_variable_to_shape_map()

    def shape(self, part: str, name: str) -> tuple[int, ...] | None:
        """Returns the shape of a variable; None if there is none of this name."""
        shape = self._shapes.get(_stored_name(part, name))
        return None if shape is None else tuple(shape)

    def has_part(self, part: str) -> bool:
        """Whether there is a variable of a part."""
        return any(name.startswith(f"{part}/") for name in self._shapes)

    def value(self, part: str, name: str) -> np.ndarray:
        """Reads a variable.

        Raises:
            UserError: The checkpoint is damaged.
        """
        with self._damage_reported():
            return np.asarray(self._reader.get_tensor(_stored_name(part, name)))

    @contextmanager
    def _damage_reported(self) -> Iterator[None]:
        try:
            yield
        except (tf.errors.OpError, RuntimeError, LookupError, ValueError) as error:
            raise UserError(
                f"checkpoint {self._folder / f'step-{self.step}'}: is damaged "
                f"({_first_line(error)}); {_recovery_hint(self._folder, self.step)}"
            ) from None


def _stored_name(part: str, name: str) -> str:
    """Returns the name that TensorFlow gives a variable of a dictionary in a checkpoint."""
    escaped = name.replace(".", "..").replace("/", ".S")
    return f"{part}/{escaped}/.ATTRIBUTES/VARIABLE_VALUE"


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
    except (tf.errors.OpError, RuntimeError, LookupError) as error:  # the file is damaged
        raise UserError(
            f"checkpoint {path}: is damaged ({_first_line(error)}); {_recovery_hint(folder, step)}"
        ) from None


def _recovery_hint(folder: Path, damaged: int) -> str:
    """Advice about a damaged checkpoint; the user has to choose another one explicitly."""
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
