"""Statistics of Tables 4 and 5: how often fakes were labelled real, and bootstrap tests.

The bootstrap resamples participants, each with all of their trials: trials of one participant are
not independent of each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000


@dataclass(frozen=True)
class Summary:
    """Statistics of the shares (0..1) of fakes that participants labelled real; NaN if undefined.

    Attributes:
        mean: Mean over participants.
        standard_deviation: Sample standard deviation (n - 1) over two or more participants.
        standard_error: Standard deviation of the mean over bootstrap samples.
        low: Lower end of the 95% percentile bootstrap interval of the mean.
        high: Upper end of that interval.
    """

    mean: float
    standard_deviation: float
    standard_error: float
    low: float
    high: float


def summarize(shares: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> Summary:
    """Summarizes the answers to one algorithm.

    Args:
        shares: float [participants], each one's share of main trials in which the fake was labelled
            real, 0..1.
        seed: Random seed of the bootstrap.
        resamples: Number of bootstrap samples, each of as many participants, with replacement.
    """
    if shares.size == 0:
        return Summary(*[float("nan")] * 5)
    means = _bootstrap_means(shares, shares.size, np.random.default_rng(seed), resamples)
    low, high = np.percentile(means, [2.5, 97.5])
    deviation = shares.std(ddof=1) if shares.size > 1 else float("nan")
    return Summary(*map(float, (shares.mean(), deviation, means.std(), low, high)))


def p_value(a: np.ndarray, b: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> float:
    """Two-sided bootstrap test of the hypothesis that two algorithms fool participants alike.

    Under the hypothesis all participants come from one population, which the pooled participants
    estimate. Two groups of the observed sizes are drawn from the pool with replacement; p is the
    share of draws, the observation counted as one of them, whose absolute difference of means is
    at least the observed one (Efron and Tibshirani 1993, algorithm 16.1).

    Args:
        a: float [participants of one algorithm], shares in 0..1.
        b: float [participants of the other algorithm].
        seed: Random seed of the draws.
        resamples: Number of draws.

    Returns:
        p, in 0..1; NaN where an algorithm has no participant.
    """
    if a.size == 0 or b.size == 0:
        return float("nan")
    random = np.random.default_rng(seed)
    pooled = np.concatenate([a, b])
    differences = _bootstrap_means(pooled, a.size, random, resamples) - _bootstrap_means(
        pooled, b.size, random, resamples
    )
    observed = abs(a.mean() - b.mean()) - 1e-12  # equal sums differ by rounding
    return float((1 + np.count_nonzero(np.abs(differences) >= observed)) / (resamples + 1))


def _bootstrap_means(
    shares: np.ndarray, size: int, random: np.random.Generator, resamples: int
) -> np.ndarray:
    """Means of `size` shares drawn with replacement, float [resamples]."""
    return shares[random.integers(shares.size, size=(resamples, size))].mean(axis=1)
