"""Scores over a set of images with 95% bootstrap intervals, in one pass and constant memory.

Every score of this package follows from statistics that add up over images: a mean from sums, a
histogram from counts, class scores from a confusion matrix. So one pass sums them; the intervals
come of 1,000 resamples of the images, summed in the same pass (the Poisson bootstrap: each image
counts as often in each resample as a Poisson variable of mean 1 says, which for many images is
drawing with replacement).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

RESAMPLES = 1000
_SEED = 0


@dataclass(frozen=True)
class Subject:
    """One image to score: what was made and what should have been.

    Attributes:
        name: What it is called.
        output: uint8 [H, W, C].
        target: uint8 or uint16 [H, W, C].
        classes: Class maps, uint8 [H, W], those that the metrics ask for: of `output` and `target`
            where they are label pictures, and of the `source` that the output was made from.
    """

    name: str
    output: np.ndarray
    target: np.ndarray
    classes: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Metric:
    """A score, or several that follow from one statistic.

    Attributes:
        name: As `--metrics` has it.
        statistic: Of one image, an array of any shape; those of all images are added.
        scores: From sums [R, ...] of R resamples to the scores' values by name, each [R].
        each: Whether a single image has these scores too.
        needs: Which class maps of a subject it looks at: of `output`, `target`, `source`.
        smallest: The side that images must have at least, and why in `size_reason`.
        size_reason: What it does that smaller images do not allow.
        counts: Whether an image with this statistic adds to the scores. By two that do, a score has
            an interval.
        undefined: Why its scores may be no numbers, as a sentence for the reader.
    """

    name: str
    statistic: Callable[[Subject], np.ndarray]
    scores: Callable[[np.ndarray], dict[str, np.ndarray]]
    each: bool = False
    needs: frozenset[str] = frozenset()
    smallest: int = 1
    size_reason: str = ""
    counts: Callable[[np.ndarray], bool] = np.any
    undefined: str = ""


@dataclass(frozen=True)
class Estimate:
    """A score with its 95% bootstrap interval over images.

    NaN is a score that is undefined, or an interval that there is none of: two images make one.
    """

    value: float
    low: float
    high: float


@dataclass
class Measured:
    """What came of scoring images.

    Attributes:
        names: Of the images.
        scores: By name, in the metrics' order.
        each: Scores of each image, in the order of `names`.
        sums: The summed statistic of each metric, by the metric's name.
        undefined: Sentences about metrics whose scores are undefined.
    """

    names: list[str] = field(default_factory=list)
    scores: dict[str, Estimate] = field(default_factory=dict)
    each: dict[str, list[float]] = field(default_factory=dict)
    sums: dict[str, np.ndarray] = field(default_factory=dict)
    undefined: list[str] = field(default_factory=list)


def measure(
    subjects: Iterable[Subject],
    metrics: Sequence[Metric],
    watch: Callable[[Subject], None] = lambda subject: None,
) -> Measured:
    """Scores subjects one after the other; `watch` is called with each when it is scored."""
    measured = Measured()
    sums: dict[str, np.ndarray] = {}
    counted = dict.fromkeys((metric.name for metric in metrics), 0)
    for number, subject in enumerate(subjects):
        weights = _weights(number)
        measured.names.append(subject.name)
        for metric in metrics:
            statistic = np.asarray(metric.statistic(subject), np.float64)
            if metric.name not in sums:
                sums[metric.name] = np.zeros((len(weights), *statistic.shape))
            _add(sums[metric.name], weights, statistic)
            counted[metric.name] += bool(metric.counts(statistic))
            if metric.each:
                for name, value in _scores(metric, statistic[np.newaxis]).items():
                    measured.each.setdefault(name, []).append(float(value[0]))
        watch(subject)
    for metric in metrics:
        measured.sums[metric.name] = sums[metric.name][0]
        estimates = _estimates(_scores(metric, sums[metric.name]), counted[metric.name])
        measured.scores |= estimates
        if metric.undefined and any(np.isnan(each.value) for each in estimates.values()):
            measured.undefined.append(metric.undefined)
    return measured


def _scores(metric: Metric, sums: np.ndarray) -> dict[str, np.ndarray]:
    with np.errstate(divide="ignore", invalid="ignore"):  # a resample may have no image: NaN
        return metric.scores(sums)


def mean_metric(name: str, score: Callable[[np.ndarray, np.ndarray], float]) -> Metric:
    """The metric whose score is the mean over images of `score(output, target)`."""

    def statistic(subject: Subject) -> np.ndarray:
        return np.array([score(subject.output, subject.target), 1.0])

    def scores(sums: np.ndarray) -> dict[str, np.ndarray]:
        return {name: sums[:, 0] / sums[:, 1]}

    return Metric(name, statistic, scores, each=True)


def values(scores: Mapping[str, Estimate]) -> dict[str, float]:
    """The scores without their intervals."""
    return {name: estimate.value for name, estimate in scores.items()}


def _weights(number: int) -> np.ndarray:
    """How often image `number` counts: once in the set itself, then in each resample."""
    resampled = np.random.default_rng([_SEED, number]).poisson(1.0, RESAMPLES)
    return np.concatenate([[1], resampled]).astype(np.float64)


def _add(sums: np.ndarray, weights: np.ndarray, statistic: np.ndarray) -> None:
    counted = np.flatnonzero(weights)  # a third of the resamples is without it
    shape = (-1,) + (1,) * statistic.ndim
    sums[counted] += weights[counted].reshape(shape) * statistic


def _estimates(scores: Mapping[str, np.ndarray], images: int) -> dict[str, Estimate]:
    estimates = {}
    for name, resampled in scores.items():
        value, others = resampled[0], resampled[1:]
        defined = others[np.isfinite(others)]
        low, high = (
            np.quantile(defined, [0.025, 0.975], method="nearest")
            if images > 1 and len(defined)
            else (np.nan, np.nan)
        )
        estimates[name] = Estimate(float(value), float(low), float(high))
    return estimates
