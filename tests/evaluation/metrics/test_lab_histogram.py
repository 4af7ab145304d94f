import numpy as np
import pytest

from pix2pix_tf.evaluation.metrics.compute import compute_metrics
from pix2pix_tf.evaluation.metrics.lab_histogram import (
    intersection,
    lab_counts,
    lab_histogram_metric,
)
from pix2pix_tf.evaluation.metrics.metric import EvaluationItem


def filled(colour, size=(4, 4)):
    return np.full((*size, len(colour)), colour, np.uint8)


def test_bins_of_known_colours():
    white, red = lab_counts(filled((255, 255, 255))), lab_counts(filled((255, 0, 0)))
    assert white.sum(axis=1).tolist() == [16, 16, 16]
    assert white.argmax(axis=1).tolist()[0] == 99  # L 100, the last bin
    # sRGB red is L 53.24, a 80.09, b 67.20; a and b have bins of 2.2.
    assert red.argmax(axis=1).tolist() == [53, int((80.09 + 110) / 2.2), int((67.20 + 110) / 2.2)]


def test_grey_has_no_colour():
    assert np.array_equal(lab_counts(filled((90,))), lab_counts(filled((90, 90, 90))))


def test_intersection_by_hand():
    first, second = np.array([2.0, 2, 0, 0]), np.array([1.0, 0, 3, 0])
    assert intersection(first, second) == pytest.approx(0.25)  # min(1/2, 1/4)
    assert intersection(first, first * 7) == pytest.approx(1)


def test_the_histogram_is_of_all_images_together():
    # Outputs white then red, targets red then white: each pair differs, the sets do not.
    white, red = filled((255, 255, 255)), filled((255, 0, 0))
    swapped = [EvaluationItem("a", white, red), EvaluationItem("b", red, white)]
    scores = compute_metrics(swapped, [lab_histogram_metric()]).estimates
    assert {name: score.value for name, score in scores.items()} == {
        "lab_l": pytest.approx(1),
        "lab_a": pytest.approx(1),
        "lab_b": pytest.approx(1),
    }
    alone = compute_metrics(swapped[:1], [lab_histogram_metric()]).estimates
    assert alone["lab_l"].value == 0
