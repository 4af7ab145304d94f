"""L1, PSNR and SSIM between outputs and targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from pix2pix_tf.evaluation.metrics.compute import compute_metrics
from pix2pix_tf.evaluation.metrics.metric import EvaluationItem, Metric, Scores, mean_metric
from pix2pix_tf.images.value_range import EIGHT_BIT, PairValues

SSIM_WINDOW = 7  # height and width of the window in pixels
METRICS = ("l1", "psnr", "ssim")  # the metrics of the validation during training


def l1(output: np.ndarray, target: np.ndarray) -> float:
    """Returns the mean |output - target| as a share of the full range, 0..1.

    The full range is that of the type of each image: 255 in uint8 equals 65535 in uint16, and 1 in
    floats, which are fractions of `data.target_range`.

    Args:
        output: The output, uint8, uint16 or floats in 0..1, [H, W, C].
        target: The target, likewise, of the same size and channels.
    """
    return float(np.mean(np.abs(_scaled(output) - _scaled(target))))


def psnr(output: np.ndarray, target: np.ndarray) -> float:
    """Returns the peak signal-to-noise ratio in dB, infinite for equal images.

    See `l1` for the arguments.
    """
    first, second = _scaled(output), _scaled(target)
    if np.array_equal(first, second):
        return float("inf")
    return float(peak_signal_noise_ratio(second, first, data_range=1.0))


def ssim(output: np.ndarray, target: np.ndarray) -> float:
    """Returns the structural similarity, -1..1; NaN for images smaller than 7×7.

    It is computed by scikit-image with a uniform window of 7×7 pixels, as the mean over channels.
    See `l1` for the arguments.
    """
    if min(target.shape[:2]) < SSIM_WINDOW:
        return float("nan")
    return float(
        structural_similarity(_scaled(target), _scaled(output), data_range=1.0, channel_axis=-1)
    )


def image_scores(output: np.ndarray, target: np.ndarray) -> Scores:
    """Returns `l1`, `psnr` and `ssim` of one output; see `l1` for the arguments."""
    return {"l1": l1(output, target), "psnr": psnr(output, target), "ssim": ssim(output, target)}


def pixel_metrics() -> list[Metric]:
    """Returns the metrics L1, PSNR and SSIM, each the mean over images."""
    ssim_metric = replace(
        mean_metric("ssim", ssim),
        min_size=SSIM_WINDOW,
        size_reason="compares windows of 7×7 pixels",
    )
    return [mean_metric("l1", l1), psnr_metric(), ssim_metric]


def psnr_metric() -> Metric:
    """Returns the metric of the mean PSNR over outputs that differ from their targets.

    It is infinite if all outputs are identical to their targets.
    """

    def statistic(item: EvaluationItem) -> np.ndarray:
        value = psnr(item.output, item.target)
        return np.array([0.0, 0.0, 1.0] if np.isinf(value) else [value, 1.0, 0.0])

    def scores(sums: np.ndarray) -> dict[str, np.ndarray]:
        only_identical = np.where(sums[:, 2] > 0, np.inf, np.nan)
        return {"psnr": np.where(sums[:, 1] > 0, sums[:, 0] / sums[:, 1], only_identical)}

    return Metric(
        "psnr",
        statistic,
        scores,
        per_image=True,
        contributes=lambda statistic: bool(statistic[1] > 0),
    )


def score_pairs(
    translate: Callable[[np.ndarray], np.ndarray],
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    on_pair: Callable[[np.ndarray, np.ndarray, np.ndarray], None] = lambda *images: None,
    values: PairValues = EIGHT_BIT,
) -> Scores:
    """Scores the translations of pairs by L1, PSNR and SSIM, as `pix2pix_tf.evaluate` does.

    Args:
        translate: Function from an input to its output, both [H, W, C].
        pairs: Inputs and targets, at least one pair.
        on_pair: Called with each input, output and target, see `ImageValues.full_scale`.
        values: The meaning of the values of inputs and targets; by default their full range.
    """

    def items() -> Iterator[EvaluationItem]:
        for index in range(len(pairs)):
            image, target = pairs[index]
            output = values.target.full_scale(translate(image))
            target = values.target.full_scale(target)
            on_pair(values.input.full_scale(image), output, target)
            yield EvaluationItem(str(index), output, target)

    return compute_metrics(items(), pixel_metrics()).scores


def identical_note(identical: int, images: int) -> str | None:
    """Returns a note about outputs that are identical to their targets, or None.

    Args:
        identical: Number of outputs that are identical to their targets.
        images: Number of all outputs.
    """
    if not identical:
        return None
    if identical == images:
        return f"all {images} outputs are identical to their targets: there is no PSNR"
    are = "is" if identical == 1 else "are"
    return (
        f"{identical} of {images} outputs {are} identical to their target: PSNR is the mean of "
        f"the other {images - identical}"
    )


def _scaled(image: np.ndarray) -> np.ndarray:
    if image.dtype.kind == "f":
        return image.astype(np.float64)
    return image / np.iinfo(image.dtype).max
