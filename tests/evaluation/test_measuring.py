import math

import numpy as np
import pytest

from pix2pix_tf.evaluation.measuring import Metric, Subject, mean_metric, measure


def subjects(*levels):
    black = np.zeros((8, 8, 1), np.uint8)
    return [Subject(f"{n}", np.full_like(black, level), black) for n, level in enumerate(levels)]


LEVEL = mean_metric("level", lambda output, target: float(output[0, 0, 0]))


def test_means_and_each_images_own_score():
    seen = []
    measured = measure(subjects(10, 20, 60), [LEVEL], lambda subject: seen.append(subject.name))
    assert measured.scores["level"].value == 30
    assert measured.each == {"level": [10, 20, 60]}
    assert measured.names == seen == ["0", "1", "2"]


def test_intervals_are_those_of_the_mean():
    levels = np.random.default_rng(1).normal(100, 20, 400).clip(0, 255).astype(int)
    estimate = measure(subjects(*levels), [LEVEL]).scores["level"]
    standard_error = levels.std() / math.sqrt(len(levels))
    assert estimate.low == pytest.approx(estimate.value - 1.96 * standard_error, abs=0.4)
    assert estimate.high == pytest.approx(estimate.value + 1.96 * standard_error, abs=0.4)


def test_equal_images_leave_no_doubt():
    estimate = measure(subjects(7, 7, 7, 7), [LEVEL]).scores["level"]
    assert (estimate.low, estimate.value, estimate.high) == (7, 7, 7)


def test_an_infinite_score_makes_the_mean_infinite_and_the_interval_says_so():
    infinite = mean_metric("psnr", lambda output, target: math.inf if output.any() else 20.0)
    estimate = measure(subjects(0, 0, 0, 9), [infinite]).scores["psnr"]
    assert estimate.value == math.inf
    assert (estimate.low, estimate.high) == (20, math.inf)


def test_statistics_of_several_numbers_are_summed_before_they_are_scored():
    ratio = Metric(
        "ratio",
        lambda subject: np.array([float(subject.output.max()), 2.0]),
        lambda sums: {"ratio": sums[:, 0] / sums[:, 1]},
    )
    measured = measure(subjects(1, 3), [ratio, LEVEL])
    assert measured.scores["ratio"].value == 1.0
    assert measured.sums["ratio"].tolist() == [4, 4]
    assert list(measured.scores) == ["ratio", "level"]
    assert "ratio" not in measured.each
