"""Turns, medians and ratios, with workloads whose seconds are known."""

import pytest

from pix2pix_tf.benchmark.rounds import Spread, alternate, ratios, spread
from tests.benchmarks.fakes import FakeWorkload


def test_spread_is_the_median_and_the_quartiles():
    # Of 1 2 4 8 16: the middle, and those halfway to the ends.
    assert spread([16, 1, 4, 8, 2]) == Spread(4, 2, 8)
    # Of 1 2 3 4: interpolated, at places 0.75, 1.5 and 2.25.
    assert spread([4, 3, 2, 1]) == Spread(2.5, 1.75, 3.25)
    assert spread([7.0]) == Spread(7.0, 7.0, 7.0)


def test_units_and_digits():
    assert Spread(0.5, 0.25, 1.0).times(1000) == Spread(500, 250, 1000)
    assert str(Spread(0.012345, 2.5, 1234.5)) == "0.0123 (2.5–1234)"


def test_ratios_are_of_the_same_round():
    # The second round took all of them three times as long: the ratio does not see it.
    assert ratios([2.0, 6.0], [1.0, 3.0]) == Spread(2, 2, 2)
    # Medians of each would give 4 / 2; round by round it is 1, 2 and 4.
    assert ratios([4.0, 4.0, 4.0], [4.0, 2.0, 1.0]) == Spread(2, 1.5, 3)


def test_contestants_alternate_and_warming_up_is_not_counted():
    log = []
    # Compiling, fitting, the warm round; then 4 and 2 seconds, or 1.
    slow, fast = (
        FakeWorkload("slow", log, 90, 2, 80, 4, 2),
        FakeWorkload("fast", log, 50, 1, 70, 1, 1),
    )
    done = []
    measured = alternate({"slow": slow, "fast": fast}, 2, 4.0, done.append)
    assert log[:4] == [("slow", 1), ("slow", 1), ("fast", 1), ("fast", 1)]
    # In 4 seconds the one fits twice, the other four times.
    assert log[4:] == [("slow", 2), ("fast", 4)] * 3
    assert measured["slow"].seconds == [4, 2]
    assert measured["slow"].turns == [8, 4]
    assert measured["fast"].seconds == [1, 1]
    assert measured["fast"].values == [{"loss": 1}, {"loss": 1}]
    assert measured["fast"].times_as_fast(measured["slow"]) == Spread(3, 2.5, 3.5)
    assert measured["slow"].peak_bytes == 9000
    assert done == [6] * 6


def test_short_works_are_fitted_by_longer_turns():
    log = []
    alternate({"short": FakeWorkload("short", log, 9, 0.25)}, 1, 4.0)
    # 0.25 and 0.5 seconds are too short to go by, 1 second is not.
    assert [count for _, count in log] == [1, 1, 2, 4, 16, 16]


@pytest.mark.parametrize("seconds", [0.0, 0.1])
def test_long_works_are_done_once_a_turn(seconds):
    log = []
    alternate({"long": FakeWorkload("long", log, 3.0)}, 1, seconds)
    assert [count for _, count in log] == [1, 1, 1, 1]
