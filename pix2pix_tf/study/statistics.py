"""The numbers of Tables 4 and 5: how often fakes were labelled real, and what differs by chance.

Participants are what is drawn at random, so they are what is resampled, each with all their trials;
trials of one participant are not independent of each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000


@dataclass(frozen=True)
class Summary:
    """Of the shares (0..1) of fakes that each participant labelled real; NaN where none is defined.

    Attributes:
        mean: Over participants.
        deviation: Standard deviation over participants (n - 1); needs two.
        error: Standard deviation of the mean over bootstrap samples.
        low: Lower end of the 95% bootstrap interval of the mean (percentiles 2.5 and 97.5).
        high: Its upper end.
    """

    mean: float
    deviation: float
    error: float
    low: float
    high: float


def summarise(shares: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> Summary:
    """Summarises one algorithm.

    Args:
        shares: [participants], the share of main trials in which each was fooled, 0..1.
        seed: Of the bootstrap samples, each as many participants drawn with replacement.
        resamples: Number of those samples.
    """
    if shares.size == 0:
        return Summary(*[float("nan")] * 5)
    means = _bootstrap_means(shares, shares.size, np.random.default_rng(seed), resamples)
    low, high = np.percentile(means, [2.5, 97.5])
    deviation = shares.std(ddof=1) if shares.size > 1 else float("nan")
    return Summary(*map(float, (shares.mean(), deviation, means.std(), low, high)))


def p_value(a: np.ndarray, b: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> float:
    """Two-sided bootstrap test of whether two algorithms fool participants alike.

    Under that hypothesis all participants come from one population, for which those of both
    algorithms together stand. Groups as large as the two are drawn from them with replacement; p is
    the share of such draws, counting the observation as one more, whose difference of means is at
    least as large as the observed one, in either direction (Efron and Tibshirani 1993, algorithm
    16.1). NaN where an algorithm has no participant.

    Args:
        a: [participants of one algorithm], shares in 0..1.
        b: [participants of the other].
        seed: Of the draws.
        resamples: Number of draws.
    """
    if a.size == 0 or b.size == 0:
        return float("nan")
    random = np.random.default_rng(seed)
    pool = np.concatenate([a, b])
    differences = _bootstrap_means(pool, a.size, random, resamples) - _bootstrap_means(
        pool, b.size, random, resamples
    )
    observed = abs(a.mean() - b.mean()) - 1e-12  # sums of the same shares differ by rounding
    return float((1 + np.count_nonzero(np.abs(differences) >= observed)) / (resamples + 1))


def _bootstrap_means(
    shares: np.ndarray, size: int, random: np.random.Generator, resamples: int
) -> np.ndarray:
    """[resamples], means of `size` shares drawn with replacement."""
    return shares[random.integers(shares.size, size=(resamples, size))].mean(axis=1)
