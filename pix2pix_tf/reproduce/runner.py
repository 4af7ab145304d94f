"""Training and scoring of the variants of a table, one after the other."""

from __future__ import annotations

import gc
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
from rich.console import Console

from pix2pix_tf.config.schema import Config, load_config
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.evaluation.context import check_metric_request
from pix2pix_tf.evaluation.evaluate import evaluate
from pix2pix_tf.evaluation.request import MetricRequest
from pix2pix_tf.evaluation.result import Evaluation
from pix2pix_tf.reproduce.tables import FCN, PaperTable, Variant, run_name
from pix2pix_tf.runs.pairs_record import (
    PairsRecord,
    check_never_trained_on,
    read_record,
    record_of,
)
from pix2pix_tf.segmentation.config import load_segmenter_config
from pix2pix_tf.segmentation.folder import SegmenterFolder
from pix2pix_tf.segmentation.training import train_segmenter
from pix2pix_tf.training import train
from pix2pix_tf.training.resume import experiment_digest
from pix2pix_tf.utils.console import PlainConsole
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.sampling import evenly_spaced

# Scored in addition to the table's own metric; these metrics show blur, grey and noise.
EXTRA_METRICS = ("l1", "lab_histogram", "sharpness")
SHEET_ROWS = 4


@dataclass(frozen=True)
class Experiment:
    """A table to reproduce, with the data and the settings.

    Attributes:
        table: The table.
        config: A file or the name of a shipped config, which all variants share.
        overrides: Overrides of the config for all variants, as KEY=VALUE.
        seeds: Number of trainings of each variant, with seeds 0, 1, ...
        folder: The folder of all runs, which are `CONFIG-DIRECTION/VARIANT-DIGEST/seed-N` in it.
        segmenter: The folder of a trained segmenter, for FCN-scores; or None.
        palette: The palette of label images, as for `evaluate`; or None.
    """

    table: PaperTable
    config: str
    overrides: Sequence[str]
    seeds: int
    folder: Path
    segmenter: Path | None
    palette: str | None


@dataclass
class Row:
    """The results of one variant.

    Attributes:
        variant: The variant.
        runs: The run directory of each seed.
        scores: Scores by name, each a list with one value per seed.
        outputs: Some outputs of the first seed, uint8 [H, W, C].
    """

    variant: Variant
    runs: list[Path] = field(default_factory=list)
    scores: dict[str, list[float]] = field(default_factory=dict)
    outputs: list[np.ndarray] = field(default_factory=list)


@dataclass
class Reproduction:
    """The results of all variants.

    Attributes:
        rows: The results of each variant, in the table's order.
        images: Number of validation images that were scored.
        inputs: Inputs of the rows' `outputs`, uint8 [H, W, C].
        targets: Targets of these inputs, uint8 [H, W, C].
        truth: Scores of the true photographs by name, one value per seed; empty where the table
            has none.
        interrupted: The signal that ended it early, or None.
    """

    rows: list[Row]
    images: int = 0
    inputs: list[np.ndarray] = field(default_factory=list)
    targets: list[np.ndarray] = field(default_factory=list)
    truth: dict[str, list[float]] = field(default_factory=dict)
    interrupted: signal.Signals | None = None


def reproduce(experiment: Experiment, console: Console | None = None) -> Reproduction:
    """Trains and scores all variants, which differ only in the table's settings.

    Each variant is an ordinary run in a folder named by its settings and its pairs, so that a call
    after an interruption resumes, and finished runs are only scored. All seeds, and the segmenter,
    have the same held-out pairs, which depend only on the data.

    Args:
        experiment: The table, the data and the settings.
        console: The console that shows progress; by default standard output.

    Returns:
        The results.

    Raises:
        UserError: The config, the data or the segmenter cannot be used.
    """
    console = console or PlainConsole()
    rows = [Row(variant) for variant in experiment.table.variants]
    record = _check(experiment)  # checked first, so that mistakes do not surface hours later
    result = Reproduction(rows)
    for seed in range(experiment.seeds):
        for number, row in enumerate(rows, start=1):
            name = f"{number} of {len(rows)}: {row.variant.name}, seed {seed}"
            console.rule(name, align="left", characters="─")
            config = variant_config(experiment, row.variant, seed)
            run = run_folder(experiment, config, record)
            trained = train(config, run, console=console)
            if trained.interrupted is not None:
                result.interrupted = trained.interrupted
                return result
            _score(experiment, run, row, result)
            keras.utils.clear_session()  # frees graphs that TensorFlow would otherwise keep
            gc.collect()
    return result


