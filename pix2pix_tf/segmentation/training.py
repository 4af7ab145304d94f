"""Training a segmenter: Keras' `fit`, validated and saved after every epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console

from pix2pix_tf.data.checking.check_pairs import summarize_skipped
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.runs.checkpoint_files import newest_step, remove_leftovers, write_checkpoint
from pix2pix_tf.runs.lock import run_lock
from pix2pix_tf.runs.pairs_record import (
    PairsRecord,
    check_resumable_pairs,
    next_record,
    read_record,
    record_of,
)
from pix2pix_tf.segmentation.config import SegmenterConfig
from pix2pix_tf.segmentation.folder import SegmenterFolder
from pix2pix_tf.segmentation.network import load_trunk_weights
from pix2pix_tf.segmentation.palette import VOID, Palette, load_palette, palette_entries
from pix2pix_tf.segmentation.photos import LabelledPhotos, steps_per_epoch, training_batches
from pix2pix_tf.segmentation.scores import confusion_matrix, per_class_scores, segmentation_scores
from pix2pix_tf.segmentation.segmenter import build_segmenter, compile_segmentation
from pix2pix_tf.utils.console import Counter, PlainConsole, counting, print_line
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.memory_errors import explain_out_of_memory, out_of_memory
from pix2pix_tf.utils.signals import StoppedError, StopRequest, graceful_shutdown

Scores = dict[str, float]

# Keys that may change between the sessions of one training.
CHANGEABLE_KEYS = {"data.root", "data.cache", "training.epochs", "training.deterministic"}


def train_segmenter(
    config: SegmenterConfig,
    folder: str | Path,
    console: Console | None = None,
    *,
    data_changed: bool = False,
) -> Scores:
    """Trains into a folder, or goes on after the last epoch that is there, as if never stopped.

    The weights kept are those of the epoch with the highest class IoU on the validation pairs.

    Args:
        config: How.
        folder: Made if it is not there. See `pix2pix_tf.segmentation.folder`.
        console: Where progress is shown; by default the standard output.
        data_changed: Whether it may go on with other pairs than those of its last session.

    Returns:
        The validation scores of the weights kept, see `segmentation_scores`.

    Raises:
        UserError: The data, the folder or the config cannot be used; the loss became non-finite.
        StoppedError: A signal asked for it, see `pix2pix_tf.utils.signals`; whole epochs are saved.
    """
    if config.training.deterministic:
        tf.config.experimental.enable_op_determinism()
    stored, console = SegmenterFolder(Path(folder)), console or PlainConsole()
    palette = load_palette(config.palette)
    _check_resumable(stored, config, palette)
    with counting(console, "checking pictures") as counter:
        opened = open_pairs(config.pairs_config(), check=True, advance=counter.advance)
    train, val = (LabelledPhotos(pairs, config, palette) for pairs in (opened.train, opened.val))
    record = record_of(opened, config.data)
    check_resumable_pairs(
        stored.pairs_file, record, f"segmenter {stored.path}", "--output", data_changed
    )
    for photos in (train, val):
        photos[0]  # labels in other colours are refused before anything is written

    with run_lock(stored.path, lambda line: print_line(console, line)):
        print_line(console, f"data: {opened.found}")
        for note in opened.notes:
            print_line(console, f"warning: {note}")
        for line in summarize_skipped(opened.skipped):
            print_line(console, f"skipped: {line}")
        return _train(config, stored, palette, train, val, record, console)


def _train(
    config: SegmenterConfig,
    stored: SegmenterFolder,
    palette: Palette,
    train: LabelledPhotos,
    val: LabelledPhotos,
    record: PairsRecord,
    console: Console,
) -> Scores:
    model = _compiled(config, palette, steps_per_epoch(train, config))
    state = _State(stored, model)
    first = state.restore()
    if first == 0 and config.segmenter.trunk_weights is not None:
        load_trunk_weights(model, config.segmenter.trunk_weights)
    if first >= config.training.epochs:
        print_line(console, f"{stored.path}: already trained; raise training.epochs to go on")
    else:
        for note in _rate_notes(stored, config, first):
            print_line(console, note)
        stored.save_config(config, palette)
        next_record(read_record(stored.pairs_file), record, first).write(stored.pairs_file)
        start = f"going on after epoch {first}" if first else "starting"
        print_line(console, f"{stored.path}: {start} of {config.training.epochs} epochs")
        steps = (config.training.epochs - first) * steps_per_epoch(train, config)
        with graceful_shutdown() as caught, counting(console, "training") as counter:
            callbacks = [
                _Progress(counter, steps, caught),
                _Validation(stored, val, palette, record.val.digest(), console),
                keras.callbacks.TensorBoard(str(stored.logs), write_graph=False),
                state,
            ]
            with explain_out_of_memory(lambda: _out_of_memory(config, stored)):
                _fit(model, train, config, first, callbacks)
    return best_epoch(stored.metrics())["scores"]


def _out_of_memory(config: SegmenterConfig, stored: SegmenterFolder) -> str:
    height, width = config.data.crop_size
    newest = newest_step(stored.checkpoints)
    kept = "no epoch was saved yet" if newest is None else f"epoch {newest} is kept"
    return (
        f"there is too little memory for a training.batch_size of {config.training.batch_size} "
        f"photos of data.crop_size {height}×{width} and a segmenter.width of "
        f"{config.segmenter.width} with a segmenter.head of {config.segmenter.head}; {kept} in "
        f"{stored.path}. Lower one of them in a new folder, or end other programs that use memory"
    )


def best_epoch(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the epochs that metrics.json has, the one whose weights are kept.

    Only those scored on the same pairs as the newest are compared.
    """
    if not entries:
        raise UserError("metrics.json: is gone from a trained segmenter; start over with --fresh")
    same = [entry for entry in entries if entry.get("data") == entries[-1].get("data")]
    return max(same, key=lambda entry: entry["scores"]["class_iou"])


