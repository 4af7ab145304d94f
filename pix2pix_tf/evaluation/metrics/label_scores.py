"""Segmentation scores of outputs that are label maps, and FCN-scores of those that are photos."""

from __future__ import annotations

import numpy as np

from pix2pix_tf.evaluation.metrics.metric import EvaluationItem, Metric
from pix2pix_tf.images.convert import for_display
from pix2pix_tf.segmentation.palette import VOID, Palette
from pix2pix_tf.segmentation.scores import confusion_matrix, segmentation_scores
from pix2pix_tf.segmentation.segmenter import Segmenter
from pix2pix_tf.utils.errors import UserError


def segmentation_metric(palette: Palette) -> Metric:
    """Returns the metric of accuracy and IoU of outputs that are label maps (Table 6).

    Args:
        palette: Palette of the label maps.
    """
    count = len(palette.classes)

    def statistic(item: EvaluationItem) -> np.ndarray:
        output, target = item.class_maps["output"], item.class_maps["target"]
        if ((output == VOID) & (target != VOID)).any():
            raise UserError(
                f"{item.name}: the output has the value {VOID} where its target has a class: "
                f"among class numbers that is void, and no class; outputs must show one (if they "
                "show the palette's greys: --no-label-ids)"
            )
        return confusion_matrix(output, target, count)

    return Metric(
        "segmentation",
        statistic,
        segmentation_scores,
        colours_only=True,
        class_maps=frozenset({"output", "target"}),
        undefined_note="segmentation scores are undefined: no pixel of the true labels has a class",
    )


def fcn_metric(segmenter: Segmenter) -> Metric:
    """Returns the FCN-score: how well a segmenter recognizes the input labels (Table 1).

    Photos are segmented at their original size, which for a run is that of training; the program of
    the authors enlarges them to 1024×2048 first. The scores `fcn_truth_...` are those of the target
    photos, an upper bound for the outputs.

    Args:
        segmenter: The segmenter, which is applied to outputs and targets.
    """
    count = len(segmenter.palette.classes)

    def statistic(item: EvaluationItem) -> np.ndarray:
        return np.stack(
            [
                confusion_matrix(segmenter(for_display(photo)), item.class_maps["source"], count)
                for photo in (item.output, item.target)
            ]
        )

    def scores(sums: np.ndarray) -> dict[str, np.ndarray]:
        outputs, targets = segmentation_scores(sums[:, 0]), segmentation_scores(sums[:, 1])
        return {
            **{f"fcn_{name}": value for name, value in outputs.items()},
            **{f"fcn_truth_{name}": value for name, value in targets.items()},
        }

    return Metric(
        "fcn_score",
        statistic,
        scores,
        colours_only=True,
        class_maps=frozenset({"source"}),
        undefined_note="FCN-scores are undefined: no pixel of the labels has a class",
    )
