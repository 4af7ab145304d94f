import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.runs.run import Measurement, Run
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import write_text


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path / "run")
    run.save_config(load_config("maps"))
    return run


def test_config_round_trip(run):
    assert run.exists()
    assert run.load_config() == load_config("maps")


def test_scores_of_the_same_measurement_stand_together_and_are_replaced(run):
    run.add_metrics(Measurement(1, "val", data="d"), 3, {"l1": 0.5, "ssim": 0.9})
    run.add_metrics(Measurement(2, "val", data="d"), 3, {"l1": 0.4})
    run.add_metrics(Measurement(1, "val", data="d"), 3, {"l1": 0.3, "psnr": 20.0})
    kept = [(entry["step"], entry["scores"]) for entry in run.metrics()]
    assert kept == [(2, {"l1": 0.4}), (1, {"l1": 0.3, "ssim": 0.9, "psnr": 20.0})]
    assert json.loads(run.metrics_file.read_text()) == run.metrics()
    assert run.scores_of(Measurement(2, "val", data="d")) == {"l1": 0.4}
    assert run.scores_of(Measurement(3, "val", data="d")) is None


@pytest.mark.parametrize(
    "other",
    [
        Measurement(2, "val", data="d"),
        Measurement(1, "test", data="d"),
        Measurement(1, "val", "best", data="d"),
        Measurement(1, "val", data="other"),
        Measurement(1, "val", data="d", tools={"palette": "sample 12ab"}),
        Measurement(1, "val", data="d", direction="BtoA"),
    ],
)
def test_another_measurement_is_an_entry_of_its_own(run, other):
    first = Measurement(1, "val", data="d")
    run.add_metrics(first, 3, {"l1": 0.5})
    run.add_metrics(other, 2, {"l1": 0.1})
    assert [entry["images"] for entry in run.metrics()] == [3, 2]
    assert run.scores_of(first) == {"l1": 0.5}
    assert run.scores_of(other) == {"l1": 0.1}


def test_scores_that_are_recorded_at_the_same_time_are_all_kept(run):
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda step: run.add_metrics(Measurement(step, "val"), 1, {"l1": 0.1}), range(40)
            )
        )
    assert sorted(entry["step"] for entry in run.metrics()) == list(range(40))


def test_damaged_metrics_are_named(run):
    run.metrics_file.write_text("[{")
    with pytest.raises(UserError, match=r"metrics\.json: is damaged"):
        run.metrics()


def test_delete_removes_what_training_writes_and_nothing_else(run):
    for folder in (run.checkpoints, run.logs, run.samples):
        folder.mkdir()
        (folder / "file").write_text("")
    (run.path / "notes.txt").write_text("mine")
    run.delete()
    assert [path.name for path in run.path.iterdir()] == ["notes.txt"]


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    def fail(path):
        raise RuntimeError

    monkeypatch.setattr("pix2pix_tf.utils.files.fsync", fail)
    (tmp_path / "file").write_text("old")
    with pytest.raises(RuntimeError):
        write_text(tmp_path / "file", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "old"


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(UserError, match=r"holds no config\.yaml, so it is not a run directory"):
        Run(tmp_path).load_config()
