"""Scores over a set of images with 95% bootstrap intervals, in one pass and constant memory.

Every score of this package follows from statistics that add up over images: a mean from sums, a
histogram from counts, class scores from a confusion matrix. One pass over the images sums them. The
intervals come from 1,000 resamples of the images, summed in the same pass by the Poisson bootstrap:
the weight of an image in a resample is a Poisson variable of mean 1, which for many images is
equivalent to drawing them with replacement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pix2pix_tf.evaluation.metrics.metric import (
    EvaluationItem,
    Metric,
    Scores,
    is_channel_score,
)

RESAMPLES = 1000
_SEED = 0


@dataclass(frozen=True)
class Estimate:
    """A score of a set of images with its 95% bootstrap interval.

    Attributes:
        value: The score; NaN if it is undefined.
        low: Lower end of the interval; NaN if fewer than two images contribute.
        high: Upper end of the interval; NaN likewise.
    """

    value: float
    low: float = np.nan
    high: float = np.nan

    @property
    def has_interval(self) -> bool:
        """Whether the interval is defined."""
        return not np.isnan(self.low)


@dataclass
class MetricResults:
    """Scores of a set of images.

    Attributes:
        names: Names of the images.
        estimates: Scores of the whole set by name, in the order of the metrics.
        per_image: Scores of each image by name, in the order of `names`; not of single channels.
        sums: Statistics summed over all images, by the metric's name.
        undefined_notes: Sentences about metrics whose scores are undefined.
    """

    names: list[str] = field(default_factory=list)
    estimates: dict[str, Estimate] = field(default_factory=dict)
    per_image: dict[str, list[float]] = field(default_factory=dict)
    sums: dict[str, np.ndarray] = field(default_factory=dict)
    undefined_notes: list[str] = field(default_factory=list)

    @property
    def scores(self) -> Scores:
        """The scores of the whole set without their intervals."""
        return {name: estimate.value for name, estimate in self.estimates.items()}

    @property
    def identical(self) -> int | None:
        """Number of outputs identical to their targets; None if PSNR was not computed."""
        return int(np.isinf(self.per_image["psnr"]).sum()) if "psnr" in self.per_image else None

    def intervals(self) -> dict[str, list[float | None]]:
        """Returns the intervals [low, high] of those scores that have one; None if not finite."""
        return {
            name: [float(end) if np.isfinite(end) else None for end in (one.low, one.high)]
            for name, one in self.estimates.items()
            if one.has_interval
        }


def compute_metrics(
    items: Iterable[EvaluationItem],
    metrics: Sequence[Metric],
    on_item: Callable[[EvaluationItem], None] = lambda item: None,
) -> MetricResults:
    """Computes metrics over a set of images, which are read once, one after the other.

    Args:
        items: The images, at least one.
        metrics: The metrics, with different names.
        on_item: Called with each image after it was scored.
    """
    results = MetricResults()
    sums: dict[str, np.ndarray] = {}  # [1 + RESAMPLES, ...]: the set itself, then its resamples
    contributing = dict.fromkeys((metric.name for metric in metrics), 0)
    for number, item in enumerate(items):
        weights = _weights(number)
        results.names.append(item.name)
        for metric in metrics:
            statistic = np.asarray(metric.statistic(item), np.float64)
            if metric.name not in sums:
                sums[metric.name] = np.zeros((len(weights), *statistic.shape))
            _add(sums[metric.name], weights, statistic)
            contributing[metric.name] += bool(metric.contributes(statistic))
            if metric.per_image:
                for name, value in _scores(metric, statistic[np.newaxis]).items():
                    if not is_channel_score(name):
                        results.per_image.setdefault(name, []).append(float(value[0]))
        on_item(item)
    for metric in metrics:
        results.sums[metric.name] = sums[metric.name][0]
        estimates = _estimates(_scores(metric, sums[metric.name]), contributing[metric.name])
        results.estimates |= estimates
        if metric.undefined_note and any(np.isnan(one.value) for one in estimates.values()):
            results.undefined_notes.append(metric.undefined_note)
    return results


def _scores(metric: Metric, sums: np.ndarray) -> dict[str, np.ndarray]:
    with np.errstate(divide="ignore", invalid="ignore"):  # a resample may have no image: NaN
        return metric.scores(sums)


def _weights(number: int) -> np.ndarray:
    """Returns the weights of image `number`: 1 for the set itself, then one for each resample."""
    resampled = np.random.default_rng([_SEED, number]).poisson(1.0, RESAMPLES)
    return np.concatenate([[1], resampled]).astype(np.float64)


def _add(sums: np.ndarray, weights: np.ndarray, statistic: np.ndarray) -> None:
    nonzero = np.flatnonzero(weights)  # about a third of the resamples do not have the image
    shape = (-1,) + (1,) * statistic.ndim
    sums[nonzero] += weights[nonzero].reshape(shape) * statistic


def _estimates(scores: Mapping[str, np.ndarray], contributing: int) -> dict[str, Estimate]:
    estimates = {}
    for name, resampled in scores.items():
        value, others = resampled[0], resampled[1:]
        defined = others[np.isfinite(others)]
        low, high = (
            np.quantile(defined, [0.025, 0.975], method="nearest")
            if contributing > 1 and len(defined)
            else (np.nan, np.nan)
        )
        estimates[name] = Estimate(float(value), float(low), float(high))
    return estimates
