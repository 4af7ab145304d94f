"""Which images a report shows: the best, the median and the worst by each score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

SHOWN = 3  # of each kind

Groups = dict[str, list[int]]


def choose_examples(each: Mapping[str, Sequence[float]], images: int) -> dict[str, Groups]:
    """The images to show, by the score that ranks them.

    Args:
        each: Scores of each image by name, see `MetricResults`.
        images: How many there are.

    Returns:
        By score, then by the heading they stand under, indices of images. SSIM comes first: the
        page opens with it. Where nothing ranks the images, there is one group under the score `""`,
        spread evenly.
    """
    if not each or images == 1:
        spread = np.linspace(0, images - 1, min(images, 3 * SHOWN)).round().astype(int)
        return {"": {"Examples": spread.tolist()}}
    names = sorted(each, key=lambda name: name != "ssim")
    return {name: _groups(ranked(each[name], name)) for name in names}


def ranked(values: Sequence[float], name: str) -> list[int]:
    """Indices of images from the best to the worst.

    Equals stay in their order, undefined scores come last. Of `l1` less is better, of `sharpness`
    what is nearest to 1 by ratio, of all others more.
    """
    scores = np.asarray(values, np.float64)
    with np.errstate(divide="ignore"):  # an output without any contrast
        badness = {"l1": scores, "sharpness": np.abs(np.log(scores))}.get(name, -scores)
    return np.argsort(badness, kind="stable").tolist()


def _groups(order: list[int]) -> Groups:
    """Up to three each, none of them twice."""
    count = min(SHOWN, max(1, len(order) // 3))
    between = order[count:-count]
    start = max(0, len(between) - count) // 2
    groups = {
        "Best": order[:count],
        "Median": between[start : start + count],
        "Worst": order[: -count - 1 : -1],
    }
    return {heading: members for heading, members in groups.items() if members}
