"""Numbers computed by hand, and simulated studies of known truth."""

from itertools import product

import numpy as np
import pytest

from pix2pix_tf.study.statistics import p_value, summarize


def test_two_participants_by_hand():
    # Bootstrap means of {0, 1}: 0, ½, ½, 1, so their standard deviation is √⅛; the percentiles
    # 2.5 and 97.5 lie within the quarters of 0 and of 1.
    found = summarize(np.array([0.0, 1.0]))
    assert found.mean == 0.5
    assert found.standard_deviation == pytest.approx(np.sqrt(0.5))
    assert found.standard_error == pytest.approx(np.sqrt(1 / 8), abs=0.01)
    assert (found.low, found.high) == (0, 1)


def test_error_and_interval_are_those_of_all_samples_with_replacement():
    shares = np.array([0.1, 0.2, 0.2, 0.6])
    means = np.array([np.mean(sample) for sample in product(shares, repeat=4)])  # all 256
    found = summarize(shares, seed=1)
    assert found.mean == pytest.approx(0.275)
    assert found.standard_deviation == pytest.approx(
        np.sqrt(0.1475 / 3)
    )  # squares sum up to 0.1475
    assert found.standard_error == pytest.approx(means.std(), abs=0.002)
    assert found.low == pytest.approx(np.percentile(means, 2.5), abs=0.03)
    assert found.high == pytest.approx(np.percentile(means, 97.5), abs=0.03)


def test_what_is_not_defined_is_nan():
    one = summarize(np.array([0.25]))
    assert (one.mean, one.standard_error, one.low, one.high) == (0.25, 0, 0.25, 0.25)
    assert np.isnan(one.standard_deviation)
    assert all(np.isnan(value) for value in vars(summarize(np.zeros(0))).values())
    assert np.isnan(p_value(np.zeros(0), np.array([0.5])))


def test_p_by_hand():
    # Of the pool {0, 0, 5%, 5%}, two and two are drawn: 16 equally likely cases, of which one
    # has 0, 0 against 5%, 5% and one the reverse.
    a, b = np.array([0.0, 0.0]), np.array([0.05, 0.05])
    assert p_value(a, b) == pytest.approx(2 / 16, abs=0.015)
    assert p_value(b, a) == pytest.approx(2 / 16, abs=0.015)
    # One each: of {0, 1} the two drawn differ in 2 cases of 4.
    assert p_value(np.array([0.0]), np.array([1.0])) == pytest.approx(0.5, abs=0.025)


def test_p_of_equal_groups_is_1():
    shares = np.array([0.1, 0.2, 0.3])
    assert p_value(shares, shares[::-1]) == 1
    assert p_value(np.zeros(50), np.zeros(50)) == 1


def test_p_is_never_0_and_the_same_every_time():
    a, b = np.zeros(50), np.ones(50)
    assert p_value(a, b) == 1 / 10_001
    random = np.random.default_rng(0)
    a, b = random.random(20), random.random(20)
    assert p_value(a, b, seed=3) == p_value(a, b, seed=3)


def simulated(random, chance, participants=50):
    """Shares of participants whose own chances scatter by 5 points, over 40 trials each."""
    chances = np.clip(random.normal(chance, 0.05, participants), 0, 1)
    return random.binomial(40, chances) / 40


def test_algorithms_that_differ_are_found_different():
    # As in Table 4: 0.8% and 18.9%; and closer, where it is found nearly always.
    random = np.random.default_rng(1)
    assert p_value(simulated(random, 0.008), simulated(random, 0.189)) < 0.001
    pairs = [(simulated(random, 0.15), simulated(random, 0.22)) for _ in range(30)]
    found = [p_value(*pair, resamples=1000) < 0.05 for pair in pairs]
    assert sum(found) >= 27


def test_equal_algorithms_are_seldom_found_different():
    random = np.random.default_rng(2)
    found = [
        p_value(simulated(random, 0.2, 30), simulated(random, 0.2, 50), seed, 1000) < 0.05
        for seed in range(300)
    ]
    assert 4 <= sum(found) <= 30  # 15 expected; three standard deviations are 11


def test_interval_holds_the_truth_as_often_as_it_says():
    random = np.random.default_rng(3)
    held = 0
    for seed in range(200):
        found = summarize(simulated(random, 0.2), seed, 1000)
        held += found.low <= 0.2 <= found.high
    assert 178 <= held <= 199  # 190 expected
