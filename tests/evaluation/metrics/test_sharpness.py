import math

import numpy as np
import pytest

from pix2pix_tf.evaluation.metrics.compute import compute_metrics
from pix2pix_tf.evaluation.metrics.metric import EvaluationItem
from pix2pix_tf.evaluation.metrics.sharpness import neighbour_contrast, sharpness_metric

STRIPES = np.zeros((4, 6, 1), np.uint8)
STRIPES[:, ::2] = 255


def test_contrast_by_hand():
    assert neighbour_contrast(STRIPES) == pytest.approx(1)  # 1 across, 0 down
    assert neighbour_contrast(np.full((4, 6, 3), 80, np.uint8)) == 0


def test_half_the_contrast_is_half_as_sharp():
    faint = (STRIPES // 255 * 51).astype(np.uint8)
    results = compute_metrics([EvaluationItem("a", faint, STRIPES)], [sharpness_metric()])
    assert results.estimates["sharpness"].value == pytest.approx(0.2)


def test_targets_without_contrast_leave_sharpness_undefined_not_infinite():
    flat = np.full((4, 6, 1), 9, np.uint8)
    for output in (flat, STRIPES):
        results = compute_metrics([EvaluationItem("a", output, flat)], [sharpness_metric()])
        assert math.isnan(results.estimates["sharpness"].value)
        assert results.undefined_notes == [
            "sharpness is undefined: the targets have no contrast at all"
        ]
    both = [EvaluationItem("a", STRIPES, flat), EvaluationItem("b", STRIPES, STRIPES)]
    assert compute_metrics(both, [sharpness_metric()]).estimates["sharpness"].value == 2


def test_channels_that_are_no_colours_count_alike():
    bands = np.zeros((4, 4, 5), np.float32)
    bands[::2, :, 4] = 0.5  # rows alternate in the last channel alone
    assert neighbour_contrast(bands) == pytest.approx(0.1)
    assert neighbour_contrast((bands * 65535).astype(np.uint16)) == pytest.approx(0.1, abs=1e-4)
