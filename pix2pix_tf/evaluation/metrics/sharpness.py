"""Sharpness of outputs: contrast between neighbouring pixels, relative to that of the targets."""

from __future__ import annotations

import numpy as np

from pix2pix_tf.evaluation.metrics.metric import EvaluationItem, Metric
from pix2pix_tf.images.convert import for_display


def neighbour_contrast(image: np.ndarray) -> float:
    """Mean |difference| of neighbouring pixels, down and across, as a share of full range.

    Args:
        image: uint8 or uint16 [H, W, 1..4], at least 2×2.
    """
    levels = for_display(image) / 255
    return float(
        np.mean(np.abs(np.diff(levels, axis=0))) + np.mean(np.abs(np.diff(levels, axis=1)))
    )


def sharpness_metric() -> Metric:
    """The outputs' contrast divided by the targets': below 1 they are blurred, above 1 noisy."""

    def statistic(item: EvaluationItem) -> np.ndarray:
        return np.array([neighbour_contrast(item.output), neighbour_contrast(item.target)])

    def scores(sums: np.ndarray) -> dict[str, np.ndarray]:
        share = sums[:, 0] / sums[:, 1]
        return {"sharpness": np.where(sums[:, 1] > 0, share, np.nan)}

    return Metric(
        "sharpness",
        statistic,
        scores,
        per_image=True,
        min_size=2,
        size_reason="compares neighbouring pixels",
        undefined_note="sharpness is undefined: the targets have no contrast at all",
    )
