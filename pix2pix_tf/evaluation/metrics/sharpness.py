"""Sharpness of outputs: contrast between neighbouring pixels, relative to that of the targets."""

from __future__ import annotations

import numpy as np

from pix2pix_tf.evaluation.metrics.metric import EvaluationItem, Metric
from pix2pix_tf.images.convert import for_display
from pix2pix_tf.images.png_writer import png_holds


def neighbour_contrast(image: np.ndarray) -> float:
    """Returns the mean |difference| of neighbouring pixels, as a share of the full range.

    It is the sum of the mean over vertical neighbours and the mean over horizontal neighbours.

    Args:
        image: The image, at least 2×2: colours, of which red, green and blue over white are
            compared, or other channels in full scale, all of which are.
    """
    if png_holds(image.dtype, image.shape[-1]):
        levels = for_display(image) / 255
    else:
        levels = image if image.dtype.kind == "f" else image / np.iinfo(image.dtype).max
    return float(
        np.mean(np.abs(np.diff(levels, axis=0))) + np.mean(np.abs(np.diff(levels, axis=1)))
    )


def sharpness_metric() -> Metric:
    """Returns the metric of the contrast of the outputs divided by that of the targets.

    Below 1 the outputs are more blurred than the targets, above 1 they are noisier.
    """

    def statistic(item: EvaluationItem) -> np.ndarray:
        return np.array([neighbour_contrast(item.output), neighbour_contrast(item.target)])

    def scores(sums: np.ndarray) -> dict[str, np.ndarray]:
        ratio = sums[:, 0] / sums[:, 1]
        return {"sharpness": np.where(sums[:, 1] > 0, ratio, np.nan)}

    return Metric(
        "sharpness",
        statistic,
        scores,
        per_image=True,
        min_size=2,
        size_reason="compares neighbouring pixels",
        undefined_note="sharpness is undefined: the targets have no contrast at all",
    )
