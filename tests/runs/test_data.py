"""What a run's data is, on the command line: resumed, finished, evaluated, moved."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from pix2pix_tf.runs.data import open_scored, run_config
from pix2pix_tf.runs.run import Run
from pix2pix_tf.utils.errors import UserError
from tests.conftest import TINIEST, write_pairs

pytestmark = pytest.mark.usefixtures("eagerly")

SETTINGS = {
    **TINIEST,
    "logging.tensorboard": "false",
    "logging.sheet_rows": 1,
    "logging.validate_every": 2,
    "logging.checkpoint_every": 2,
}


def settings(**more):
    overrides = SETTINGS | {key.replace("__", "."): value for key, value in more.items()}
    return [word for key, value in overrides.items() for word in ("--set", f"{key}={value}")]


@pytest.fixture
def trained(tmp_path, here):
    """Trains as a user does: `trained("scans", training__steps=2)`, below tmp_path."""

    def train(root, *words, **more):
        overrides = settings(data__root=root, **{"training__steps": 2, **more})
        return here("train", "--config", "facades", *words, *overrides)

    return train


def content(run):
    return {
        path.relative_to(run): path.read_bytes()
        for path in run.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_a_run_is_called_by_the_folder_that_is_given_for_its_data(trained, tmp_path):
    write_pairs(tmp_path / "some" / "scans", train=2, val=1)
    code, _, err = trained("some/scans")
    assert code == 0, err
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["scans"]


def test_a_config_with_a_folder_of_its_own_calls_the_run(here, tmp_path):
    write_pairs(tmp_path / "scans", train=2, val=1)
    (tmp_path / "mine.yaml").write_text("data: {root: scans}\n")
    code, _, err = here("train", "--config", "mine.yaml", *settings(training__steps=1))
    assert code == 0, err
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["mine"]


def test_a_run_is_never_given_other_pairs_in_silence(trained, tmp_path):
    write_pairs(tmp_path / "one", train=3, val=1)
    write_pairs(tmp_path / "two", train=3, val=1, size=(40, 40))  # the same names
    run = ("--run", "run")
    assert trained("one", *run)[0] == 0
    before = content(tmp_path / "run")
    for steps in (2, 4):  # finished, and to be trained further
        code, out, err = trained("two", *run, training__steps=steps)
        assert code == 2
        assert "already trained" not in out
        assert "train: 3 of other contents (train/0, train/1, train/2)" in err
        assert f"now, from {tmp_path / 'one'}" in err
        assert content(tmp_path / "run") == before
    (tmp_path / "one").rename(tmp_path / "moved")
    code, out, err = trained("moved", *run, training__steps=4)
    assert code == 0, err
    assert "resuming at step 2" in out


def test_a_finished_run_is_left_as_it_is_whatever_is_asked_for(trained, tmp_path):
    write_pairs(tmp_path / "scans", train=3, val=1)
    assert trained("scans")[0] == 0
    run = tmp_path / "runs" / "scans"
    before = content(run)
    asked = {"training__learning_rate": 0.5, "logging__keep": 7, "training__steps": 1}
    code, out, err = trained("scans", **asked)
    assert code == 0, err
    words = " ".join(out.split())
    assert "already trained to step 2, further than the 1 steps asked for" in words
    assert "its config.yaml keeps training.learning_rate=0.0002" in words
    assert content(run) == before
    assert not list(run.glob(".lock"))[1:]


def test_scores_of_a_finished_run_are_those_of_its_validation(trained, here, tmp_path):
    write_pairs(tmp_path / "scans", train=3, val=1, test=2)
    assert trained("scans")[0] == 0
    run = tmp_path / "runs" / "scans"
    (validated,) = [e for e in json.loads((run / "metrics.json").read_text()) if e["step"] == 2]
    for words in (["--split", "test"], ["--checkpoint", "best"], ["--split", "train"]):
        code, _, err = here("evaluate", "--run", run, *words)
        assert code == 0, err
    code, out, err = trained("scans")
    assert code == 0, err
    row = next(line for line in out.splitlines() if "│ l1" in line)
    assert f"{validated['scores']['l1']:.4f}" in row


def test_pairs_may_be_added_where_that_is_said_and_the_best_starts_anew(trained, tmp_path):
    write_pairs(tmp_path / "scans", train=3, val=2)
    assert trained("scans")[0] == 0
    shutil.copy(tmp_path / "scans/val/1.png", tmp_path / "kept.png")
    write_pairs(tmp_path / "more", train=1, val=1, size=(30, 30))
    shutil.copy(tmp_path / "more/val/0.png", tmp_path / "scans/val/new.png")
    code, _, err = trained("scans", training__steps=4)
    assert code == 2
    assert "val: 1 more (val/new)" in err
    code, out, err = trained("scans", "--data-changed", training__steps=4)
    assert code == 0, err
    assert "the best score so far is reset" in " ".join(out.split())
    assert "step 4" in out
    assert "(best so far)" in next(line for line in out.splitlines() if "step 4  valid" in line)
    entries = json.loads((tmp_path / "runs/scans/metrics.json").read_text())
    assert [(entry["step"], entry["images"]) for entry in entries] == [(0, 2), (2, 2), (4, 3)]


def test_images_that_were_trained_on_are_never_evaluated_as_new(trained, here, tmp_path):
    scans = write_pairs(tmp_path / "scans", train=3, val=1, test=1)
    assert trained("scans")[0] == 0
    run = tmp_path / "runs/scans"
    made = (run / "metrics.json").read_bytes()
    shutil.copy(scans / "train/1.png", scans / "test/renamed.png")
    shutil.copy(scans / "train/2.png", scans / "val/copy.png")
    for split, named in (("test", "renamed (trained on as train/1)"), ("val", "val/copy")):
        code, _, err = here("evaluate", "--run", run, "--split", split)
        assert code == 2
        assert f"was trained on 1 of the 2 pairs of {split}" in err
        assert named in err
    code, _, err = trained("scans", "--data-changed", training__steps=4)
    assert code == 2
    assert "val/copy (trained on as train/2)" in err
    assert (run / "metrics.json").read_bytes() == made
    assert here("evaluate", "--run", run, "--split", "train")[0] == 0  # asked for by its name


def test_held_out_images_that_were_moved_across_are_never_evaluated_as_new(trained, here, tmp_path):
    write_pairs(tmp_path / "pool", train=8)
    (tmp_path / "pool" / "train").rename(tmp_path / "scans")
    assert trained("scans")[0] == 0
    run = tmp_path / "runs/scans"
    record = json.loads((run / "pairs.json").read_text())
    trained_on = next(iter(record["train"]["bytes"]))
    (tmp_path / "scans/val").mkdir()
    (tmp_path / "scans/train").mkdir()
    for file in list((tmp_path / "scans").glob("*.png")):
        split = "val" if file.stem == trained_on else "train"
        file.rename(tmp_path / "scans" / split / file.name)
    code, _, err = here("evaluate", "--run", run)
    assert code == 2
    assert f"val/{trained_on} (trained on as {trained_on})" in err


def test_other_data_at_the_same_step_is_an_entry_of_its_own(trained, here, tmp_path):
    write_pairs(tmp_path / "scans", train=3, val=1)
    assert trained("scans")[0] == 0
    run = tmp_path / "runs/scans"
    before = json.loads((run / "metrics.json").read_text())
    write_pairs(tmp_path / "other", train=1, val=2, size=(48, 48))
    code, out, err = here("evaluate", "--run", run, "--set", "data.root=other", "--metrics", "l1")
    assert code == 0, err
    assert "these 2 pairs differ from the 1 that the training validated on" in " ".join(out.split())
    after = json.loads((run / "metrics.json").read_text())
    assert after[:-1] == before
    assert (after[-1]["step"], after[-1]["split"], after[-1]["images"]) == (2, "val", 2)
    assert here("evaluate", "--run", run, "--metrics", "l1,ssim")[0] == 0
    assert len(json.loads((run / "metrics.json").read_text())) == len(after)  # of the same data


def test_data_that_has_moved_is_found_by_set(trained, here, tmp_path):
    write_pairs(tmp_path / "scans", train=3, val=1)
    assert trained("scans")[0] == 0
    run = tmp_path / "runs/scans"
    (tmp_path / "scans").rename(tmp_path / "elsewhere")
    code, _, err = here("evaluate", "--run", run)
    assert code == 2
    assert "There is no folder" in err
    assert "--set data.root=FOLDER says where the data lies" in err
    code, out, err = here("evaluate", "--run", run, "--set", "data.root=elsewhere")
    assert code == 0, err
    assert "others than" not in out
    code, _, err = here("evaluate", "--run", run, "--set", "generator.width=8")
    assert code == 2
    assert "a trained run is taken as it was trained" in err
    words = ("--format", "tflite", "--output", "phone", "--set", "data.root=nowhere")
    code, _, err = here("export", "--run", run, *words)
    assert code == 2
    assert "nowhere" in err


def test_a_relative_root_is_found_from_any_folder(trained, here, tmp_path, monkeypatch):
    write_pairs(tmp_path / "scans", train=3, val=1)
    assert trained("scans")[0] == 0
    run = tmp_path / "runs/scans"
    there = tmp_path / "there"
    there.mkdir()
    monkeypatch.chdir(there)
    code, out, err = here("evaluate", "--run", run)
    assert code == 0, err
    write_pairs(there / "scans", train=3, val=2, size=(50, 50))  # another dataset of that name
    code, again, err = here("evaluate", "--run", os.path.relpath(run))
    assert code == 0, err
    assert ", 1 image " in again
    code, out, err = here("train", "--run", run, "--set", "training.steps=4")
    assert code == 0, err
    assert "resuming at step 2 of 4" in " ".join(out.split())
    monkeypatch.chdir(tmp_path)
    assert here("train", "--run", run, "--set", "training.steps=5")[0] == 0


def test_scores_are_printed_where_they_cannot_be_kept(trained, here, tmp_path, monkeypatch):
    write_pairs(tmp_path / "scans", train=3, val=1)
    assert trained("scans")[0] == 0
    run = tmp_path / "runs/scans"
    config = (run / "config.yaml").read_text().replace("tensorboard: false", "tensorboard: true")
    (run / "config.yaml").write_text(config)
    shutil.rmtree(run / "logs", ignore_errors=True)
    (run / "logs").write_text("")  # in the way

    def refuse(path, text):
        raise UserError(f"{path} cannot be written: Read-only file system")

    monkeypatch.setattr("pix2pix_tf.runs.run.write_text", refuse)
    before = content(run)
    code, out, err = here("evaluate", "--run", run)
    assert code == 0, err
    words = " ".join(out.split())
    assert "l1" in words
    assert f"the scores could not be kept: {run / 'metrics.json'} cannot be written: Read" in words
    assert "the scores could not be kept for TensorBoard: " in words
    after = content(run)
    after.pop(Path(".metrics.lock"), None), before.pop(Path(".metrics.lock"), None)
    assert after == before


def test_a_file_in_the_way_of_the_lock_is_no_end_of_an_evaluation(trained, here, tmp_path):
    write_pairs(tmp_path / "scans", train=3, val=1)
    assert trained("scans")[0] == 0
    run = tmp_path / "runs/scans"
    (run / ".metrics.lock").unlink()
    (run / ".metrics.lock").mkdir()
    code, out, err = here("evaluate", "--run", run)
    assert code == 0, err
    assert "the scores could not be kept: " in " ".join(out.split())


def test_pairs_in_the_other_direction_are_the_same_pairs_exchanged(tiny_run):
    run = Run(tiny_run)
    trained, other = open_scored(run, "val"), open_scored(run, "val", direction="AtoB")
    assert run_config(run).data.direction == "BtoA"
    assert run_config(run, direction="AtoB").data.direction == "AtoB"
    assert (other.record, other.own_split, other.notes) == (trained.record, True, [])
    for index in range(len(trained.pairs)):
        (image, target), (other_image, other_target) = trained.pairs[index], other.pairs[index]
        assert np.array_equal(image, other_target)
        assert np.array_equal(target, other_image)


@pytest.mark.parametrize(
    "words",
    [
        ("translate", "--input", "x", "--output", "out"),
        ("evaluate",),
        ("export", "--format", "tflite", "--output", "out"),
        ("demo", "--port", "0"),
    ],
)
def test_a_direction_that_the_run_does_not_have_is_refused(tiny_run, here, words):
    code, _, error = here(words[0], "--run", "tiny_run", *words[1:], "--direction", "AtoB")
    assert code == 2
    assert error.splitlines()[-1].endswith("direction AtoB: run tiny_run translates BtoA only")
    assert not Path("out").exists()
