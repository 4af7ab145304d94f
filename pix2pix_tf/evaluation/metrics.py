"""How far an output is from its target, image by image: L1, PSNR, SSIM."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

Scores = dict[str, float]

# Name, unit and direction of every score, for tables.
SCORES = {
    "l1": "mean |error| of full range, lower is better",
    "psnr": "dB, higher is better",
    "ssim": "-1..1, higher is better",
}


def image_scores(output: np.ndarray, target: np.ndarray) -> Scores:
    """Scores of one output.

    Args:
        output: uint8 [H, W, C], at least 7×7.
        target: uint8 or uint16 [H, W, C] of the same size and channels.

    Returns:
        `l1`: mean |output - target| as a share of the full range, 0..1. `psnr`: dB, infinite for
            equal images.
        `ssim`: mean over channels of the 7×7 uniform-window SSIM of scikit-image.
    """
    first = output / np.iinfo(output.dtype).max
    second = target / np.iinfo(target.dtype).max
    if np.array_equal(first, second):
        return {"l1": 0.0, "psnr": float("inf"), "ssim": 1.0}
    return {
        "l1": float(np.mean(np.abs(first - second))),
        "psnr": float(peak_signal_noise_ratio(second, first, data_range=1.0)),
        "ssim": float(structural_similarity(second, first, data_range=1.0, channel_axis=-1)),
    }


def score_pairs(
    translate: Callable[[np.ndarray], np.ndarray],
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    advance: Callable[[int], None] = lambda total: None,
) -> Scores:
    """Mean of `image_scores` over pairs; `advance` is called after each with the number of all."""
    rows = []
    for index in range(len(pairs)):
        image, target = pairs[index]
        rows.append(image_scores(translate(image), target))
        advance(len(pairs))
    return mean_scores(rows)


def mean_scores(scores: Iterable[Scores]) -> Scores:
    """The mean of each score over images."""
    rows = list(scores)
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
