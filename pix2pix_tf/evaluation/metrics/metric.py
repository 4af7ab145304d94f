"""Definition of a metric: a statistic of one image that is summed over images, and its scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

Scores = dict[str, float]
_OF_CHANNEL = "_channel_"


@dataclass(frozen=True)
class EvaluationItem:
    """One image to score: an output and its target.

    Attributes:
        name: Name of the image, unique within an evaluation.
        output: The image to score, [H, W, C]: uint8 or uint16 in full scale, or fractions of
            `data.target_range`, floats in 0..1.
        target: The image it is compared with, likewise.
        class_maps: Class maps, uint8 [H, W], by name: `output` and `target`, if these are label
            images, and `source`, the label image that the output was made from. It has only those
            that the metrics need.
    """

    name: str
    output: np.ndarray
    target: np.ndarray
    class_maps: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Metric:
    """One score, or several that follow from the same statistic.

    Attributes:
        name: Name of the metric, as in `--metrics`.
        statistic: Computes the statistic of one image, an array of any shape; the statistics of all
            images are added.
        scores: Computes the scores by name, each [R], from the summed statistics [R, ...] of R
            sets of images.
        per_image: Whether the scores are defined for a single image too; those of single channels
            are left out there.
        colours_only: Whether the metric is of colours, not of other channels.
        class_maps: Names of the class maps that `statistic` reads: `output`, `target`, `source`.
        min_size: Smallest height and width of an image in pixels.
        size_reason: The reason why smaller images cannot be scored, as the rest of a sentence that
            begins with the name of the metric.
        contributes: Function that returns whether an image with this statistic contributes to the
            scores. A score has an interval if at least two images contribute.
        undefined_note: Sentence that tells the user why the scores are undefined.
    """

    name: str
    statistic: Callable[[EvaluationItem], np.ndarray]
    scores: Callable[[np.ndarray], dict[str, np.ndarray]]
    per_image: bool = False
    colours_only: bool = False
    class_maps: frozenset[str] = frozenset()
    min_size: int = 1
    size_reason: str = ""
    contributes: Callable[[np.ndarray], bool] = np.any
    undefined_note: str = ""


def channel_score(name: str, number: int) -> str:
    """Returns the name of a score of a single channel.

    Example:
        >>> channel_score("l1", 2), is_channel_score("l1_channel_2"), is_channel_score("l1")
        ('l1_channel_2', True, False)
    """
    return f"{name}{_OF_CHANNEL}{number}"


def is_channel_score(name: str) -> bool:
    """Whether a score is of a single channel, by its name."""
    return _OF_CHANNEL in name


def split_channel_score(name: str) -> tuple[str, int]:
    """Returns what `channel_score` made a name of.

    Example:
        >>> split_channel_score("l1_channel_2")
        ('l1', 2)
    """
    score, number = name.split(_OF_CHANNEL)
    return score, int(number)
