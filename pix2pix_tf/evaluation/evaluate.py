"""The scores of a run's generator on a split of its data, or of pictures of any origin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pix2pix_tf.evaluation.items import RESIZE, EvaluationItems, FolderItems, RunItems
from pix2pix_tf.evaluation.metrics import pixel
from pix2pix_tf.evaluation.metrics.compute import Estimate, MetricResults, compute_metrics
from pix2pix_tf.evaluation.metrics.feature_scores import FeatureScores
from pix2pix_tf.evaluation.metrics.lab_histogram import lab_histogram_metric
from pix2pix_tf.evaluation.metrics.label_scores import fcn_metric, segmentation_metric
from pix2pix_tf.evaluation.metrics.metric import EvaluationItem, Metric, Scores
from pix2pix_tf.evaluation.metrics.pixel import identical_note, pixel_metrics
from pix2pix_tf.evaluation.metrics.sharpness import sharpness_metric
from pix2pix_tf.evaluation.saving import saved_images
from pix2pix_tf.evaluation.tensorboard import write_evaluation
from pix2pix_tf.images.folder_names import split_named
from pix2pix_tf.images.unreadable import report_all_unreadable
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.runs.data import ScoredPairs, open_scored
from pix2pix_tf.runs.pairs_record import file_digest, read_record, short_digest, trained_among
from pix2pix_tf.runs.run import Measurement, Run
from pix2pix_tf.segmentation.folder import SegmenterFolder
from pix2pix_tf.segmentation.palette import SHIPPED_PALETTES, Palette, load_palette, palette_entries
from pix2pix_tf.segmentation.segmenter import Segmenter
from pix2pix_tf.utils.errors import UserError

DEFAULT_METRICS = pixel.METRICS
METRICS = (
    *DEFAULT_METRICS,
    *("lab_histogram", "sharpness", "segmentation", "fcn_score", "kid", "fid"),
)
_OF_FEATURES = ("kid", "fid")
_OF_LABELS = ("segmentation", "fcn_score")


@dataclass(frozen=True)
class MetricRequest:
    """Which scores, and what computing them takes.

    Attributes:
        metrics: Of `METRICS`.
        palette: A shipped palette or a file, of label pictures; None takes the segmenter's or, of a
            run on a dataset with a shipped palette, that one.
        segmenter: The folder of a trained segmenter, for `fcn_score`.
        features: The weights of the Inception network, for `kid` and `fid`.
        label_ids: Whether grey label pictures hold class numbers, see
            `pix2pix_tf.segmentation.palette.decode_labels`; None takes the segmenter's.
    """

    metrics: Sequence[str] = DEFAULT_METRICS
    palette: str | Path | None = None
    segmenter: str | Path | None = None
    features: str | Path | None = None
    label_ids: bool | None = None


@dataclass(frozen=True)
class Evaluation:
    """Scores of images.

    Attributes:
        title: What was scored, in words.
        step: The training step of the generator, None for pictures of other origin.
        split: The split of the run's data, None likewise.
        estimates: The scores by name, with their intervals; NaN where a score has none.
        metric_results: Scores of each image and sums over all, see `MetricResults`.
        notes: What a reader of the scores should know, in sentences.
        items: The images, to be looked at again.
        palette: The classes of label pictures, where a metric looked at any.
    """

    title: str
    step: int | None
    split: str | None
    estimates: dict[str, Estimate]
    metric_results: MetricResults
    notes: list[str]
    items: EvaluationItems
    palette: Palette | None = None

    @property
    def images(self) -> int:
        """How many were scored."""
        return len(self.metric_results.names)

    @property
    def identical(self) -> int | None:
        """How many outputs are identical to their targets; None where PSNR was not asked for."""
        return self.metric_results.identical

    @property
    def scores(self) -> Scores:
        """The scores by name, over all images."""
        return {name: estimate.value for name, estimate in self.estimates.items()}

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values; what is not a finite number is None."""
        return {
            "title": self.title,
            "step": self.step,
            "split": self.split,
            "images": self.images,
            "scores": {name: _plain(estimate.value) for name, estimate in self.estimates.items()},
            "intervals": self.intervals(),
            "identical": self.identical,
            "notes": self.notes,
            "per_image": {
                name: {
                    score: _plain(each[place])
                    for score, each in self.metric_results.per_image.items()
                }
                for place, name in enumerate(self.metric_results.names)
            },
        }

    def intervals(self) -> dict[str, list[float | None]]:
        """The 95% bootstrap intervals over images of those scores that have one."""
        return {
            name: [_plain(estimate.low), _plain(estimate.high)]
            for name, estimate in self.estimates.items()
            if not np.isnan(estimate.low)
        }


