import pytest

from pix2pix_tf.config import load_config
from pix2pix_tf.errors import UserError
from pix2pix_tf.runs import Run
from pix2pix_tf.training.resume import changed_keys, check_resumable


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path)
    run.save_config(load_config("maps"))
    return run


def test_nothing_there_is_fine(tmp_path):
    assert check_resumable(Run(tmp_path), load_config("maps")) == []


def test_longer_trainings_and_other_logs_may_go_on(run):
    keys = ("training.steps=5", "logging.keep=7", "data.root=elsewhere", "data.cache=false")
    keys += ("training.steps_per_call=10", "training.jit_compile=true")
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
