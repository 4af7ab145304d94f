"""Example images of a report: their selection, and their data for the template."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from pix2pix_tf.evaluation.report.images import EmbeddedImage, embed_image
from pix2pix_tf.utils.sampling import evenly_spaced

if TYPE_CHECKING:
    from pix2pix_tf.evaluation.result import Evaluation

SHOWN = 3  # number of images of each group: best, median, worst
_WIDE = 1.4  # smallest width / height at which a card stacks its images

Groups = dict[str, list[int]]


@dataclass(frozen=True)
class Card:
    """One image of the evaluation, encoded for a page.

    Attributes:
        index: Index of the image in the evaluation.
        name: Name of the image.
        wide: Whether its images are stacked instead of side by side.
        images: The `input`, if there is one, the `output` and the `target`.
        scores: Scores of this image by name.
    """

    index: int
    name: str
    wide: bool
    images: dict[str, EmbeddedImage]
    scores: dict[str, float]


@dataclass(frozen=True)
class Examples:
    """The images that a report shows.

    Attributes:
        rankings: Indices of images, by the score that ranks them and the heading of their group.
        groups: Cards of the first ranking, by the heading of their group.
        others: Cards that only the other rankings show.
        scaled: Whether any image was scaled down.
    """

    rankings: dict[str, Groups]
    groups: dict[str, list[Card]]
    others: list[Card]
    scaled: bool


def embed_examples(
    evaluation: Evaluation, advance: Callable[[int], None] = lambda total: None
) -> Examples:
    """Embeds the best, median and worst images by each score, every image once.

    Args:
        evaluation: The evaluation; the chosen images are read again.
        advance: Called after each image with the number of images.
    """
    rankings = choose_examples(evaluation.metric_results.per_image, evaluation.images)
    lists = (members for groups in rankings.values() for members in groups.values())
    shown = list(dict.fromkeys(chain.from_iterable(lists)))
    cards = {}
    for index in shown:
        cards[index] = _card(evaluation, index)
        advance(len(shown))
    first = next(iter(rankings.values()))
    return Examples(
        rankings,
        groups={heading: [cards[index] for index in members] for heading, members in first.items()},
        others=[cards[i] for i in shown if not any(i in members for members in first.values())],
        scaled=any(image.scaled for card in cards.values() for image in card.images.values()),
    )


def choose_examples(per_image: Mapping[str, Sequence[float]], images: int) -> dict[str, Groups]:
    """Chooses the images to show, by the score that ranks them.

    Args:
        per_image: Scores of each image by name, see `MetricResults`.
        images: Number of images.

    Returns:
        Indices of images, by score and then by the heading of their group. SSIM comes first, since
        the page opens with it. Without scores, or with a single image, there is one group of evenly
        spaced images under the score `""`.
    """
    if not per_image or images == 1:
        spread = evenly_spaced(images, 3 * SHOWN)
        return {"": {"Examples": spread}}
    names = sorted(per_image, key=lambda name: name != "ssim")
    return {name: _groups(ranked(per_image[name], name)) for name in names}


def ranked(values: Sequence[float], name: str) -> list[int]:
    """Returns the indices of images from the best to the worst.

    Lower is better for `l1`, a ratio nearer to 1 for `sharpness`, and higher for all other scores.
    Images with equal scores keep their order, and those with undefined scores come last.

    Args:
        values: The score of each image.
        name: Name of the score.
    """
    scores = np.asarray(values, np.float64)
    badness = scores if name == "l1" else -scores
    if name == "sharpness":
        with np.errstate(divide="ignore"):  # an output without any contrast has a sharpness of 0
            badness = np.abs(np.log(scores))
    return np.argsort(badness, kind="stable").tolist()


def _groups(order: list[int]) -> Groups:
    """Returns groups of up to `SHOWN` images each; no image is in two groups."""
    count = min(SHOWN, max(1, len(order) // 3))
    middle = order[count:-count]
    start = max(0, len(middle) - count) // 2
    groups = {
        "Best": order[:count],
        "Median": middle[start : start + count],
        "Worst": order[: -count - 1 : -1],
    }
    return {heading: members for heading, members in groups.items() if members}


def _card(evaluation: Evaluation, index: int) -> Card:
    item, source = evaluation.items[index], evaluation.items.source(index)
    display = evaluation.items.display
    images = {"output": display.target(item.output), "target": display.target(item.target)}
    if source is not None:
        images = {"input": display.input(source), **images}
    height, width = item.output.shape[:2]
    return Card(
        index,
        item.name,
        wide=width > _WIDE * height,
        images={kind: embed_image(image) for kind, image in images.items()},
        scores={
            name: values[index] for name, values in evaluation.metric_results.per_image.items()
        },
    )