def evaluate(
    run_dir: str | Path,
    split: str = "val",
    *,
    request: MetricRequest = MetricRequest(),
    checkpoint: str = "newest",
    dropout: bool = True,
    save: str | Path | None = None,
    overrides: Sequence[str] = (),
    advance: Callable[[int], None] = lambda total: None,
) -> Evaluation:
    """Scores a run on every pair of a split, at the size it was trained on, and records the scores.

    The dropout seed is the config's: L1, PSNR and SSIM are those that training printed at the same
    step. The scores go into the run's `metrics.json` and TensorBoard; the notes say where these
    cannot be written.

    Args:
        run_dir: The run directory.
        split: `val`, or another folder of the dataset.
        request: Which scores.
        checkpoint: `newest` or `best`.
        dropout: Whether the paper's noise is on, as it is by default. Scores without it are not
            recorded.
        save: A new folder for the pictures, see `saved_images`.
        overrides: Where the data lies now, such as `data.root=DIR`, see `run_data.run_config`.
        advance: Called after each image with the number of all.

    Raises:
        UserError: No such run, checkpoint or split, pairs that were trained on, images that cannot
            be read, metrics that lack what they need.
    """
    tools = _Tools(request)
    translator = Translator(run_dir, checkpoint=checkpoint)
    palette = tools.palette(translator.config.data.dataset)
    metrics = tools.metrics(palette)
    run = Run(Path(run_dir))
    if dropout:
        run.metrics()  # a damaged file is said now, not when there are scores to add to it
    split = split_named(split)
    scored = open_scored(run, split, overrides)
    items = RunItems(
        translator,
        scored.pairs,
        dropout=dropout,
        palette=palette,
        label_ids=tools.label_ids(),
        class_maps=_class_maps(metrics),
    )
    result = _evaluate(
        str(run_dir),
        translator.step,
        split,
        items,
        palette,
        metrics,
        tools.features(),
        save,
        advance,
    )
    notes = [*scored.notes, *tools.notes(scored), *result.notes]
    if dropout:
        data, used = scored.record.digest(), tools.used(palette)
        of = Measurement(translator.step, split, checkpoint, data, used)
        notes += _record(run, of, result, translator.config.logging.tensorboard, scored.usual)
    return replace(result, notes=notes)


def _record(
    run: Run, of: Measurement, result: Evaluation, tensorboard: bool, usual: bool
) -> list[str]:
    """Records an evaluation; a sentence for each place where that is not possible."""
    notes = []
    try:
        run.add_metrics(
            of,
            result.images,
            result.scores,
            intervals=result.intervals(),
            identical=result.identical,
        )
    except (UserError, OSError) as error:
        notes.append(f"the scores could not be kept: {error}")
    folder = run.logs / f"evaluation-{of.split}{'' if usual else f'-{of.data}'}"
    try:
        if tensorboard:
            write_evaluation(folder, of.step, result.scores, result.metric_results)
    except (UserError, OSError, tf.errors.OpError) as error:
        notes.append(f"the scores could not be kept for TensorBoard: {str(error).splitlines()[0]}")
    return notes


