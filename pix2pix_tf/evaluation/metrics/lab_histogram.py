"""Histograms of colours in Lab and their intersection (the paper's Figure 7)."""

from __future__ import annotations

import numpy as np
from skimage.color import rgb2lab

from pix2pix_tf.evaluation.metrics.metric import EvaluationItem, Metric
from pix2pix_tf.images.convert import for_display

BINS = 100
RANGES = {"l": (0.0, 100.0), "a": (-110.0, 110.0), "b": (-110.0, 110.0)}


def lab_counts(image: np.ndarray) -> np.ndarray:
    """Counts the pixels in each bin of the histograms of L, a and b.

    Args:
        image: The image, uint8 or uint16 [H, W, 1..4]; alpha is composited over white.

    Returns:
        Numbers of pixels, int64 [3, 100], for L, a and b over `RANGES`.
    """
    lab = rgb2lab(for_display(image))
    return np.stack(
        [
            np.histogram(np.clip(lab[..., channel], *span), BINS, span)[0]
            for channel, span in enumerate(RANGES.values())
        ]
    )


def intersection(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns Σ min(p, q) of two histograms normalized to a sum of 1.

    Args:
        first: A histogram, [..., bins].
        second: The other histogram, likewise.

    Returns:
        The intersection, [...] in 0..1.
    """
    p = first / first.sum(-1, keepdims=True)
    q = second / second.sum(-1, keepdims=True)
    return np.minimum(p, q).sum(-1)


def lab_histogram_metric() -> Metric:
    """Returns the metric of the intersection of Lab histograms of outputs and targets (Figure 7).

    The histograms are of all images together, not means of histograms of single images.
    """

    def statistic(item: EvaluationItem) -> np.ndarray:
        return np.stack([lab_counts(item.output), lab_counts(item.target)])

    return Metric("lab_histogram", statistic, _scores, colours_only=True)


def _scores(sums: np.ndarray) -> dict[str, np.ndarray]:
    shared = intersection(sums[:, 0], sums[:, 1])  # [R, 3]
    return {f"lab_{channel}": shared[:, number] for number, channel in enumerate(RANGES)}
