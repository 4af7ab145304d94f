"""A table's variants trained one after the other, scored, and put beside what the paper reports."""

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

# Scored besides the table's own: what tells blur, grey and noise apart.
EXTRA_METRICS = ("l1", "lab_histogram", "sharpness")
SHEET_ROWS = 4


@dataclass(frozen=True)
class Experiment:
    """A table to reproduce, on what, and how.

    Attributes:
        table: Which one.
        config: A file or the name of a shipped config; all variants share it.
        overrides: Of its keys, as typed, for all variants.
        seeds: How often each variant is trained, with seeds 0, 1, ...
        folder: Where the runs go: `CONFIG-DIRECTION/VARIANT-DIGEST/seed-N` below it.
        segmenter: The folder of a trained segmenter, for FCN-scores.
        palette: Of label pictures, as for `evaluate`.
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
    """A variant's scores, each a list with one of every seed, and pictures of the first."""

    variant: Variant
    runs: list[Path] = field(default_factory=list)
    scores: dict[str, list[float]] = field(default_factory=dict)
    images: list[np.ndarray] = field(default_factory=list)


@dataclass
class Reproduction:
    """What came of it.

    Attributes:
        rows: Of the variants, in the table's order.
        images: How many validation images were scored.
        inputs: Some inputs, uint8 [H, W, C], and in `targets` what they should become; the rows'
            pictures are what they became.
        targets: See `inputs`.
        truth: The scores of the true photographs, one of every seed, where the table has them.
        interrupted: The signal that ended it early, or None.
    """

    rows: list[Row]
    images: int = 0
    inputs: list[np.ndarray] = field(default_factory=list)
    targets: list[np.ndarray] = field(default_factory=list)
    truth: dict[str, list[float]] = field(default_factory=dict)
    interrupted: signal.Signals | None = None


def reproduce(experiment: Experiment, console: Console | None = None) -> Reproduction:
    """Trains what is not trained yet, with everything but the table's keys equal, and scores all.

    Called again after an interruption it goes on where it was: each variant is an ordinary run, in
    a folder named by its settings and its pairs. All seeds, and the segmenter, have the same
    held-out pairs: which these are follows from the data alone.

    Raises:
        UserError: The config, the data or the segmenter cannot be used.
    """
    console = console or PlainConsole()
    rows = [Row(variant) for variant in experiment.table.variants]
    record = _checked(experiment)  # all of it at once: nothing is refused hours from now
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
            keras.utils.clear_session()  # TensorFlow keeps graphs that nobody needs any more
            gc.collect()
    return result


def variant_config(experiment: Experiment, variant: Variant, seed: int) -> Config:
    """The config of one run."""
    settings = [f"{key}={value}" for key, value in variant.settings.items()]
    return load_config(
        experiment.config, [*settings, f"training.seed={seed}", *experiment.overrides]
    )


def run_folder(experiment: Experiment, config: Config, record: PairsRecord) -> Path:
    """Where a run goes: only what has the same settings and pairs shares it, in any table."""
    data = f"{Path(experiment.config).stem}-{config.data.direction}"
    variant = f"{run_name(config)}-{experiment_digest(config, record)[:8]}"
    return experiment.folder / data / variant / f"seed-{config.training.seed}"


def _checked(experiment: Experiment) -> PairsRecord:
    """The pairs that all variants and seeds are trained and scored on."""
    given = {text.partition("=")[0].strip() for text in experiment.overrides}
    varied = {key for variant in experiment.table.variants for key in variant.settings}
    fixed = sorted(given & ({*varied, "training.seed"} - {"training.batch_size"}))
    if fixed:
        raise UserError(f"--set {fixed[0]}: is what the table varies; leave it out")
    for variant in experiment.table.variants:
        config = variant_config(experiment, variant, 0)
    check_metric_request(_metric_request(experiment), config.data.dataset)
    record = record_of(open_pairs(config), config.data)
    if experiment.segmenter is not None:
        before = read_record(SegmenterFolder(experiment.segmenter).pairs_file)
        if before is not None:
            of = f"segmenter {experiment.segmenter}"
            check_never_trained_on(record.val, "val", before, record.root, of)
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
    if experiment.table.scores == FCN and row is result.rows[0]:  # of all rows of a seed alike
        for name in FCN:
            score = evaluation.scores[name.replace("fcn_", "fcn_truth_")]
            result.truth.setdefault(name, []).append(score)
    if len(row.runs) == 1:
        _keep_images(evaluation, row, result)


def _keep_images(evaluation: Evaluation, row: Row, result: Reproduction) -> None:
    count = min(SHEET_ROWS, evaluation.images)
    chosen = np.linspace(0, evaluation.images - 1, count).round().astype(int).tolist()
    shown = [evaluation.items[place] for place in chosen]
    row.images = [item.output for item in shown]
    if not result.inputs:
        result.inputs = [_source(evaluation, place) for place in chosen]
        result.targets = [item.target for item in shown]


def _source(evaluation: Evaluation, place: int) -> np.ndarray:
    source = evaluation.items.source(place)
    assert source is not None  # a run always has its inputs
    return source


def small_settings(table: str) -> list[str]:
    """What a table's variants share besides `sample.yaml`, as typed.

    Each table has the paper's batch, and all variants the steps of `sample.yaml`: Table 2 has the
    batch of 10 that the paper says it was made with, all others have batch 1 and share runs.
    """
    direction = "AtoB" if table == "6" else "BtoA"
    batch = [] if table == "2" else ["training.batch_size=1"]  # 10 is in Table 2's own settings
    return [*batch, f"data.direction={direction}"]


def small_segmenter(folder: Path, console: Console) -> Path:
    """The segmenter of the embedded city, trained now if it is not there yet."""
    place = folder / "segmenter"
    train_segmenter(load_segmenter_config("sample"), place, console=console)
    return place
