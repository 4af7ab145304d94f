"""Disks that are full, by a limit on the size of files: the system's own error, without a disk."""

import errno
import os
import resource
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.images.io import write_image
from pix2pix_tf.methods.method import network_variables
from pix2pix_tf.runs.checkpoints import Checkpoints
from pix2pix_tf.runs.run import Measurement, Run
from pix2pix_tf.training.monitoring.logs import TensorBoardLogs
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import atomic_directory, disk_error_reason, fsync, write_text, writing

pytestmark = pytest.mark.usefixtures("eagerly")

NOISE = np.random.default_rng(0).integers(0, 256, (64, 128, 3), np.uint8)


@contextmanager
def files_up_to(size):
    """Within it, no file can grow beyond so many bytes: as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def contents(folder):
    """Every file below a folder, hidden or not, with its content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def is_one_sentence(error, what, then=""):
    """Whether an error names what cannot be written, the room there is, and `then` at its end."""
    return (
        error.startswith(f"pix2pix-tf: {what}")
        and "cannot be written: File too large (" in error
        and error.endswith(f" MB are free there){then}\n")
        and error.count("\n") == 1
    )


def test_a_checkpoint_that_finds_no_room_leaves_the_last_one(tmp_path):
    inputs = keras.Input((300,))
    model = keras.Model(inputs, keras.layers.Dense(300, name="dense")(inputs))

    def saved():
        return Checkpoints(tmp_path, {"generator": network_variables(model)}, ["generator"], keep=1)

    first = saved()
    first.step.assign(1)
    first.save()
    first.save_best(0.5)
    before = contents(tmp_path)
    for size in (0, 1000, 200_000):  # no byte, within the small file, within the large one
        first.step.assign(2)
        with files_up_to(size), pytest.raises(UserError) as caught:
            first.save()
        assert str(caught.value).startswith(f"checkpoint of step 2, {tmp_path} cannot be written: ")
        with files_up_to(size), pytest.raises(UserError, match="best cannot be written"):
            first.save_best(0.4 - size / 1e7)
        assert contents(tmp_path) == before
    assert saved().restore() == 1


def test_training_stops_with_one_sentence_and_keeps_the_last_checkpoint(here, tiny_run):
    before, sheets = (contents(tiny_run / name) for name in ("checkpoints", "samples"))
    words = ["train", "--run", tiny_run]
    for setting in ("training.steps=4", "logging.sheet_every=3", "logging.validate_every=100"):
        words += ["--set", setting]
    with files_up_to(3000):  # smaller than a sheet
        code, _, err = here(*words)
    assert code == 2
    assert is_one_sentence(err, tiny_run / "samples" / "step-0000003.png")
    assert contents(tiny_run / "samples") == sheets
    with files_up_to(100_000):  # than a checkpoint
        code, out, err = here(*words)
    assert "resuming at step 2 of 4" in out
    assert code == 2
    assert is_one_sentence(err, f"checkpoint of step 4, {tiny_run / 'checkpoints'}")
    assert contents(tiny_run / "checkpoints") == before


def test_exports_leave_nothing(here, tiny_run, tmp_path):
    words = ("export", "--run", tiny_run, "--format", "saved_model", "--output", "models/deep")
    before = {path.name for path in tmp_path.iterdir()}
    with files_up_to(50_000):
        code, _, err = here(*words, "--images", 1)
    assert code == 2
    assert is_one_sentence(err, "models/deep/tiny_run/1")
    assert {path.name for path in tmp_path.iterdir()} == before
    with (
        files_up_to(100),
        pytest.raises(UserError, match="phone cannot be written: File too large"),
        atomic_directory(tmp_path / "phone") as folder,
    ):
        (folder / "model.tflite").write_bytes(bytes(1000))  # an error that names no file
    assert {path.name for path in tmp_path.iterdir()} == before


