"""Result of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pix2pix_tf.evaluation.items import EvaluationItems
from pix2pix_tf.evaluation.metrics.compute import Estimate, MetricResults
from pix2pix_tf.evaluation.metrics.metric import (
    Scores,
    is_channel_score,
    split_channel_score,
)
from pix2pix_tf.segmentation.palette import Palette


@dataclass(frozen=True)
class ChannelScores:
    """The scores of one channel that is no colour.

    Attributes:
        name: Name of the channel; its number, from 1, if it has none.
        columns: Scores by their heading: `l1`, `l1 in its numbers` (those of the targets), `psnr`,
            `ssim`; only those that were computed.
    """

    name: str
    columns: Mapping[str, float]


@dataclass(frozen=True)
class Evaluation:
    """The scores of a set of images.

    Attributes:
        title: Description of what was scored.
        metric_results: The scores of all images and of each image, and the statistics behind them.
        items: The images, which can be read again.
        step: Training step of the generator, None for images of other origin.
        split: Split of the data of the run, None likewise.
        palette: Palette of the label images, None if no metric needs class maps.
        notes: Notes about the scores for the user, one sentence each.
        channel_names: Names of the channels of targets; empty if they have none.

    Example:
        >>> from pix2pix_tf import evaluate
        >>> result = evaluate("runs/sample")
        >>> list(result.intervals()) == list(result.scores)  # 95 %, by resampling the images
        True
    """

    title: str
    metric_results: MetricResults
    items: EvaluationItems
    step: int | None = None
    split: str | None = None
    palette: Palette | None = None
    notes: list[str] = field(default_factory=list)
    channel_names: tuple[str, ...] = ()

    @property
    def images(self) -> int:
        """Number of images that were scored."""
        return len(self.metric_results.names)

    @property
    def identical(self) -> int | None:
        """Number of outputs identical to their targets; None if PSNR was not computed."""
        return self.metric_results.identical

    @property
    def estimates(self) -> dict[str, Estimate]:
        """The scores by name, with their intervals."""
        return self.metric_results.estimates

    @property
    def scores(self) -> Scores:
        """The scores by name, over all images; NaN where a score is undefined."""
        return self.metric_results.scores

    def intervals(self) -> dict[str, list[float | None]]:
        """Computes the 95% bootstrap intervals of those scores that have one.

        Returns:
            [low, high] by the score's name; None where an end is undefined.
        """
        return self.metric_results.intervals()

    def channel_scores(self) -> list[ChannelScores]:
        """Returns the scores of each channel that is no colour.

        Returns:
            The scores, in the order of the channels; none if there is one channel, or if channels
            are colours.
        """
        columns: dict[int, dict[str, float]] = {}
        for name, score in self.scores.items():
            if not is_channel_score(name):
                continue
            metric, number = split_channel_score(name)
            column = columns.setdefault(number, {})
            column[metric] = score
            if metric == "l1":
                column["l1 in its numbers"] = score * self._width(number)
        names = self.channel_names
        return [
            ChannelScores(names[number - 1] if names else str(number), columns[number])
            for number in sorted(columns)
        ]

    def _width(self, number: int) -> float:
        """Returns the difference of the largest and the smallest value of a channel."""
        values = self.items.values
        span = values.of(values.dtype)
        place = number - 1 if len(span.low) > 1 else 0
        return span.high[place] - span.low[place]

    def to_json(self) -> dict[str, Any]:
        """Converts the evaluation to values for JSON.

        Returns:
            Title, step, split, scores with intervals, and the scores of each image; numbers that
            are not finite are None.
        """
        per_image = self.metric_results.per_image
        return {
            "title": self.title,
            "step": self.step,
            "split": self.split,
            "images": self.images,
            "scores": {name: _finite(score) for name, score in self.scores.items()},
            "intervals": self.intervals(),
            "identical": self.identical,
            "notes": self.notes,
            "per_image": {
                name: {score: _finite(values[number]) for score, values in per_image.items()}
                for number, name in enumerate(self.metric_results.names)
            },
        }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
