import math
from dataclasses import replace

import numpy as np
import pytest

from pix2pix_tf.evaluation.metrics.compute import compute_metrics
from pix2pix_tf.evaluation.metrics.metric import EvaluationItem, Metric
from pix2pix_tf.evaluation.metrics.pixel import pixel_metrics


def items(*levels):
    black = np.zeros((8, 8, 1), np.uint8)
    return [
        EvaluationItem(f"{n}", np.full_like(black, level), black) for n, level in enumerate(levels)
    ]


LEVEL = Metric(
    "level",
    lambda item: np.array([item.output[0, 0, 0], 1.0]),
    lambda sums: {"level": sums[:, 0] / sums[:, 1]},
    per_image=True,
)
PSNR = pixel_metrics()[1]


def test_means_and_each_images_own_score():
    seen = []
    results = compute_metrics(items(10, 20, 60), [LEVEL], lambda item: seen.append(item.name))
    assert results.estimates["level"].value == 30
    assert results.per_image == {"level": [10, 20, 60]}
    assert results.names == seen == ["0", "1", "2"]


def test_intervals_are_those_of_the_mean():
    levels = np.random.default_rng(1).normal(100, 20, 400).clip(0, 255).astype(int)
    estimate = compute_metrics(items(*levels), [LEVEL]).estimates["level"]
    standard_error = levels.std() / math.sqrt(len(levels))
    assert estimate.low == pytest.approx(estimate.value - 1.96 * standard_error, abs=0.4)
    assert estimate.high == pytest.approx(estimate.value + 1.96 * standard_error, abs=0.4)


def test_equal_images_leave_no_doubt():
    estimate = compute_metrics(items(7, 7, 7, 7), [LEVEL]).estimates["level"]
    assert (estimate.low, estimate.value, estimate.high) == (7, 7, 7)


@pytest.mark.parametrize("levels", [[7], [0, 7], [0, 7, 0]])
def test_one_image_that_counts_has_no_interval(levels):
    metric = replace(LEVEL, contributes=lambda statistic: statistic[0] > 0)
    estimate = compute_metrics(items(*levels), [metric]).estimates["level"]
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.high)
    two = compute_metrics(items(*levels, 8), [metric]).estimates["level"]
    assert two.low <= two.value <= two.high


def test_identical_outputs_are_left_out_of_mean_psnr_and_of_its_interval():
    black = np.zeros((8, 8, 1), np.uint8)
    made = [EvaluationItem(f"{n}", np.full_like(black, n), black) for n in (0, 51, 0, 102)]
    results = compute_metrics(made, [PSNR])
    estimate, by_hand = results.estimates["psnr"], [-20 * math.log10(share) for share in (0.2, 0.4)]
    assert estimate.value == pytest.approx(sum(by_hand) / 2)
    assert by_hand[1] <= estimate.low + 1e-9
    assert estimate.high <= by_hand[0] + 1e-9
    assert results.per_image["psnr"] == pytest.approx([math.inf, by_hand[0], math.inf, by_hand[1]])
    assert math.isnan(compute_metrics(made[:2], [PSNR]).estimates["psnr"].low)  # of one image
    only = compute_metrics(made[::2], [PSNR]).estimates["psnr"]
    assert only.value == math.inf
    assert math.isnan(only.low)


def test_what_is_undefined_is_said():
    metric = replace(LEVEL, scores=lambda sums: {"x": sums[:, 0] / 0}, undefined_note="x has no y")
    results = compute_metrics(items(0, 0), [metric])
    assert math.isnan(results.estimates["x"].value)
    assert results.undefined_notes == ["x has no y"]
    assert compute_metrics(items(1, 2), [LEVEL]).undefined_notes == []


def test_statistics_of_several_numbers_are_summed_before_they_are_scored():
    ratio = Metric(
        "ratio",
        lambda item: np.array([float(item.output.max()), 2.0]),
        lambda sums: {"ratio": sums[:, 0] / sums[:, 1]},
    )
    results = compute_metrics(items(1, 3), [ratio, LEVEL])
    assert results.estimates["ratio"].value == 1.0
    assert results.sums["ratio"].tolist() == [4, 4]
    assert list(results.estimates) == ["ratio", "level"]
    assert "ratio" not in results.per_image
