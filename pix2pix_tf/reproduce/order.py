"""Whether scores order variants as the paper's do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True)
class Agreement:
    """Of the pairs of variants that the paper tells apart, how many are in the same order here."""

    agreeing: int
    pairs: int


def order_agreement(paper: Sequence[float], ours: Sequence[float]) -> Agreement:
    """Compares two lists of scores of the same variants, pair by pair.

    Pairs that the paper scores equally are left out; a pair equal only here does not agree.
    """
    apart = [
        (first, second)
        for first, second in combinations(range(len(paper)), 2)
        if paper[first] != paper[second]
    ]
    same = sum((paper[a] - paper[b]) * (ours[a] - ours[b]) > 0 for a, b in apart)
    return Agreement(same, len(apart))