def _compiled(config: SegmenterConfig, palette: Palette, steps: int) -> keras.Model:
    model = build_segmenter(config, palette)
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.PolynomialDecay(
            config.training.learning_rate, steps * config.training.epochs, 0.0
        )
    )
    optimizer.build(model.trainable_variables)  # for its part of a checkpoint
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=VOID)
    model.compile(optimizer, loss, jit_compile=False)  # XLA is slower on CPUs
    return model


def _fit(
    model: keras.Model,
    photos: LabelledPhotos,
    config: SegmenterConfig,
    first: int,
    callbacks: list[keras.callbacks.Callback],
) -> None:
    try:
        model.fit(
            training_batches(photos, config, first),
            initial_epoch=first,
            epochs=config.training.epochs,
            steps_per_epoch=steps_per_epoch(photos, config),
            callbacks=callbacks,
            shuffle=False,  # they are
            verbose=0,
        )
    except tf.errors.OpError as error:
        if out_of_memory(error):
            raise
        # Whatever made the pipeline fail left its own words with the photos.
        raise photos.failure or RuntimeError("the input pipeline failed") from None


class _Progress(keras.callbacks.Callback):
    """Counts the steps of this session; stops when asked to, or where the loss is no number."""

    def __init__(self, counter: Counter, steps: int, caught: StopRequest) -> None:
        super().__init__()
        self._counter, self._steps, self._caught = counter, steps, caught

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        loss = (logs or {})["loss"]
        if not np.isfinite(loss):
            raise UserError(
                f"the loss is {loss}: the training has diverged; the epochs before this one are "
                "kept. A lower training.learning_rate usually helps"
            )
        self._counter.advance(self._steps)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._caught.signal is not None:  # here, so that an epoch that is whole is saved
            raise StoppedError(self._caught.signal)


