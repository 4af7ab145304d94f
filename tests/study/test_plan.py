import numpy as np
import pytest

from pix2pix_tf.study.plan import draw_plan, min_images
from pix2pix_tf.study.settings import PAPER_PROTOCOL, Protocol

DIFFERENT = Protocol(inputs="different")


def test_defaults_are_the_papers():
    assert (
        PAPER_PROTOCOL.practice,
        PAPER_PROTOCOL.trials,
        PAPER_PROTOCOL.seconds,
        PAPER_PROTOCOL.total_trials,
    ) == (10, 40, 1.0, 50)


def test_same_seed_draws_the_same_plan_and_another_another():
    assert draw_plan(5, 60, PAPER_PROTOCOL) == draw_plan(5, 60, PAPER_PROTOCOL)
    assert draw_plan(5, 60, PAPER_PROTOCOL) != draw_plan(6, 60, PAPER_PROTOCOL)


@pytest.mark.parametrize("images", [50, 51, 99, 100, 1098])
def test_no_image_comes_twice_on_its_side(images):
    for protocol in (PAPER_PROTOCOL, DIFFERENT):
        plan = draw_plan(3, images, protocol)
        assert len(plan) == 50
        assert len({trial.real for trial in plan}) == 50
        assert len({trial.fake for trial in plan}) == 50
        assert all(0 <= n < images for trial in plan for n in (trial.real, trial.fake))


@pytest.mark.parametrize("images", [50, 51, 99, 100, 1098])
def test_inputs_of_the_two_sides_are_the_same_or_different_as_asked(images):
    assert all(trial.real == trial.fake for trial in draw_plan(1, images, PAPER_PROTOCOL))
    plan = draw_plan(1, images, DIFFERENT)
    assert all(trial.real != trial.fake for trial in plan)
    if images >= 100:  # then no input is seen on both sides at all
        assert not {trial.real for trial in plan} & {trial.fake for trial in plan}


def test_fake_comes_first_in_half_of_the_practice_and_half_of_the_rest():
    for seed in range(20):
        plan = draw_plan(seed, 50, PAPER_PROTOCOL)
        assert sum(trial.fake_first for trial in plan[:10]) == 5
        assert sum(trial.fake_first for trial in plan[10:]) == 20
    odd = Protocol(practice=0, trials=5)
    counts = [sum(t.fake_first for t in draw_plan(seed, 5, odd)) for seed in range(200)]
    assert set(counts) == {2, 3}
    assert 70 < counts.count(2) < 130  # half; five standard deviations are 35


def test_every_place_of_a_session_is_drawn_evenly():
    plans = [draw_plan(seed, 50, DIFFERENT) for seed in range(400)]
    firsts = np.array([[trial.fake_first for trial in plan] for plan in plans]).mean(axis=0)
    assert np.abs(firsts - 0.5).max() < 0.13  # five standard deviations
    fakes = np.array([[trial.fake for trial in plan] for plan in plans])
    reals = np.array([[trial.real for trial in plan] for plan in plans])
    # Of 50 inputs all are shown in each session; none keeps a place (8 are expected at each).
    for shown in (fakes, reals):
        counts = [np.bincount(shown[:, place], minlength=50) for place in (0, 9, 10, 49)]
        assert np.max(counts) < 8 + 5 * np.sqrt(8)


def test_shortest_session_needs_two_inputs_only_where_they_differ():
    one = Protocol(inputs="same", practice=0, trials=1)
    other = Protocol(inputs="different", practice=0, trials=1)
    assert (min_images(one), min_images(other), min_images(PAPER_PROTOCOL)) == (1, 2, 50)
    assert draw_plan(0, 2, other)[0].real != draw_plan(0, 2, other)[0].fake
