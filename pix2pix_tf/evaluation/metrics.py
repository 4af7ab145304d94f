"""How far an output is from its target, image by image: L1, PSNR, SSIM."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

Scores = dict[str, float]


def l1(output: np.ndarray, target: np.ndarray) -> float:
    """Mean |output - target| as a share of the full range, 0..1; for arguments see `image_scores`.

    Each type's full range is its own: 255 of uint8 equals 65535 of uint16.
    """
    return float(np.mean(np.abs(_scaled(output) - _scaled(target))))


def psnr(output: np.ndarray, target: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB, infinite for equal images."""
    first, second = _scaled(output), _scaled(target)
    if np.array_equal(first, second):
        return float("inf")
    return float(peak_signal_noise_ratio(second, first, data_range=1.0))


def ssim(output: np.ndarray, target: np.ndarray) -> float:
    """Mean over channels of the 7×7 uniform-window SSIM of scikit-image; images at least 7×7."""
    return float(
        structural_similarity(_scaled(target), _scaled(output), data_range=1.0, channel_axis=-1)
    )


def image_scores(output: np.ndarray, target: np.ndarray) -> Scores:
    """`l1`, `psnr` and `ssim` of one output.

    Args:
        output: uint8 [H, W, C], at least 7×7.
        target: uint8 or uint16 [H, W, C] of the same size and channels.
    """
    return {"l1": l1(output, target), "psnr": psnr(output, target), "ssim": ssim(output, target)}


def score_pairs(
    translate: Callable[[np.ndarray], np.ndarray],
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    show: Callable[[np.ndarray, np.ndarray, np.ndarray], None] = lambda image, output, target: None,
) -> Scores:
    """Mean of `image_scores` over pairs; `show` is called with each input, output and target."""
    scores = []
    for image, target in (pairs[index] for index in range(len(pairs))):
        output = translate(image)
        show(image, output, target)
        scores.append(image_scores(output, target))
    return mean_scores(scores)


def mean_scores(scores: Iterable[Scores]) -> Scores:
    """The mean of each score over images."""
    rows = list(scores)
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def _scaled(image: np.ndarray) -> np.ndarray:
    return image / np.iinfo(image.dtype).max