class _Validation(keras.callbacks.Callback):
    """After every epoch: scores on the validation photos; the best weights are kept."""

    def __init__(
        self,
        stored: SegmenterFolder,
        photos: LabelledPhotos,
        palette: Palette,
        data: str,
        console: Console,
    ) -> None:
        super().__init__()
        self._data = data
        self._stored, self._photos, self._palette = stored, photos, palette
        self._console = console

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._classify = compile_segmentation(self.model)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        entry = self._entry(epoch + 1)
        # What was recorded of this epoch and of later ones was of a session that did not save it.
        entries = [*(e for e in self._stored.metrics() if e["epoch"] <= epoch), entry]
        best = best_epoch(entries) is entry
        if best:
            self._stored.save_weights(self.model)
        self._stored.save_metrics(entries)
        logs = {} if logs is None else logs
        logs |= {f"val_{name}": value for name, value in entry["scores"].items()}  # TensorBoard's
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
            "data": self._data,
            "images": len(self._photos),
            "scores": {name: float(value) for name, value in segmentation_scores(matrix).items()},
            "classes": {
                name: {"accuracy": _or_none(accuracy), "iou": _or_none(iou)}
                for name, accuracy, iou in rows
            },
        }


class _State(keras.callbacks.Callback):
    """After every epoch: all that the next one starts from, whole or not at all.

    Keras' BackupAndRestore writes its one file in place, which a kill may leave damaged.
    """

    def __init__(self, stored: SegmenterFolder, model: keras.Model) -> None:
        super().__init__()
        self._epoch = tf.Variable(0, dtype=tf.int64)
        # In their order: Keras numbers the names of some variables anew in every process.
        variables = [v.value for v in (*model.variables, *model.optimizer.variables)]
        self._checkpoint = tf.train.Checkpoint(variables=variables, epoch=self._epoch)
        _ = self._checkpoint.save_counter  # TensorFlow makes it on restoring, and wants it there
        self._folder = stored.checkpoints

    def restore(self) -> int:
        """Restores the newest epoch, if there is one; returns how many were trained."""
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
        self._epoch.assign(epoch + 1)
        write_checkpoint(self._checkpoint, self._folder, epoch + 1, keep=1, name="epoch")


def format_scores(scores: Scores) -> str:
    """Scores on one line, for people."""
    return (
        f"per-pixel {scores['per_pixel_accuracy']:.3f}  per-class "
        f"{scores['per_class_accuracy']:.3f}  class IoU {scores['class_iou']:.3f}"
    )


def _rate_notes(stored: SegmenterFolder, config: SegmenterConfig, first: int) -> list[str]:
    """What is to be said where more epochs move the learning rate, which falls to 0 at the end."""
    if not first or not stored.exists():
        return []
    before, _ = stored.load_config()
    height = config.training.learning_rate
    old = height * max(1 - first / before.training.epochs, 0)
    new = height * (1 - first / config.training.epochs)
    if before.training.epochs == config.training.epochs:
        return []
    return [
        f"the learning rate after epoch {first} is {new:.3g} by the new schedule, and was "
        f"{old:.3g} by that of the last session; it falls to 0 at epoch {config.training.epochs}"
    ]


def _check_resumable(stored: SegmenterFolder, config: SegmenterConfig, palette: Palette) -> None:
    if not stored.exists():
        return
    before, colours = stored.load_config()
    old, new = _keys(before), _keys(config)
    changes = [
        f"{key} = {old[key]} there and {new[key]} here"
        for key in old
        if old[key] != new[key] and key not in CHANGEABLE_KEYS
    ]
    if before.label_ids != config.label_ids:
        changes.append(f"label_ids = {before.label_ids} there and {config.label_ids} here")
    if palette_entries(colours) != palette_entries(palette):
        changes.append(f"the palette {palette.name} had other classes or colours")
    if changes:
        raise UserError(
            f"segmenter {stored.path}: was trained otherwise: {', '.join(changes)}; choose another "
            "--output, or start over with --fresh"
        )


def _keys(config: SegmenterConfig) -> dict[str, Any]:
    """The values of a config by `section.name`."""
    sections = config.model_dump(mode="json", exclude={"palette", "label_ids"})
    return {
        f"{section}.{name}": v for section, keys in sections.items() for name, v in keys.items()
    }


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