def variant_config(experiment: Experiment, variant: Variant, seed: int) -> Config:
    """Returns the config of a variant's run with a given seed."""
    settings = [f"{key}={value}" for key, value in variant.settings.items()]
    return load_config(
        experiment.config, [*settings, f"training.seed={seed}", *experiment.overrides]
    )


def run_folder(experiment: Experiment, config: Config, record: PairsRecord) -> Path:
    """Returns the run directory of a config; tables share runs of the same settings and pairs."""
    data = f"{Path(experiment.config).stem}-{config.data.direction}"
    variant = f"{run_name(config)}-{experiment_digest(config, record)[:8]}"
    return experiment.folder / data / variant / f"seed-{config.training.seed}"


def _check(experiment: Experiment) -> PairsRecord:
    """Checks the settings, the data and the segmenter.

    Returns:
        The record of the pairs that all variants and seeds are trained and scored on.
    """
    overridden = {text.partition("=")[0].strip() for text in experiment.overrides}
    varied = {key for variant in experiment.table.variants for key in variant.settings}
    fixed = sorted(overridden & ({*varied, "training.seed"} - {"training.batch_size"}))
    if fixed:
        raise UserError(f"--set {fixed[0]}: is what the table varies; leave it out")
    for variant in experiment.table.variants:
        config = variant_config(experiment, variant, 0)
    check_metric_request(_metric_request(experiment), config.data.dataset)
    record = record_of(open_pairs(config), config.data)
    if experiment.segmenter is not None:
        before = read_record(SegmenterFolder(experiment.segmenter).pairs_file)
        if before is not None:
            owner = f"segmenter {experiment.segmenter}"
            check_never_trained_on(record.val, "val", before, record.root, owner)
    return record


def _metric_request(experiment: Experiment) -> MetricRequest:
    return MetricRequest(
        [*EXTRA_METRICS, experiment.table.metric],
        palette=experiment.palette,
        segmenter=experiment.segmenter,
    )


def _score(experiment: Experiment, run: Path, row: Row, result: Reproduction) -> None:
    evaluation = evaluate(run, request=_metric_request(experiment))
    row.runs.append(run)
    for name, score in evaluation.scores.items():
        row.scores.setdefault(name, []).append(score)
    result.images = evaluation.images
    # The scores of the true photographs are the same for all rows of a seed.
    if experiment.table.scores == FCN and row is result.rows[0]:
        for name in FCN:
            score = evaluation.scores[name.replace("fcn_", "fcn_truth_")]
            result.truth.setdefault(name, []).append(score)
    if len(row.runs) == 1:
        _keep_examples(evaluation, row, result)


def _keep_examples(evaluation: Evaluation, row: Row, result: Reproduction) -> None:
    chosen = evenly_spaced(evaluation.images, SHEET_ROWS)
    shown, display = [evaluation.items[index] for index in chosen], evaluation.items.display
    row.outputs = [display.target(item.output) for item in shown]
    if not result.inputs:
        result.inputs = [display.input(_input(evaluation, index)) for index in chosen]
        result.targets = [display.target(item.target) for item in shown]


def _input(evaluation: Evaluation, index: int) -> np.ndarray:
    source = evaluation.items.source(index)
    assert source is not None  # a run always has its inputs
    return source


def small_settings(table: str) -> list[str]:
    """Returns overrides of `sample.yaml` that reproduce a table in an hour or two on two cores.

    Every variant is trained for the steps of `sample.yaml`. Table 2 has the batch of 10 that the
    paper states for it; all others have batch 1 and share runs.

    Args:
        table: A key of `TABLES`.

    Returns:
        The overrides, as KEY=VALUE.
    """
    direction = "AtoB" if table == "6" else "BtoA"
    batch = [] if table == "2" else ["training.batch_size=1"]  # Table 2's own settings have 10
    return [*batch, f"data.direction={direction}"]


def small_segmenter(folder: Path, console: Console) -> Path:
    """Trains the segmenter of the embedded city, unless it is trained already.

    Args:
        folder: The folder of the reproduction.
        console: The console that shows progress.

    Returns:
        The segmenter's folder, in `folder`.
    """
    segmenter = folder / "segmenter"
    train_segmenter(load_segmenter_config("sample"), segmenter, console=console)
    return segmenter
