"""When a training ends, decays, validates, draws and saves."""

import pytest

from pix2pix_tf.training.schedule import Schedule


@pytest.mark.parametrize(("start", "step"), [(None, None), (1, 0), (3, 12)])
def test_decay_begins_with_its_epoch(tiny, start, step):
    assert Schedule(tiny(training__decay_from_epoch=start), 6).decay_start == step


def test_an_epoch_that_the_batch_does_not_divide_is_rounded_up(tiny):
    settings = tiny(training__steps=None, training__epochs=3, training__batch_size=4)
    assert Schedule(settings, 10).total == 8  # 30 pairs, 4 a step


def test_each_thing_has_its_own_rhythm_and_comes_at_the_end(tiny):
    settings = tiny(
        training__steps=7,
        training__batch_size=2,
        logging__validate_every=3,
        logging__sheet_every="epoch",
        logging__checkpoint_every=5,
    )
    due = {step: Schedule(settings, 5).due_after(step) for step in range(1, 8)}
    assert [step for step, each in due.items() if each.validate] == [3, 6, 7]
    assert [step for step, each in due.items() if each.sample] == [3, 5, 7]  # 5 pairs at 6, 10
    assert [step for step, each in due.items() if each.checkpoint] == [5, 7]


def test_a_call_ends_where_something_is_due(tiny):
    settings = tiny(
        training__steps=20,
        training__steps_per_execution=4,
        logging__validate_every=6,
        logging__sheet_every=100,
        logging__checkpoint_every=100,
    )
    schedule, step, taken = Schedule(settings, 50), 0, []
    while step < 20:
        taken.append(schedule.updates_of_call(step))
        step += taken[-1]
    assert taken == [4, 1, 1, 4, 1, 1, 4, 1, 1, 1, 1]  # validated after 6, 12, 18; 20 is the end
