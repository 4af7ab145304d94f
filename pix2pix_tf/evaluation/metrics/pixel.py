"""L1, PSNR and SSIM between outputs and targets.

They are of all channels together. Of images whose channels are not colours, the metrics have the
scores of each channel too (`l1_channel_1`), since one of 13 bands can be bad unseen in their mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from pix2pix_tf.evaluation.metrics.compute import compute_metrics
from pix2pix_tf.evaluation.metrics.metric import (
    EvaluationItem,
    Metric,
    Scores,
    channel_score,
)
from pix2pix_tf.images.png_writer import png_holds
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
    return float(np.mean(_channel_ssim(output, target)))


def image_scores(output: np.ndarray, target: np.ndarray) -> Scores:
    """Returns `l1`, `psnr` and `ssim` of one output; see `l1` for the arguments."""
    return {"l1": l1(output, target), "psnr": psnr(output, target), "ssim": ssim(output, target)}


def pixel_metrics() -> list[Metric]:
    """Returns the metrics L1, PSNR and SSIM, each the mean over images.

    They include the scores of single channels if the channels are not colours. PSNR is the mean
    over outputs that differ from their targets; it is infinite if all are identical to them.
    """

    def l1_statistic(item: EvaluationItem) -> np.ndarray:
        errors = [l1(*images) for images in (_images(item), *_channels(item))]
        return np.array([1.0, *errors])

    def psnr_statistic(item: EvaluationItem) -> np.ndarray:
        values = [psnr(*images) for images in (_images(item), *_channels(item))]
        return np.array(
            [[0.0, 0.0, 1.0] if np.isinf(value) else [value, 1.0, 0.0] for value in values]
        )

    def ssim_statistic(item: EvaluationItem) -> np.ndarray:
        channels = _channel_ssim(*_images(item))  # the slowest score, computed once
        return np.array([1.0, np.mean(channels), *(channels if _by_channel(item) else ())])

    def psnr_scores(sums: np.ndarray) -> dict[str, np.ndarray]:
        only_identical = np.where(sums[..., 2] > 0, np.inf, np.nan)
        means = np.where(sums[..., 1] > 0, sums[..., 0] / sums[..., 1], only_identical)
        return _named("psnr", means)

    return [
        Metric("l1", l1_statistic, partial(_mean_scores, "l1"), per_image=True),
        Metric(
            "psnr",
            psnr_statistic,
            psnr_scores,
            per_image=True,
            contributes=lambda statistic: bool(statistic[0, 1] > 0),
        ),
        Metric(
            "ssim",
            ssim_statistic,
            partial(_mean_scores, "ssim"),
            per_image=True,
            min_size=SSIM_WINDOW,
            size_reason="compares windows of 7×7 pixels",
        ),
    ]


def score_pairs(
    translate: Callable[[np.ndarray], np.ndarray],
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    on_pair: Callable[[np.ndarray, np.ndarray, np.ndarray], None] = lambda *images: None,
    values: PairValues = EIGHT_BIT,
) -> Scores:
    """Scores the translations of pairs by `pixel_metrics`, as `pix2pix_tf.evaluate` does.

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


def _images(item: EvaluationItem) -> tuple[np.ndarray, np.ndarray]:
    return item.output, item.target


def _by_channel(item: EvaluationItem) -> bool:
    """Whether single channels are scored: several that are not colours."""
    channels = item.target.shape[-1]
    return channels > 1 and not png_holds(item.target.dtype, channels)


def _channels(item: EvaluationItem) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Returns output and target of each channel that is scored by itself, [H, W, 1]."""
    for k in range(item.target.shape[-1] if _by_channel(item) else 0):
        yield item.output[..., k : k + 1], item.target[..., k : k + 1]


def _mean_scores(name: str, sums: np.ndarray) -> dict[str, np.ndarray]:
    """Returns means from sums [R, 1 + K]: the number of images, then the sum of each score."""
    return _named(name, sums[:, 1:] / sums[:, :1])


def _named(name: str, scores: np.ndarray) -> dict[str, np.ndarray]:
    """Names scores [R, K]: that of all channels, then those of single channels."""
    names = [name, *(channel_score(name, number) for number in range(1, scores.shape[1]))]
    return dict(zip(names, scores.T, strict=True))


def _channel_ssim(output: np.ndarray, target: np.ndarray) -> list[float]:
    """Returns the SSIM of each channel; NaN for images smaller than 7×7."""
    if min(target.shape[:2]) < SSIM_WINDOW:
        return [float("nan")] * target.shape[-1]
    first, second = _scaled(target), _scaled(output)
    return [
        float(structural_similarity(first[..., k], second[..., k], data_range=1.0))
        for k in range(target.shape[-1])
    ]


def _scaled(image: np.ndarray) -> np.ndarray:
    if image.dtype.kind == "f":
        return image.astype(np.float64)
    return image / np.iinfo(image.dtype).max
