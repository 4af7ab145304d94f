"""Evaluation of a run on a split of its data, or of images of any origin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import tensorflow as tf

from pix2pix_tf.evaluation.context import MetricContext, load_metric_context
from pix2pix_tf.evaluation.folder_values import FolderSetting
from pix2pix_tf.evaluation.items import RESIZE, EvaluationItems, FolderItems, RunItems
from pix2pix_tf.evaluation.metrics.compute import Estimate, MetricResults, compute_metrics
from pix2pix_tf.evaluation.metrics.feature_scores import FeatureScores
from pix2pix_tf.evaluation.metrics.metric import (
    EvaluationItem,
    Metric,
    Scores,
    channel_score,
)
from pix2pix_tf.evaluation.metrics.pixel import identical_note
from pix2pix_tf.evaluation.request import DEFAULT_REQUEST, FEATURE_METRICS, MetricRequest
from pix2pix_tf.evaluation.result import Evaluation
from pix2pix_tf.evaluation.saving import saved_images
from pix2pix_tf.evaluation.tensorboard import write_evaluation
from pix2pix_tf.images.folder_names import split_named
from pix2pix_tf.images.png_writer import png_holds
from pix2pix_tf.images.unreadable import report_all_unreadable
from pix2pix_tf.images.value_range import ImageValues
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.runs.data import open_scored
from pix2pix_tf.runs.run import Measurement, Run
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import pluralize

DEFAULT_SETTING = FolderSetting()


def evaluate(
    run_dir: str | Path,
    split: str = "val",
    *,
    request: MetricRequest = DEFAULT_REQUEST,
    direction: str | None = None,
    checkpoint: str = "newest",
    dropout: bool = True,
    save: str | Path | None = None,
    overrides: Sequence[str] = (),
    advance: Callable[[int], None] = lambda total: None,
) -> Evaluation:
    """Scores a run on every pair of a split, and records the scores.

    Pairs have the size of training crops, or their own size if `data.scale` is not `resize`.

    The dropout seed is that of the config, so that L1, PSNR and SSIM are those that training
    printed at the same step. The scores are added to `metrics.json` and the TensorBoard logs of the
    run; if that is not possible, a note says so.

    Args:
        run_dir: The run directory.
        split: `val`, or another folder of the dataset.
        request: The scores to compute.
        direction: `AtoB` or `BtoA`, see `Translator`; by default as in training.
        checkpoint: `newest`, or `best`: the one with the lowest validation L1.
        dropout: Whether dropout is on, which is the noise of the paper (section 3.1). Scores
            without dropout are not recorded.
        save: New folder for the images, see `pix2pix_tf.evaluation.saving.saved_images`.
        overrides: The current location of the data, such as `data.root=DIR`, see
            `pix2pix_tf.runs.data.run_config`.
        advance: Called after each image with the number of all images.

    Returns:
        The scores, with 95% bootstrap intervals over images.

    Raises:
        UserError: There is no such run, checkpoint, direction or split; the pairs were trained on;
            images cannot be read; a metric lacks a file or setting that it needs.

    Example:
        >>> from pix2pix_tf import evaluate
        >>> result = evaluate("runs/sample")
        >>> result.images, list(result.scores)
        (2, ['l1', 'psnr', 'ssim'])
        >>> 0 < result.scores["l1"] < 1  # a share of the full range
        True
    """
    run = Run(Path(run_dir))
    config = run.load_config()
    context = load_metric_context(request, config.data.dataset)
    translator = Translator(run_dir, direction=direction, checkpoint=checkpoint)
    if dropout:
        run.metrics()  # refuses a damaged file now rather than after the evaluation
    split = split_named(split)
    scored = open_scored(run, split, overrides, translator.direction)
    items = RunItems(
        translator, scored.pairs, context.labels, class_maps=context.class_maps, dropout=dropout
    )
    results, notes = _score(items, context, save, advance)
    notes = [*scored.notes, *context.notes(scored), *notes]
    if dropout:
        other = translator.direction if translator.direction != config.data.direction else None
        measurement = Measurement(
            translator.step,
            split,
            checkpoint,
            scored.record.digest(),
            context.dependencies(),
            other,
        )
        direction_suffix = f"-{other}" if other else ""
        data_suffix = "" if scored.own_split else f"-{measurement.data}"
        logs = run.logs / f"evaluation-{split}{direction_suffix}{data_suffix}"
        notes += _record(run, measurement, results, logs if config.logging.tensorboard else None)
    return Evaluation(str(run_dir), results, items, translator.step, split, context.palette, notes)


def evaluate_folders(
    outputs: str | Path,
    targets: str | Path,
    *,
    labels: str | Path | None = None,
    request: MetricRequest = DEFAULT_REQUEST,
    resize: str | None = None,
    setting: FolderSetting = DEFAULT_SETTING,
    save: str | Path | None = None,
    advance: Callable[[int], None] = lambda total: None,
) -> Evaluation:
    """Scores output images of any program against target images.

    Colours are compared in RGB, other images channel by channel as they are. Outputs and targets
    must have the same channels; floats need a range.

    Args:
        outputs: Folder of the outputs, or a pattern with one `*`, see `FolderItems`.
        targets: Folder or pattern of the targets.
        labels: Folder or pattern of the label images that the outputs were made from, for
            `fcn_score`.
        request: The scores to compute.
        resize: `outputs` or `targets`, the images to resize if their sizes differ; None refuses
            such images.
        setting: Range, channels and axes of the images, if they are not those of their files.
        save: New folder for the images, see `pix2pix_tf.evaluation.saving.saved_images`.
        advance: Called after each image with the number of all images.

    Returns:
        The scores, with 95% bootstrap intervals over images.

    Raises:
        UserError: Folders are missing, empty or do not match; sizes differ; images cannot be read;
            a metric lacks a file or setting that it needs.

    Example:
        >>> from pix2pix_tf import evaluate, evaluate_folders
        >>> of_run = evaluate("runs/sample", save="saved")
        >>> of_folders = evaluate_folders("saved/outputs", "saved/targets")
        >>> abs(of_folders.scores["l1"] - of_run.scores["l1"]) < 1e-6
        True
    """
    if resize not in (None, *RESIZE):
        raise UserError(f"--resize {resize}: expected {' or '.join(RESIZE)}")
    context = load_metric_context(request, None)
    if "source" in context.class_maps and labels is None:
        raise UserError(
            "metric fcn_score: needs the label images the outputs were made from; "
            "give their folder with --labels"
        )
    items = FolderItems(
        outputs,
        targets,
        labels,
        context.labels,
        class_maps=context.class_maps,
        resize=resize,
        setting=setting,
    )
    results, notes = _score(items, context, save, advance)
    return Evaluation(
        f"{outputs} against {targets}", results, items, palette=context.palette, notes=notes
    )


def _score(
    items: EvaluationItems,
    context: MetricContext,
    save: str | Path | None,
    advance: Callable[[int], None],
) -> tuple[MetricResults, list[str]]:
    """Scores items, reading each once; returns the scores and notes, one sentence each."""
    _refuse_metrics_of_colours(items, context)
    features = None
    with ExitStack() as stack:
        stack.enter_context(report_all_unreadable(items.files, items.open))
        _check_sizes(items, context.metrics)
        consumers: list[Callable[[EvaluationItem], None]] = []
        if context.network is not None:
            if len(items) < 2:
                raise UserError(
                    "KID and FID compare sets of images, and there is only 1: 2 or more"
                )
            features = FeatureScores(context.request.metrics, context.network)
            consumers.append(features.add)
        if save is not None:
            saved = saved_images(Path(save), items.values, items.channels)
            consumers.append(stack.enter_context(saved))

        def on_item(item: EvaluationItem) -> None:
            for consume in consumers:
                consume(item)
            advance(len(items))

        results = compute_metrics(
            (items[index] for index in range(len(items))), context.metrics, on_item
        )
    notes = [*items.notes()]
    if (note := identical_note(results.identical or 0, len(results.names))) is not None:
        notes.append(note)
    notes += results.undefined_notes
    if features is not None:
        distances, feature_notes = features.compute()
        results.estimates |= {name: Estimate(score) for name, score in distances.items()}
        notes += feature_notes
    return results, [*notes, *l1_in_numbers(items.values, results.scores)]


def l1_in_numbers(values: ImageValues, scores: Scores) -> list[str]:
    """Returns a note with L1 in the numbers of the targets, if they are not plain 8 bits.

    Args:
        values: The type and the meaning of the values of the targets.
        scores: The scores, of single channels too where the range differs by channel.

    Example:
        >>> from pix2pix_tf.images.value_range import ValueRange
        >>> twelve_bits = ImageValues(np.dtype(np.uint16), ValueRange((0.0,), (4095.0,)))
        >>> l1_in_numbers(twelve_bits, {"l1": 0.01})
        ['l1 in the numbers of the targets: 40.95, within [0, 4095]']
    """
    l1 = scores.get("l1")
    if l1 is None or (values.range is None and values.dtype == np.uint8):
        return []
    span = values.of(values.dtype)
    bounds = list(zip(span.low, span.high, strict=True))
    if len(bounds) == 1:
        found = _in_numbers(l1, *bounds[0])
    else:
        found = "; ".join(
            f"channel {number} {_in_numbers(scores[channel_score('l1', number)], *each)}"
            for number, each in enumerate(bounds, 1)
        )
    return [f"l1 in the numbers of the targets: {found}"]


def _in_numbers(l1: float, low: float, high: float) -> str:
    return f"{l1 * (high - low):.4g}, within [{low:.10g}, {high:.10g}]"


def _refuse_metrics_of_colours(items: EvaluationItems, context: MetricContext) -> None:
    """Refuses metrics of colours for images that are none, such as 13 bands or floats.

    Integers of 8 or 16 bits with a range are compared as grey or RGB.
    """
    values, channels = items.values, items.channels
    if values.are_colours(channels) or (png_holds(values.dtype, channels) and channels in (1, 3)):
        return
    names = [metric.name for metric in context.metrics if metric.colours_only]
    names += context.request.chosen(FEATURE_METRICS)
    if names:
        raise UserError(
            f"metric {names[0]}: compares images of grey or RGB of 8 or 16 bits, and these have "
            f"{pluralize(channels, 'channel')} of {values.dtype}; use l1, psnr, ssim or sharpness"
        )


def _check_sizes(items: EvaluationItems, metrics: Sequence[Metric]) -> None:
    """Refuses images that are too small for a metric, before any image is translated or scored."""
    if all(metric.min_size == 1 for metric in metrics):
        return
    for name, (height, width) in items.sizes():
        for metric in metrics:
            if min(height, width) < metric.min_size:
                others = [one.name for one in metrics if one.min_size <= min(height, width)]
                hint = f"; it can be scored with --metrics {','.join(others)}" if others else ""
                raise UserError(
                    f"{name}: is {width}×{height} pixels (width × height), and {metric.name} "
                    f"{metric.size_reason}{hint}"
                )


def _record(
    run: Run, measurement: Measurement, results: MetricResults, logs: Path | None
) -> list[str]:
    """Records the scores of a run; returns a sentence for each place that cannot be written.

    Args:
        run: The run.
        measurement: What was scored.
        results: The scores.
        logs: Folder of TensorBoard's event files, None to write none.
    """
    notes = []
    try:
        run.add_metrics(
            measurement,
            len(results.names),
            results.scores,
            intervals=results.intervals(),
            identical=results.identical,
        )
    except (UserError, OSError) as error:
        notes.append(f"the scores could not be kept: {error}")
    try:
        if logs is not None:
            write_evaluation(logs, measurement.step, results)
    except (UserError, OSError, tf.errors.OpError) as error:
        notes.append(f"the scores could not be kept for TensorBoard: {str(error).splitlines()[0]}")
    return notes