def test_translations_appear_whole_or_not_at_all(here, tiny_run, tmp_path):
    write_image(tmp_path / "in.png", NOISE[:, :64])
    with files_up_to(1000):
        code, _, err = here("translate", "--run", tiny_run, "--input", "in.png", "--output", "out")
    assert code == 2
    then = "; 0 of 1 are translated, the same command goes on from there"
    assert is_one_sentence(err, "out/in.png", then)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("data", "sample", "--output", "made", "--train", 2, "--val", 1, "--size", 64),
        ("data", "pair", "--a", "a", "--b", "b", "--output", "made"),
        ("data", "split", "pairs", "--val", 0.5, "--output", "made"),
        ("data", "derive", "grey", "--input", "a", "--output", "made"),
    ],
)
def test_datasets_appear_whole_or_not_at_all(here, tmp_path, words):
    for name, picture in (("a", NOISE[:, :64]), ("b", NOISE[:, 64:]), ("pairs", NOISE)):
        (tmp_path / name).mkdir()
        for number in range(2):
            write_image(tmp_path / name / f"{number}.png", picture)
    before = contents(tmp_path)
    with files_up_to(500):
        code, _, err = here(*words)
    assert code == 2
    assert is_one_sentence(err, "made") or is_one_sentence(err, tmp_path / "made")
    assert contents(tmp_path) == before
    assert not (tmp_path / "made").exists()


def test_scores_and_small_files_keep_what_they_were(tmp_path):
    run = Run(tmp_path)
    run.add_metrics(Measurement(1, "val"), 1, {"l1": 0.5})
    before = contents(tmp_path)
    with files_up_to(10):
        with pytest.raises(UserError, match=r"metrics\.json cannot be written: File too large"):
            run.add_metrics(Measurement(2, "val"), 1, {"l1": 0.4})
        with pytest.raises(UserError, match=r"new cannot be written: File too large"):
            write_text(tmp_path / "new", "more than ten bytes")
    assert contents(tmp_path) == before


def test_tensorboards_files_that_cannot_grow_are_said(tmp_path, tiny):
    logs = TensorBoardLogs(tmp_path, tiny(), 0, 10)
    logs.scalars(1, {"generator/l1": 1.0})
    logs.sheet(1, NOISE)
    (size,) = (file.stat().st_size for file in (tmp_path / "train").iterdir())
    for limit in (size, size + 10, size + 5000):  # TensorFlow is silent about some of them
        logs = TensorBoardLogs(tmp_path / str(limit), tiny(), 0, 10)
        logs.scalars(1, {"generator/l1": 1.0})
        logs.sheet(1, NOISE)
        with files_up_to(limit), pytest.raises(UserError, match=r"train cannot be written: .* MB"):
            logs.sheet(2, NOISE)
    with files_up_to(0), pytest.raises(UserError, match="train cannot be written: File"):
        TensorBoardLogs(tmp_path / "none", tiny(), 0, 10)


def test_errors_of_the_disk_are_told_from_others(tmp_path):
    assert disk_error_reason(OSError(errno.ENOSPC, "any")) == os.strerror(errno.ENOSPC)
    assert disk_error_reason(OSError(errno.EINTR, "any")) is None
    assert disk_error_reason(ValueError("No space left on device")) is None
    full = tf.errors.ResourceExhaustedError(None, None, "/a; b/c; No space left on device [Op:X]")
    assert disk_error_reason(full) == "No space left on device"
    assert (
        disk_error_reason(tf.errors.ResourceExhaustedError(None, None, "OOM when allocating"))
        is None
    )
    # Reading another file is not writing here.
    with pytest.raises(PermissionError), writing(tmp_path, write_only=False):
        raise PermissionError(errno.EACCES, "any", "another")
    with pytest.raises(UserError, match="x/y cannot be written: Per"), writing(Path("x/y")):
        raise PermissionError(errno.EACCES, "any", "x/y")


def test_a_folder_says_its_own_name_and_not_the_hidden_ones(tmp_path):
    with (  # noqa: PT012  the block is what is tested
        files_up_to(100),
        pytest.raises(UserError, match=f"^{tmp_path}/new/deep/x.png cannot be written: File"),
        atomic_directory(tmp_path / "new") as folder,
    ):
        (folder / "deep").mkdir()
        write_image(folder / "deep" / "x.png", NOISE)
    assert list(tmp_path.iterdir()) == []


def test_files_and_folders_can_be_brought_to_the_disk(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    seen = []
    monkeypatch.setattr(os, "fsync", lambda number: seen.append(os.fstat(number).st_ino))
    fsync(tmp_path / "file")
    fsync(tmp_path)
    assert seen == [(tmp_path / "file").stat().st_ino, tmp_path.stat().st_ino]
