"""Runs and places that cannot be used: one sentence, exit code 2, nothing changed."""

import contextlib
import ctypes
import json
import os
import shutil

import numpy as np
import pytest

from pix2pix_tf.images.io import write_image
from pix2pix_tf.runs.versions import FORMAT

pytestmark = pytest.mark.usefixtures("eagerly")

NEWEST = "step-2.data-00000-of-00001"


def newer(run):
    text = json.dumps({"format": FORMAT + 1, "sessions": [{"pix2pix_tf": "7.0"}]})
    (run / "versions.json").write_text(text)


def cut(file, share=0.5):
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])


def other_networks(run):
    text = (run / "config.yaml").read_text()
    wider = text.replace("width: 4", "width: 8")
    assert text != wider
    (run / "config.yaml").write_text(wider)


def older_beside(run):
    """A copy of the newest checkpoint as an older one, which stays whole; the newest is cut."""
    for file in list((run / "checkpoints").glob("step-2.*")):
        shutil.copy(file, file.with_name(file.name.replace("step-2", "step-1")))
    cut(run / "checkpoints" / NEWEST)


def only_index_left(run):
    (run / "checkpoints" / NEWEST).unlink()


def checkpoints_gone(run):
    for file in (run / "checkpoints").glob("step-2.*"):
        file.unlink()


def file_in_its_place(run):
    shutil.rmtree(run)
    run.write_text("")


def no_data(run):
    text = (run / "config.yaml").read_text()
    (root,) = [line for line in text.splitlines() if "trained_on" in line]
    (run / "config.yaml").write_text(text.replace(root, "  root: gone"))


TRAIN = ("train", "--run", "tiny_run", "--set", "training.steps=3")
TRANSLATE = ("translate", "--run", "tiny_run", "--input", "in.png", "--output", "out")
EVALUATE = ("evaluate", "--run", "tiny_run")
EXPORT = ("export", "--run", "tiny_run", "--format", "saved_model", "--output", "exports")
DEMO = ("demo", "--run", "tiny_run", "--port", "0")


@pytest.mark.parametrize(
    ("words", "damage", "message"),
    [
        (TRAIN, newer, "run tiny_run: was made by a newer pix2pix-tf (7.0, run format"),
        (TRANSLATE, newer, "run tiny_run: was made by a newer pix2pix-tf (7.0, run format"),
        (TRAIN, other_networks, "checkpoints/step-2: is of other networks than config.yaml"),
        (TRANSLATE, other_networks, "checkpoints/step-2: is of other networks than config.yaml"),
        (EVALUATE, other_networks, "checkpoints/step-2: is of other networks than config.yaml"),
        (EXPORT, other_networks, "checkpoints/step-2: is of other networks than config.yaml"),
        (DEMO, other_networks, "checkpoints/step-2: is of other networks than config.yaml"),
        (TRAIN, older_beside, "step-1 beside it can be read: move step-2.* away, and step-1 is"),
        (TRANSLATE, only_index_left, "checkpoints/step-2: is damaged ("),
        (TRAIN, checkpoints_gone, "lists a checkpoint of step 2, but holds none"),
        (TRAIN, file_in_its_place, "run tiny_run: is a file; a run is a folder"),
        (TRAIN, no_data, "There is no folder"),
        (TRAIN, lambda run: cut(run / "config.yaml", 0.55), "tiny_run/config.yaml"),
        (TRAIN, lambda run: cut(run / "metrics.json"), "tiny_run/metrics.json: is damaged ("),
        (EVALUATE, lambda run: cut(run / "metrics.json"), "tiny_run/metrics.json: is damaged ("),
    ],
)
def test_one_sentence_and_exit_code_2(here, tiny_run, tmp_path, words, damage, message):
    write_image(tmp_path / "in.png", np.zeros((32, 32, 3), np.uint8))
    damage(tiny_run)
    before = sizes(tmp_path)
    code, _, err = here(*words)
    assert code == 2
    assert err.startswith("pix2pix-tf: ")
    assert message in err
    assert "Traceback" not in err
    assert sizes(tmp_path) == before


def sizes(folder):
    """Of every file, without locks."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path: path.stat().st_size for path in found if not path.name.endswith(".lock")}


def test_a_damaged_checkpoint_moved_away_gives_way_to_the_one_before(here, tiny_run):
    older_beside(tiny_run)
    for file in (tiny_run / "checkpoints").glob("step-2.*"):
        file.unlink()
    code, out, _ = here("train", "--run", "tiny_run", "--set", "training.steps=2")
    assert "the checkpoint of step 2 is gone: going on from the newest there is" in out
    assert code == 0


class _Caps(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("_", ctypes.c_uint32),
    )


@contextlib.contextmanager
def permissions_that_count():
    """Within it, a file's permissions hold for root too (Linux): this thread gives up the right."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, caps = (ctypes.c_uint32 * 2)(0x20080522, 0), (_Caps * 2)()
    if libc.capget(header, caps) != 0:
        pytest.skip("permissions do not count for this user")
    effective = caps[0].effective
    caps[0].effective &= ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    assert libc.capset(header, caps) == 0
    try:
        yield
    finally:
        caps[0].effective = effective
        assert libc.capset(header, caps) == 0


@pytest.fixture
def read_only():
    """A function that makes a folder read-only, until the test ends."""
    changed = []

    def protect(folder):
        for path in (*folder.rglob("*"), folder):
            changed.append((path, path.stat().st_mode))
            path.chmod(path.stat().st_mode & ~0o222)

    yield protect
    for path, mode in reversed(changed):
        path.chmod(mode)


def test_a_read_only_run_translates_and_is_scored_and_does_not_train(
    here, tiny_run, tmp_path, read_only
):
    write_image(tmp_path / "in.png", np.zeros((32, 32, 3), np.uint8))
    read_only(tiny_run)
    with permissions_that_count():
        code, _, err = here(*TRAIN)
        assert (code, err) == (2, "pix2pix-tf: tiny_run cannot be written: Permission denied\n")
        code, out, err = here(*EVALUATE)
        assert (code, err) == (0, "")
        assert "the scores could not be kept: tiny_run" in " ".join(out.split())
        code, _, err = here(*TRANSLATE)
        assert (code, err) == (0, "")
        code, _, err = here(*TRANSLATE[:-1], "tiny_run/new")
        assert code == 2
        assert err.startswith("pix2pix-tf: tiny_run/new")
        assert "Permission denied" in err
