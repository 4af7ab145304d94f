from pix2pix_tf.study.records import Answer
from pix2pix_tf.study.timing import on_time, timing_problem


def test_times_that_can_be():
    assert timing_problem(Answer(True, 1000, 1016.7, 600), 1.0, elapsed=4.1) is None
    assert timing_problem(Answer(True, 2500, 1000, 600), 1.0, elapsed=4.1) is None  # slow, but true
    assert timing_problem(Answer(True, 1000, 1000, 0), 1.0, elapsed=1.6) is None  # clocks differ


def test_times_that_cannot_be():
    assert "499 ms: expected 1000" in timing_problem(Answer(True, 1000, 499, 600), 1.0, elapsed=9)
    said = timing_problem(Answer(True, 1000, 1000, 2600), 1.0, elapsed=4.0)
    assert said == "4600 ms for one trial: only 4000 have passed"


def test_on_time_is_once_and_as_long_as_asked():
    assert on_time(Answer(True, 1049, 951, 600), 1.0)
    assert not on_time(Answer(True, 1051, 1000, 600), 1.0)
    assert not on_time(Answer(True, 1000, 949, 600), 1.0)
    assert on_time(Answer(True, 1000, 949, 600), 1.0, tolerance=0.1)
    assert not on_time(Answer(True, 1000, 1000, 600, showings=2), 1.0)
