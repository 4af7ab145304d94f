"""Images that turn out to be bad while a training goes on."""

import io
import os
import signal
import subprocess
import time

import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.images.io import write_image
from pix2pix_tf.runs.checkpoint_files import newest_step
from pix2pix_tf.training import train
from pix2pix_tf.training.background_check import BackgroundCheck
from pix2pix_tf.utils.errors import UserError
from tests.conftest import COMMAND, TINIEST, make_small_large

STEPS = 12


@pytest.fixture
def _small_is_large(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make_small_large(monkeypatch)


@pytest.fixture
def root(pairs_folder):
    """Twelve training pairs, of which 5 has damaged pixels behind a sound header."""
    root = pairs_folder(train=12, val=1)
    cut(root / "train" / "5.png")
    return root


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


def config(root, **overrides):
    dotted = {key.replace("__", "."): value for key, value in overrides.items()}
    fixed = {"data.root": str(root), "logging.tensorboard": False, "training.steps": STEPS}
    fixed["warnings.flat_image"] = None  # which would read all of so few pairs at the start
    return load_config("facades", {**TINIEST, **fixed, **dotted})


def trained(settings, run, **words):
    """Trains, and returns what it says."""
    said = io.StringIO()
    train(settings, run, console=Console(file=said, width=1000), **words)
    return said.getvalue()


def weights(run):
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(run / "checkpoints")))
    return {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if not name.startswith(("_CHECKPOINTABLE", "save_counter"))
    }


def assert_same(first, second):
    one, other = weights(first), weights(second)
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert np.array_equal(value, other[name]), name


@pytest.mark.usefixtures("eagerly", "_small_is_large")
def test_skipped_pairs_are_said_and_listed_and_resuming_is_exact(tmp_path, root, monkeypatch):
    settings = config(root, data__on_bad_image="skip")
    said = trained(settings, tmp_path / "whole")
    bad = root / "train" / "5.png"
    assert f"warning: skipped: {bad} is damaged or cut short" in said
    assert "the other 10 training pairs have been opened, 1 bad pair among them" in said
    (line,) = (tmp_path / "whole" / "skipped.txt").read_text().splitlines()
    assert line.startswith(f"train/5: {bad} is damaged or cut short")

    # Without a check in the background the reader finds it, in whichever session it comes up.
    monkeypatch.setattr(BackgroundCheck, "_run", lambda self: None)
    for steps in (2, 7, STEPS):
        part = config(root, data__on_bad_image="skip", training__steps=steps)
        trained(part, tmp_path / "parts")
    assert_same(tmp_path / "whole", tmp_path / "parts")
    assert (tmp_path / "parts" / "skipped.txt").read_text() == f"{line}\n"
    more = config(root, data__on_bad_image="skip", training__steps=STEPS + 1)
    assert f"1 bad pair skipped, listed in {tmp_path / 'parts' / 'skipped.txt'}" in trained(
        more, tmp_path / "parts"
    )


@pytest.mark.usefixtures("eagerly", "_small_is_large")
@pytest.mark.parametrize("finder", ["reader", "background"])
def test_bad_image_stops_a_training_at_a_checkpoint(tmp_path, root, monkeypatch, finder):
    path, run = root / "train" / "5.png", tmp_path / "run"
    if finder == "reader":
        monkeypatch.setattr(BackgroundCheck, "_run", lambda self: None)
    else:
        monkeypatch.setattr(BackgroundCheck, "__enter__", _found_at_once)
    with pytest.raises(UserError) as error:
        trained(config(root), run)
    said = str(error.value)
    step = newest_step(run / "checkpoints")
    assert said.startswith(f"{root}: 1 of 12 pairs cannot be used:\n  {path} is damaged")
    assert f"Stopped at step {step}; saved" in said
    assert step < STEPS

    monkeypatch.undo()
    make_small_large(monkeypatch)
    sound = (root / "train" / "4.png").read_bytes()
    path.write_bytes(sound)
    trained(config(root), run, data_changed=True)
    trained(config(root), tmp_path / "whole")
    assert_same(run, tmp_path / "whole")


def _found_at_once(check):
    """Starts the check and waits until it has found something, so that step 1 is the last."""
    check._run()
    assert check.error is not None
    check._pending = None
    return check


@pytest.mark.usefixtures("eagerly", "_small_is_large")
def test_training_that_ends_before_the_check_says_so(tmp_path, root, monkeypatch):
    def run(check):
        while not check._stopping:
            time.sleep(0.01)

    monkeypatch.setattr(BackgroundCheck, "_run", run)
    settings = config(root, data__on_bad_image="skip", training__steps=1)
    said = trained(settings, tmp_path / "run")
    assert "checked: 10 of 10 training pairs have not been opened" in said


@pytest.mark.usefixtures("eagerly", "_small_is_large")
def test_several_workers_open_all_beforehand(tmp_path, root, monkeypatch):
    from pix2pix_tf.training import prepare
    from pix2pix_tf.training.distributed.worker_group import WorkerGroup, default_strategy

    workers = WorkerGroup(default_strategy())
    monkeypatch.setattr(prepare, "HelperProcesses", prepare.HelperProcesses)
    pairs = prepare.open_pairs(config(root, data__on_bad_image="skip"), check=True)
    console = Console(quiet=True)
    workers.cluster = "several"
    prepare._opened_further(pairs, pairs.train.pending, None, workers, console)
    assert list(pairs.train.pending.bad) == [5]
    pairs = prepare.open_pairs(config(root), check=True)
    with pytest.raises(UserError, match="1 of 12 pairs cannot be used"):
        prepare._opened_further(pairs, pairs.train.pending, None, workers, console)


@pytest.mark.slow("trains on ten thousand files by the command, and kills it")
def test_killed_training_on_a_large_dataset_ends_as_one_never_killed(tmp_path):
    root = tmp_path / "pairs"
    for split, count in (("train", 10_100), ("val", 2)):
        (root / split).mkdir(parents=True)
        image = np.random.default_rng(0).integers(0, 256, (16, 32, 3)).astype(np.uint8)
        for number in range(count):
            image[0, 0] = (number % 256, number // 256, 0)
            write_image(root / split / f"{number}.png", image)
    for number in range(1, 10_100, 3):  # a third, so that some are met within a few steps
        cut(root / "train" / f"{number}.png")
    settings = {**TINIEST, "data.root": root, "data.on_bad_image": "skip", "training.steps": 400}
    settings |= {"logging.checkpoint_every": 20, "logging.tensorboard": False}
    settings |= {"logging.validate_every": 400, "logging.sheet_every": 400}
    words = [f"{key}={value}" for key, value in settings.items()]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def start(run):
        command = [COMMAND, "train", "--config", "facades", "--run", run, "--set", *words]
        with (tmp_path / "said").open("w") as said:
            return subprocess.Popen(command, env=environment, stdout=said)

    assert start(tmp_path / "whole").wait() == 0
    said = (tmp_path / "said").read_text()
    assert said.count("warning: skipped: ") == 10
    assert "warning: more pairs are skipped, see the run's skipped.txt" in said
    killed = start(tmp_path / "killed")
    while not (newest_step(tmp_path / "killed" / "checkpoints") or 0) >= 100:
        assert killed.poll() is None
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert newest_step(tmp_path / "killed" / "checkpoints") < 400
    assert start(tmp_path / "killed").wait() == 0
    assert_same(tmp_path / "whole", tmp_path / "killed")