def evaluate_folders(
    outputs: str | Path,
    targets: str | Path,
    *,
    labels: str | Path | None = None,
    request: MetricRequest = MetricRequest(),
    resize: str | None = None,
    save: str | Path | None = None,
    advance: Callable[[int], None] = lambda total: None,
) -> Evaluation:
    """Scores pictures that any program made.

    Args:
        outputs: A folder, or a pattern with one `*`, see `FolderItems`.
        targets: The same for what the pictures should have been.
        labels: The same for the label pictures they were made from, for `fcn_score`.
        request: Which scores.
        resize: `outputs` or `targets`, where their sizes differ.
        save: A new folder for the pictures, see `saved_images`.
        advance: Called after each image with the number of all.

    Raises:
        UserError: Folders that are missing, empty or do not match; sizes that differ; images that
            cannot be read; metrics that lack what they need.
    """
    if resize not in (None, *RESIZE):
        raise UserError(f"--resize {resize}: expected {' or '.join(RESIZE)}")
    tools = _Tools(request)
    palette = tools.palette(None)
    metrics = tools.metrics(palette)
    class_maps = _class_maps(metrics)
    if "source" in class_maps and labels is None:
        raise UserError(
            "metric fcn_score: needs the label pictures the outputs were made from; "
            "give their folder with --labels"
        )
    items = FolderItems(
        outputs,
        targets,
        labels=labels,
        palette=palette,
        label_ids=tools.label_ids(),
        class_maps=class_maps,
        resize=resize,
    )
    of = f"{outputs} against {targets}"
    return _evaluate(of, None, None, items, palette, metrics, tools.features(), save, advance)


def check_metric_request(request: MetricRequest, dataset: str | None) -> None:
    """Checks that the metrics have what they need to score runs on a dataset.

    Raises:
        UserError: They have not.
    """
    tools = _Tools(request)
    tools.palette(dataset)
    tools.features()


class _Tools:
    """What the request metrics are computed with, loaded before anything is computed."""

    def __init__(self, request: MetricRequest) -> None:
        self._names = _checked_names(request.metrics)
        self._request = request
        self._segmenter = self._load_segmenter() if "fcn_score" in self._names else None

    def _load_segmenter(self) -> Segmenter:
        if self._request.segmenter is None:
            raise UserError(
                "metric fcn_score: needs a segmenter; make one with `pix2pix-tf train-segmenter` "
                "and give its folder with --segmenter"
            )
        return Segmenter(self._request.segmenter)

    def palette(self, dataset: str | None) -> Palette | None:
        """The palette of label pictures, None where no metric looks at any."""
        if not any(name in _OF_LABELS for name in self._names):
            return None
        chosen = self._chosen_palette(dataset)
        if self._segmenter is not None and self._segmenter.palette.classes != chosen.classes:
            raise UserError(
                f"palette {chosen.name}: has other classes than the segmenter "
                f"{self._request.segmenter}, {len(chosen.classes)} and "
                f"{len(self._segmenter.palette.classes)}; the two must be of the same data"
            )
        return chosen

    def label_ids(self) -> bool | None:
        """Whether grey label pictures hold class numbers; None: where nothing else fits."""
        if self._request.label_ids is None and self._segmenter is not None:
            return self._segmenter.config.label_ids
        return self._request.label_ids

    def _chosen_palette(self, dataset: str | None) -> Palette:
        if self._request.palette is not None:
            return load_palette(self._request.palette)
        if self._segmenter is not None:
            return self._segmenter.palette
        if dataset in SHIPPED_PALETTES:
            return SHIPPED_PALETTES[dataset]
        raise UserError(
            "metric segmentation: say which colour is which class with --palette: "
            f"{', '.join(SHIPPED_PALETTES)}, or a YAML file"
        )

    def used(self, palette: Palette | None) -> dict[str, str]:
        """What some of the scores depend on besides the images, each with a digest."""
        used = {}
        if palette is not None:
            used["palette"] = f"{palette.name} {short_digest(palette_entries(palette))}"
            if self.label_ids() is not None:
                used["label_ids"] = str(self.label_ids()).lower()
        if self._segmenter is not None and self._request.segmenter is not None:
            weights = SegmenterFolder(Path(self._request.segmenter)).weights_file
            used["segmenter"] = f"{self._request.segmenter} {file_digest([weights])[:16]}"
        if self._request.features is not None and any(n in _OF_FEATURES for n in self._names):
            features = Path(self._request.features)
            used["features"] = f"{features.name} {file_digest([features])[:16]}"
        return used

    def notes(self, scored: ScoredPairs) -> list[str]:
        """A sentence where the segmenter was trained on images that are to be scored."""
        if self._segmenter is None or self._request.segmenter is None:
            return []
        before = read_record(SegmenterFolder(Path(self._request.segmenter)).pairs_file)
        found = [] if before is None else trained_among(scored.record, before, scored.root)
        if not found:
            return []
        return [
            f"the segmenter was trained on {len(found)} of these {len(scored.pairs)} images, such "
            f"as {found[0]}: it reads them better than images it has not seen"
        ]

    def metrics(self, palette: Palette | None) -> list[Metric]:
        """The metrics that follow from sums over images."""
        made = [*pixel_metrics(), lab_histogram_metric(), sharpness_metric()]
        if palette is not None and "segmentation" in self._names:
            made.append(segmentation_metric(palette))
        if self._segmenter is not None:
            made.append(fcn_metric(self._segmenter))
        return [metric for metric in made if metric.name in self._names]

    def features(self) -> FeatureScores | None:
        """What KID and FID are computed with, None where neither is request."""
        names = [name for name in self._names if name in _OF_FEATURES]
        if not names:
            return None
        if self._request.features is None:
            raise UserError(
                f"metric {names[0]}: needs the weights of the Inception network; give their file "
                "with --features, such as pt_inception-2015-12-05-6726825d.pth"
            )
        return FeatureScores(names, self._request.features)


