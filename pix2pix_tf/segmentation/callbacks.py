"""Keras callbacks for the training of a segmenter: progress, validation, checkpoints."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console

from pix2pix_tf.runs.checkpoint_files import newest_step, remove_leftovers, write_checkpoint
from pix2pix_tf.segmentation.folder import SegmenterFolder
from pix2pix_tf.segmentation.palette import Palette
from pix2pix_tf.segmentation.photos import LabelledPhotos
from pix2pix_tf.segmentation.scores import (
    confusion_matrix,
    format_scores,
    per_class_scores,
    segmentation_scores,
)
from pix2pix_tf.segmentation.segmenter import compile_segmentation
from pix2pix_tf.utils.console import ProgressBar, print_line
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.signals import StoppedError, StopRequest


class Progress(keras.callbacks.Callback):
    """Counts the steps of this session and ends it on a signal or if the loss is not finite."""

    def __init__(self, progress: ProgressBar, steps: int, stop_request: StopRequest) -> None:
        super().__init__()
        self._progress, self._steps, self._stop_request = progress, steps, stop_request

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Checks the loss and advances the counter."""
        loss = (logs or {})["loss"]
        if not np.isfinite(loss):
            raise UserError(
                f"the loss is {loss}: the training has diverged; the epochs before this one are "
                "kept. A lower training.learning_rate usually helps"
            )
        self._progress.advance(self._steps)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Ends the training on a signal: before a batch, so that a finished epoch is saved."""
        if self._stop_request.signal is not None:
            raise StoppedError(self._stop_request.signal)


class Validation(keras.callbacks.Callback):
    """Scores the validation photos after every epoch and saves the best weights."""

    def __init__(
        self,
        stored: SegmenterFolder,
        photos: LabelledPhotos,
        palette: Palette,
        data_digest: str,
        console: Console,
    ) -> None:
        super().__init__()
        self._data_digest = data_digest
        self._stored, self._photos, self._palette = stored, photos, palette
        self._console = console

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Compiles the network."""
        self._classify = compile_segmentation(self.model)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Scores the validation photos, records and prints the scores."""
        entry = self._entry(epoch + 1)
        # An earlier session may have recorded this or later epochs without saving a checkpoint.
        entries = [*(e for e in self._stored.metrics() if e["epoch"] <= epoch), entry]
        best = best_epoch(entries) is entry
        if best:
            self._stored.save_weights(self.model)
        self._stored.save_metrics(entries)
        logs = {} if logs is None else logs
        # The TensorBoard callback, which comes later, writes what is in `logs`.
        logs |= {f"val_{name}": value for name, value in entry["scores"].items()}
        print_line(
            self._console,
            f"epoch {epoch + 1}/{self.params['epochs']}  loss {logs['loss']:.3f}  validation "
            f"{format_scores(entry['scores'])}{'  (best so far)' if best else ''}",
        )

    def _entry(self, epoch: int) -> dict[str, Any]:
        count = len(self._palette.classes)
        matrix = np.zeros((count, count), np.int64)
        for photo, truth in (self._photos[index] for index in range(len(self._photos))):
            predicted = self._classify(tf.constant(photo[np.newaxis])).numpy()[0]
            matrix += confusion_matrix(predicted, truth, count)
        if not matrix.any():
            raise UserError(
                f"no pixel of the validation labels has a class of the palette {self._palette.name}"
            )
        rows = zip(self._palette.classes, *per_class_scores(matrix), strict=True)
        return {
            "epoch": epoch,
            "split": "val",
            "data": self._data_digest,
            "images": len(self._photos),
            "scores": {name: float(value) for name, value in segmentation_scores(matrix).items()},
            "classes": {
                name: {"accuracy": _or_none(accuracy), "iou": _or_none(iou)}
                for name, accuracy, iou in rows
            },
        }


class EpochCheckpoint(keras.callbacks.Callback):
    """Saves a checkpoint after every epoch, atomically.

    Keras' BackupAndRestore overwrites its one file in place, so that a killed process may leave it
    damaged.
    """

    def __init__(self, stored: SegmenterFolder, model: keras.Model) -> None:
        super().__init__()
        self._epoch = tf.Variable(0, dtype=tf.int64)
        # Saved by order, not by name: Keras numbers some names differently in every process.
        variables = [v.value for v in (*model.variables, *model.optimizer.variables)]
        self._checkpoint = tf.train.Checkpoint(variables=variables, epoch=self._epoch)
        _ = self._checkpoint.save_counter  # created now, since restoring expects it to exist
        self._folder = stored.checkpoints

    def restore(self) -> int:
        """Restores the newest checkpoint, if there is one; returns the number of epochs trained.

        Raises:
            UserError: The checkpoint cannot be read.
        """
        newest = newest_step(self._folder)
        if newest is not None:
            path = self._folder / f"epoch-{newest}"
            try:
                self._checkpoint.restore(str(path)).assert_consumed()
            except (AssertionError, ValueError, LookupError, RuntimeError, tf.errors.OpError) as e:
                raise UserError(
                    f"checkpoint {path}: cannot be read: {str(e).strip().splitlines()[0][:200]}; "
                    "start over with --fresh --fresh"
                ) from None
        remove_leftovers(self._folder)
        return int(self._epoch)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Saves a checkpoint and removes the one of the epoch before."""
        self._epoch.assign(epoch + 1)
        write_checkpoint(self._checkpoint, self._folder, epoch + 1, keep=1, name="epoch")


def best_epoch(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns the entry of `metrics.json` with the highest class IoU, whose weights are kept.

    Only epochs that were scored on the same pairs as the newest are compared.

    Raises:
        UserError: There is no entry.
    """
    if not entries:
        raise UserError("metrics.json: is gone from a trained segmenter; start over with --fresh")
    same = [entry for entry in entries if entry.get("data") == entries[-1].get("data")]
    return max(same, key=lambda entry: entry["scores"]["class_iou"])


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
