import re

import pytest

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.runs.pairs_record import PairsRecord, SplitRecord
from pix2pix_tf.runs.run import Run
from pix2pix_tf.training import resume
from pix2pix_tf.training.resume import (
    already_trained,
    changed_keys,
    check_resumable,
    check_schedule,
    experiment_digest,
)
from pix2pix_tf.utils.errors import UserError


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path)
    run.save_config(load_config("maps"))
    return run


def test_nothing_there_is_fine(tmp_path):
    assert check_resumable(Run(tmp_path), load_config("maps")) == []


def test_longer_trainings_and_other_logs_may_go_on(run):
    keys = ("training.steps=5", "logging.keep=7", "data.root=elsewhere", "data.cache=false")
    keys += ("training.steps_per_execution=10", "training.jit_compile=true")
    told = check_resumable(run, load_config("maps", keys))
    assert "training.steps is now 5, was None" in told
    assert len(told) == 6


@pytest.mark.parametrize(
    "override",
    [
        "generator.width=32",
        "data.direction=AtoB",
        "training.seed=1",
        "training.batch_size=2",
        "training.precision=mixed_bfloat16",
    ],
)
def test_another_experiment_is_refused_by_key(run, override):
    key = override.split("=")[0]
    with pytest.raises(UserError, match=f"{key} = .* there and .* here"):
        check_resumable(run, load_config("maps", [override]))


def test_changed_keys():
    other = load_config("maps", ["training.seed=3", "data.crop_size=[128, 256]"])
    assert changed_keys(load_config("maps"), other) == {
        "training.seed": (0, 3),
        "data.crop_size": ([256, 256], [128, 256]),
    }


PAIRS = 10  # an epoch has so many steps


@pytest.fixture
def decayed(tmp_path, monkeypatch):
    """`decayed(step)`: a run of 4 epochs, at a step; its rate falls from the third epoch on."""

    def made(step):
        run = Run(tmp_path)
        run.save_config(load_config("maps", ["training.epochs=4", "training.decay_from_epoch=3"]))
        monkeypatch.setattr(resume, "newest_step", lambda folder: step)
        return run

    return made


def checked(run, *overrides):
    return check_schedule(run, load_config(run.config_file, overrides), PAIRS)


@pytest.mark.parametrize("longer", ["training.epochs=6", "training.steps=60"])
def test_a_learning_rate_that_has_fallen_to_0_is_raised_only_where_that_is_asked_for(
    decayed, longer
):
    run = decayed(40)
    with pytest.raises(UserError) as refused:
        checked(run, longer)
    words = str(refused.value)
    assert "its learning rate has fallen to 0 at step 40" in words
    assert "going on to step 60 would let it jump to 0.0001." in words  # half of 2e-4
    (recovery_hint) = re.findall(r"training\.decay_from_epoch=(\w+)", words)
    assert recovery_hint == ["5", "null"]
    for way in recovery_hint:
        (note,) = checked(run, longer, f"training.decay_from_epoch={way}")
        assert "the learning rate after step 40 is 0.0002 by the new schedule, and was 0 by" in note
    (note,) = checked(run, longer, "training.learning_rate=0.00002")
    assert "after step 40 is 1e-05 by the new schedule" in note


@pytest.mark.parametrize(
    ("overrides", "rates"),
    [
        (["training.epochs=5"], "0.000133 by the new schedule, and was 0.0001 "),  # (50-30)/30
        (["training.epochs=6", "training.steps=35"], "6.67e-05 by the new schedule, and was"),
        (["training.decay_from_epoch=4"], "0.0002 by the new schedule, and was 0.0001 "),
    ],
)
def test_another_schedule_says_how_the_learning_rate_jumps(decayed, overrides, rates):
    (note,) = checked(decayed(30), *overrides)
    assert f"the learning rate after step 30 is {rates}" in note


@pytest.mark.parametrize(
    ("step", "overrides"),
    [
        (30, []),
        (10, ["training.learning_rate=0.1"]),  # of which `check_resumable` tells
        (40, []),
        (0, ["training.epochs=9"]),
    ],
)
def test_the_schedule_of_before_is_nothing_to_talk_about(decayed, step, overrides):
    assert checked(decayed(step), *overrides) == []


def test_other_pairs_move_the_schedule_too(decayed):
    run = decayed(30)
    split = SplitRecord("", PAIRS, {})
    PairsRecord(None, None, split, split).write(run.pairs_file)
    (note,) = check_schedule(run, run.load_config(), 2 * PAIRS)
    assert "after step 30 is 0.0002 by the new schedule, and was 0.0001" in note


def test_a_decay_that_never_begins_is_said(decayed):
    (note,) = checked(decayed(0), "training.steps=15")
    assert "training.decay_from_epoch=3: begins at step 20, not before the end at 15" in note


def test_what_raises_the_end_of_a_training_is_named(run):
    for override, way in (("training.steps=5", "raise training.steps"), ("a", "training.epochs")):
        config = load_config("maps", [override] if "=" in override else [])
        assert way in already_trained(run, config, 5, 5)


def test_experiments_are_told_apart_by_settings_and_pairs_and_not_by_what_changes_no_number():
    def digest(*overrides, place="a"):
        split = SplitRecord("", 1, {place: [3]})
        record = PairsRecord("folders", None, split, split)
        return experiment_digest(load_config("maps", overrides), record)

    same = ("logging.keep=9", "warnings.patience=3", "data.root=x", "training.seed=1")
    assert {digest(), digest(*same), digest("training.steps_per_execution=5")} == {digest()}
    others = ["training.steps=9", "training.learning_rate=0.1", "training.epochs=3"]
    others += ["generator.width=8", "data.augment=[]", "data.direction=AtoB"]
    assert len({digest(), digest(place="b"), *map(digest, others)}) == 2 + len(others)
    steps = "training.steps=9"
    assert digest(steps) == digest(steps, "training.epochs=3")  # which steps win over
