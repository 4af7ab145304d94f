import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.runs.checkpoint_files import (
    intact_steps,
    newest_step,
    remove_leftovers,
    saved_steps,
    write_checkpoint,
)
from pix2pix_tf.utils.errors import UserError


@pytest.fixture
def save(tmp_path):
    """A function that writes checkpoints of a variable into tmp_path."""
    variable = tf.Variable(np.arange(500.0))
    checkpoint = tf.train.Checkpoint(variable=variable)

    def write(*steps, keep=2):
        for step in steps:
            write_checkpoint(checkpoint, tmp_path, step, keep)

    return write


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def files(*steps):
    each = [(f"step-{step}.data-00000-of-00001", f"step-{step}.index") for step in steps]
    return sorted(["checkpoint", *(name for pair in each for name in pair)])


def test_the_newest_stay_and_are_listed_for_tensorflow(tmp_path, save):
    save(5, 10, 100)
    assert names(tmp_path) == files(10, 100)
    assert saved_steps(tmp_path) == [10, 100]
    assert newest_step(tmp_path) == 100
    state = tf.train.get_checkpoint_state(str(tmp_path))
    assert [str(tmp_path / f"step-{n}") for n in (10, 100)] == list(
        state.all_model_checkpoint_paths
    )
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "step-100")


def test_data_reach_the_disk_before_the_index_has_its_name(tmp_path, save, monkeypatch):
    from pix2pix_tf.runs import checkpoint_files

    seen = []

    def fsync(path):
        seen.append((path.name, any(tmp_path.glob("step-1.index"))))

    monkeypatch.setattr(checkpoint_files, "fsync", fsync)
    save(1)
    assert seen == [
        ("step-1.data-00000-of-00001", False),
        ("step-1.index", False),
        (tmp_path.name, False),
        (tmp_path.name, True),
    ]


def test_what_kills_leave_is_no_checkpoint_and_goes(tmp_path, save):
    save(1, 2)
    (tmp_path / ".step-3.partial").mkdir()  # while TensorFlow wrote
    (tmp_path / ".step-3.partial" / "step-3.index").write_text("half")
    (tmp_path / "step-3.data-00000-of-00001").write_text("whole")  # between the renames
    (tmp_path / "step-0.data-00000-of-00001").write_text("old")  # within a removal
    (tmp_path / "step-9_temp").mkdir()  # of earlier versions
    (tmp_path / ".checkpoint.1234.tmp").write_text("half")
    (tmp_path / "step-1.notes").write_text("mine")
    assert newest_step(tmp_path) == 2
    remove_leftovers(tmp_path)
    assert names(tmp_path) == sorted([*files(1, 2), "step-1.notes"])
    remove_leftovers(tmp_path / "none")


def test_a_list_that_was_not_written_any_more_changes_nothing(tmp_path, save):
    save(1)
    (tmp_path / "checkpoint").unlink()
    assert newest_step(tmp_path) == 1
    save(2)
    assert names(tmp_path) == files(1, 2)


def test_checkpoints_that_are_gone_are_not_taken_for_none(tmp_path, save):
    assert newest_step(tmp_path) is None
    save(4)
    for file in tmp_path.glob("step-4.*"):
        file.unlink()
    with pytest.raises(UserError, match="lists a checkpoint of step 4, but holds none"):
        newest_step(tmp_path)


def test_a_flipped_bit_or_a_cut_is_seen(tmp_path, save):
    save(1, 2, 3, keep=3)
    data, index = tmp_path / "step-3.data-00000-of-00001", tmp_path / "step-1.index"
    flipped = bytearray(data.read_bytes())
    flipped[2000] ^= 1
    data.write_bytes(flipped)
    index.write_bytes(index.read_bytes()[:-20])
    assert intact_steps(tmp_path) == [2]


def test_folders_that_tensorflow_takes_for_patterns_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"run \[1\]: TensorFlow takes a path with \*, \? or \["):
        newest_step(tmp_path / "run [1]")
