"""Alternation of workloads whose seconds are known."""

import pytest

from pix2pix_tf.benchmark.quartiles import Quartiles
from pix2pix_tf.benchmark.rounds import alternate
from tests.benchmarks.fakes import FakeWorkload


def test_workloads_alternate_and_warming_up_is_not_counted():
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
    assert measured["slow"].run_seconds == [8, 4]
    assert measured["fast"].seconds == [1, 1]
    assert measured["fast"].values == [{"loss": 1}, {"loss": 1}]
    assert measured["fast"].speedup_over(measured["slow"]) == Quartiles(3, 2.5, 3.5)
    assert measured["slow"].peak_bytes == 9000
    assert done == [6] * 6


def test_short_works_are_fitted_by_longer_runs():
    log = []
    alternate({"short": FakeWorkload("short", log, 9, 0.25)}, 1, 4.0)
    # 0.25 and 0.5 seconds are too short to go by, 1 second is not.
    assert [count for _, count in log] == [1, 1, 2, 4, 16, 16]


@pytest.mark.parametrize("seconds", [0.0, 0.1])
def test_long_works_are_done_once_a_run(seconds):
    log = []
    alternate({"long": FakeWorkload("long", log, 3.0)}, 1, seconds)
    assert [count for _, count in log] == [1, 1, 1, 1]
