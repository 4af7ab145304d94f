"""How far an output is from its target, image by image: L1, PSNR, SSIM."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from pix2pix_tf.evaluation.metrics.measuring import Metric, Subject

Scores = dict[str, float]
SSIM_WINDOW = 7  # pixels a side
METRICS = ("l1", "psnr", "ssim")  # what a training validates by


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
    """Mean over channels of the 7×7 uniform-window SSIM of scikit-image; NaN of smaller images."""
    if min(target.shape[:2]) < SSIM_WINDOW:
        return float("nan")
    return float(
        structural_similarity(_scaled(target), _scaled(output), data_range=1.0, channel_axis=-1)
    )


def image_scores(output: np.ndarray, target: np.ndarray) -> Scores:
    """`l1`, `psnr` and `ssim` of one output.

    Args:
        output: uint8 [H, W, C].
        target: uint8 or uint16 [H, W, C] of the same size and channels.
    """
    return {"l1": l1(output, target), "psnr": psnr(output, target), "ssim": ssim(output, target)}


def score_pairs(
    translate: Callable[[np.ndarray], np.ndarray],
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    show: Callable[[np.ndarray, np.ndarray, np.ndarray], None] = lambda image, output, target: None,
) -> Scores:
    """`mean_scores` over pairs; `show` is called with each input, output and target."""
    scores = []
    for image, target in (pairs[index] for index in range(len(pairs))):
        output = translate(image)
        show(image, output, target)
        scores.append(image_scores(output, target))
    return mean_scores(scores)


def mean_scores(scores: Iterable[Scores]) -> Scores:
    """The mean of each score over images.

    Outputs that are identical to their targets have an infinite PSNR, and are left out of its mean:
    NaN where there are no others.
    """
    rows = list(scores)
    return {name: _mean([row[name] for row in rows]) for name in rows[0]}


def psnr_metric() -> Metric:
    """The mean PSNR over images that are not identical to their targets; infinite if all are."""

    def statistic(subject: Subject) -> np.ndarray:
        value = psnr(subject.output, subject.target)
        return np.array([0.0, 0.0, 1.0] if np.isinf(value) else [value, 1.0, 0.0])

    def scores(sums: np.ndarray) -> dict[str, np.ndarray]:
        only_identical = np.where(sums[:, 2] > 0, np.inf, np.nan)
        return {"psnr": np.where(sums[:, 1] > 0, sums[:, 0] / sums[:, 1], only_identical)}

    return Metric("psnr", statistic, scores, each=True, counts=lambda statistic: statistic[1] > 0)


def identical_note(identical: int, images: int) -> str | None:
    """A sentence about outputs that are identical to their targets, where there are any."""
    if not identical:
        return None
    if identical == images:
        return f"all {images} outputs are identical to their targets: there is no PSNR"
    are = "is" if identical == 1 else "are"
    return (
        f"{identical} of {images} outputs {are} identical to their target: PSNR is the mean of "
        f"the other {images - identical}"
    )


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if not np.isinf(value)]
    return float(np.mean(finite)) if finite else float("nan")


def _scaled(image: np.ndarray) -> np.ndarray:
    return image / np.iinfo(image.dtype).max