def _checked_names(names: Sequence[str]) -> list[str]:
    for name in names:
        if name not in METRICS:
            raise UserError(f"metric {name}: expected some of {', '.join(METRICS)}")
    return list(names)


def _class_maps(metrics: Sequence[Metric]) -> set[str]:
    return set().union(*(metric.class_maps for metric in metrics))


def _evaluate(
    of: str,
    step: int | None,
    split: str | None,
    items: EvaluationItems,
    palette: Palette | None,
    metrics: Sequence[Metric],
    features: FeatureScores | None,
    save: str | Path | None,
    advance: Callable[[int], None],
) -> Evaluation:
    with ExitStack() as stack:
        stack.enter_context(report_all_unreadable(items.files))
        _check_sizes(items, metrics)
        if features is not None and len(items) < 2:
            raise UserError("KID and FID compare sets of images, and there is only 1: 2 or more")
        watchers: list[Callable[[EvaluationItem], None]] = []
        if features is not None:
            watchers.append(features.add)
        if save is not None:
            watchers.append(stack.enter_context(saved_images(Path(save))))

        def on_item(item: EvaluationItem) -> None:
            for watcher in watchers:
                watcher(item)
            advance(len(items))

        results = compute_metrics((items[index] for index in range(len(items))), metrics, on_item)
    estimates = dict(results.estimates)
    identical = results.identical
    note = identical_note(identical, len(results.names)) if identical else None
    notes = [*items.notes(), *([note] if note else []), *results.undefined_notes]
    if features is not None:
        distances, remarks = features.finish()
        estimates |= {name: Estimate(value, np.nan, np.nan) for name, value in distances.items()}
        notes += remarks
    return Evaluation(of, step, split, estimates, results, notes, items, palette)


def _check_sizes(items: EvaluationItems, metrics: Sequence[Metric]) -> None:
    """Refuses images that are too small for a metric, before any is translated or scored."""
    strictest = max(metrics, key=lambda metric: metric.min_size, default=None)
    if strictest is None or strictest.min_size == 1:
        return
    for name, (height, width) in items.sizes():
        for metric in metrics:
            if min(height, width) < metric.min_size:
                others = [one.name for one in metrics if one.min_size <= min(height, width)]
                way_out = f"; it can be scored with --metrics {','.join(others)}" if others else ""
                raise UserError(
                    f"{name}: is {width}×{height} pixels (width × height), and {metric.name} "
                    f"{metric.size_reason}{way_out}"
                )


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
