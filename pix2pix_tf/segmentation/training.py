"""Training of a segmenter with Keras' `fit`, validated and saved after every epoch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf
from rich.console import Console

from pix2pix_tf.data.checking.check_pairs import summarize_skipped
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.runs.checkpoint_files import newest_step
from pix2pix_tf.runs.lock import run_lock
from pix2pix_tf.runs.pairs_record import (
    PairsRecord,
    check_resumable_pairs,
    next_record,
    read_record,
    record_of,
)
from pix2pix_tf.runs.versions import record_session
from pix2pix_tf.segmentation.callbacks import EpochCheckpoint, Progress, Validation, best_epoch
from pix2pix_tf.segmentation.config import SegmenterConfig
from pix2pix_tf.segmentation.folder import SegmenterFolder
from pix2pix_tf.segmentation.network import load_trunk_weights
from pix2pix_tf.segmentation.palette import VOID, Palette
from pix2pix_tf.segmentation.photos import LabelledPhotos, steps_per_epoch, training_batches
from pix2pix_tf.segmentation.resume import check_resumable, learning_rate_notes
from pix2pix_tf.segmentation.scores import Scores
from pix2pix_tf.segmentation.segmenter import build_segmenter
from pix2pix_tf.segmentation.shipped import load_palette
from pix2pix_tf.utils.console import PlainConsole, ProgressBar, print_line
from pix2pix_tf.utils.memory_errors import explain_out_of_memory, out_of_memory
from pix2pix_tf.utils.signals import graceful_shutdown


def train_segmenter(
    config: SegmenterConfig,
    folder: str | Path,
    console: Console | None = None,
    *,
    data_changed: bool = False,
) -> Scores:
    """Trains a segmenter into a folder, or resumes after the last epoch saved there.

    A resumed training gives the same numbers as one that was never stopped. The weights that are
    kept are those of the epoch with the highest class IoU on the validation pairs.

    Args:
        config: The config, see `pix2pix_tf.segmentation.config.load_segmenter_config`.
        folder: Folder of the segmenter, created if it does not exist; see
            `pix2pix_tf.segmentation.folder`.
        console: Where progress is shown; by default the standard output.
        data_changed: Whether to resume although the pairs are not those of the last session.

    Returns:
        The validation scores of the weights that are kept, each in 0..1, see `segmentation_scores`.

    Raises:
        UserError: The data, the folder or the config cannot be used, or the loss became non-finite.
        StoppedError: A signal ended the training, see `pix2pix_tf.utils.signals`; the epochs that
            were finished are saved.

    Example:
        >>> from pix2pix_tf import Segmenter, train_segmenter
        >>> from pix2pix_tf.segmentation.config import load_segmenter_config
        >>> from pix2pix_tf.utils.console import PlainConsole
        >>> config = load_segmenter_config("segmenter.yaml")
        >>> scores = train_segmenter(config, "segmenters/mine", PlainConsole(quiet=True))
        >>> sorted(scores)
        ['class_iou', 'per_class_accuracy', 'per_pixel_accuracy']
        >>> len(Segmenter("segmenters/mine").palette.classes)
        13
    """
    if config.training.deterministic:
        tf.config.experimental.enable_op_determinism()
    stored, console = SegmenterFolder(Path(folder)), console or PlainConsole()
    palette = load_palette(config.palette)
    check_resumable(stored, config, palette)
    data, notes = _open_data(config, stored, palette, console, data_changed)
    with run_lock(stored.path, lambda line: print_line(console, line)):
        for note in notes:
            print_line(console, note)
        return _train(config, stored, palette, data, console)


@dataclass(frozen=True)
class _Data:
    """The labelled photos of a training, and the record of their pairs."""

    train: LabelledPhotos
    val: LabelledPhotos
    record: PairsRecord


def _open_data(
    config: SegmenterConfig,
    stored: SegmenterFolder,
    palette: Palette,
    console: Console,
    data_changed: bool,
) -> tuple[_Data, list[str]]:
    """Opens and checks the pairs; returns them and notes for the user, one sentence each."""
    with ProgressBar(console, "checking images") as progress:
        opened = open_pairs(config.pairs_config(), check=True, advance=progress.advance)
    train, val = (LabelledPhotos(pairs, config, palette) for pairs in (opened.train, opened.val))
    record = record_of(opened, config.data)
    check_resumable_pairs(
        stored.pairs_file, record, f"segmenter {stored.path}", "--output", data_changed
    )
    for photos in (train, val):
        photos[0]  # labels in other colours are refused before anything is written
    notes = [
        f"data: {opened.found}",
        *(f"warning: {note}" for note in opened.notes),
        *(f"skipped: {line}" for line in summarize_skipped(opened.skipped)),
    ]
    return _Data(train, val, record), notes


def _train(
    config: SegmenterConfig,
    stored: SegmenterFolder,
    palette: Palette,
    data: _Data,
    console: Console,
) -> Scores:
    model = _compiled_model(config, palette, steps_per_epoch(data.train, config))
    checkpoint = EpochCheckpoint(stored, model)
    first, epochs = checkpoint.restore(), config.training.epochs
    if first == 0 and config.segmenter.trunk_weights is not None:
        load_trunk_weights(model, config.segmenter.trunk_weights)
    if first >= epochs:
        print_line(console, f"{stored.path}: already trained; raise training.epochs to go on")
        return best_epoch(stored.metrics())["scores"]
    for note in learning_rate_notes(stored, config, first):
        print_line(console, note)
    stored.save_config(config, palette)
    for note in record_session(stored.versions_file, config.training.seed, first):
        print_line(console, note)
    next_record(read_record(stored.pairs_file), data.record, first).write(stored.pairs_file)
    start = f"going on after epoch {first}" if first else "starting"
    print_line(console, f"{stored.path}: {start} of {epochs} epochs")
    steps = (epochs - first) * steps_per_epoch(data.train, config)
    with graceful_shutdown() as stop_request, ProgressBar(console, "training") as progress:
        callbacks = [
            Progress(progress, steps, stop_request),
            Validation(stored, data.val, palette, data.record.val.digest(), console),
            keras.callbacks.TensorBoard(str(stored.logs), write_graph=False),
            checkpoint,
        ]
        with explain_out_of_memory(lambda: _out_of_memory_message(config, stored)):
            _fit(model, data.train, config, first, callbacks)
    return best_epoch(stored.metrics())["scores"]


def _compiled_model(config: SegmenterConfig, palette: Palette, steps: int) -> keras.Model:
    model = build_segmenter(config, palette)
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.PolynomialDecay(
            config.training.learning_rate, steps * config.training.epochs, 0.0
        )
    )
    optimizer.build(model.trainable_variables)  # so that a checkpoint can hold its state
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
            shuffle=False,  # the batches are shuffled already
            verbose=0,
        )
    except tf.errors.OpError as error:
        if out_of_memory(error):
            raise
        # The pipeline passes on only a text; the photos keep the error itself.
        raise photos.failure or RuntimeError("the input pipeline failed") from None


def _out_of_memory_message(config: SegmenterConfig, stored: SegmenterFolder) -> str:
    height, width = config.data.crop_size
    newest = newest_step(stored.checkpoints)
    kept = "no epoch was saved yet" if newest is None else f"epoch {newest} is kept"
    return (
        f"there is too little memory for a training.batch_size of {config.training.batch_size} "
        f"photos of data.crop_size {height}×{width} and a segmenter.width of "
        f"{config.segmenter.width} with a segmenter.head of {config.segmenter.head}; {kept} in "
        f"{stored.path}. Lower one of them in a new folder, or end other programs that use memory"
    )
