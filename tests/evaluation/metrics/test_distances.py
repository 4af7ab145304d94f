"""The golden file is by tools/torch_peer/make_inception_golden.py: what torch-fidelity computes."""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import sqrtm

from pix2pix_tf.evaluation.metrics.distances import (
    MINIMUM_IMAGES,
    frechet_distance,
    frechet_note,
    kernel_distance,
)
from pix2pix_tf.utils.errors import UserError

GOLDEN = Path(os.environ.get("PIX2PIX_TF_GOLDEN", Path(__file__).with_name("golden")))


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN / "inception.npz") as arrays:
        return dict(arrays)


def column(*numbers):
    return np.array(numbers, np.float32)[:, np.newaxis]


def normal(count, mean, covariance):
    """Features with exactly this mean and covariance."""
    random = np.random.default_rng(0).normal(size=(count, len(mean)))
    centred = random - random.mean(axis=0)
    white = centred @ np.linalg.inv(np.linalg.cholesky(np.cov(centred, rowvar=False))).T
    return white @ np.linalg.cholesky(covariance).T + mean


def test_fid_by_hand():
    # Means 1 and 9, variances 2 and 32: 8² + (√2 - √32)²
    assert frechet_distance(column(0, 2), column(5, 13)) == pytest.approx(64 + 18)


def test_fid_of_fewer_images_than_features_by_hand():
    first = np.array([[0, 0, 0], [2, 0, 0]])  # mean (1, 0, 0), covariance diag(2, 0, 0)
    second = np.array([[0, 0, 0], [0, 2, 0]])  # mean (0, 1, 0), covariance diag(0, 2, 0)
    assert frechet_distance(first, second) == pytest.approx(2 + 4)
    assert frechet_distance(first, first + np.array([0, 0, 3])) == pytest.approx(9)


def test_fid_of_normal_distributions():
    first = normal(50, [1, 2, 3], np.diag([1, 4, 9]))
    second = normal(40, [0, 2, 5], np.diag([16, 4, 1]))
    expected = (1 + 0 + 4) + (1 - 4) ** 2 + 0 + (3 - 1) ** 2
    assert frechet_distance(first, second) == pytest.approx(expected)
    turned, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    assert frechet_distance(first @ turned, second @ turned) == pytest.approx(expected)
    assert frechet_distance(second, first) == pytest.approx(expected)


def test_fid_is_the_published_expression():
    random = np.random.default_rng(0)
    first, second = random.normal(size=(30, 6)), random.normal(size=(40, 6)) * [1, 2, 3, 1, 2, 3]
    covariances = [np.cov(features, rowvar=False) for features in (first, second)]
    apart = first.mean(axis=0) - second.mean(axis=0)
    root = sqrtm(covariances[0] @ covariances[1])
    expected = apart @ apart + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet_distance(first, second) == pytest.approx(expected.real)


def test_fid_of_a_set_and_itself_is_zero_and_never_below():
    for count in (5, 500):
        features = np.random.default_rng(count).normal(size=(count, 20)).astype(np.float32) + 7
        assert 0 <= frechet_distance(features, features[::-1]) < 1e-9


def test_torch_fidelity_computes_the_same(golden):
    near, far = golden["near"], golden["far"]
    assert len(far) < far.shape[1] < len(near)  # a covariance of either kind
    assert frechet_distance(near, far) == pytest.approx(float(golden["fid"]), rel=1e-5)
    kid = kernel_distance(near, far, subsets=5, subset_size=4)
    assert kid.mean == pytest.approx(float(golden["kid_mean"]), rel=1e-5)
    assert kid.std == pytest.approx(float(golden["kid_std"]), rel=1e-5)


def test_few_images_are_said_to_be_few():
    assert frechet_note(MINIMUM_IMAGES, 5000) is None
    assert "FID from 2047 images, fewer than 2048" in frechet_note(5000, 2047)


def test_kid_by_hand():
    # (xy + 1)³ of 0 and 2: 1; of 1 and 3: 64; of each with each: 1, 1, 27, 343
    kid = kernel_distance(column(0, 2), column(1, 3), subset_size=2)
    assert kid.mean == pytest.approx(1 + 64 - 2 * (1 + 1 + 27 + 343) / 4)
    assert (kid.std, kid.subsets, kid.note) == (0, 1, None)  # there is but one subset


def test_kid_is_that_of_a_double_loop():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(7, 4)), random.normal(size=(7, 4)) + 0.5

    def kernel(a, b):
        return (a @ b / 4 + 1) ** 3

    apart = [(i, j) for i in range(7) for j in range(7) if i != j]
    within = sum(kernel(s[i], s[j]) for s in (x, y) for i, j in apart) / (7 * 6)
    across = sum(kernel(a, b) for a in x for b in y) / (7 * 7)
    assert kernel_distance(x, y).mean == pytest.approx(within - 2 * across)


def test_kid_has_no_bias_where_fid_has():
    random = np.random.default_rng(0)
    pairs = random.normal(size=(40, 2, 12, 8))
    kids = np.array([kernel_distance(first, second, subsets=1).mean for first, second in pairs])
    fids = np.array([frechet_distance(first, second) for first, second in pairs])
    assert abs(kids.mean()) < 3 * kids.std() / np.sqrt(len(kids))
    assert fids.min() > 1


def test_subsets_are_drawn_from_the_seed_and_counted():
    first, second = np.random.default_rng(0).normal(size=(2, 20, 4))
    done = []
    kid = kernel_distance(first, second, 6, 5, seed=3, advance=done.append)
    assert (kid.subsets, kid.subset_size, kid.note, done) == (6, 5, None, [6] * 6)
    assert kid.std > 0
    assert kid == kernel_distance(first, second, 6, 5, seed=3)
    assert kid != kernel_distance(first, second, 6, 5, seed=4)


def test_subsets_larger_than_a_set_are_lowered_and_that_is_said():
    first, second = np.random.default_rng(0).normal(size=(20, 4)), np.ones((8, 4))
    kid = kernel_distance(first, second)
    assert (kid.subsets, kid.subset_size) == (100, 8)
    assert "subsets of 8 images, as there are no more, not of 1000" in kid.note


def test_what_cannot_be_compared_is_refused():
    two = np.ones((2, 3))
    broken = np.array([[1, np.nan, 1], [1, 1, 1]])
    for distance in (frechet_distance, kernel_distance):
        with pytest.raises(UserError, match="sets of images, not 1: 2 or more"):
            distance(two, two[:1])
        with pytest.raises(UserError, match="not finite"):
            distance(broken, two)
        with pytest.raises(ValueError, match="shapes"):
            distance(two, np.ones((2, 4)))
    with pytest.raises(ValueError, match="subsets"):
        kernel_distance(two, two, subsets=0)
