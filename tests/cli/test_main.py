"""The user's journeys through the command line, as a user types them."""

import json
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.cli.options import expand_repeated_set, parse_size
from pix2pix_tf.images.io import write_image
from pix2pix_tf.utils.errors import UserError
from tests.conftest import COMMAND, TINY, typed
from tests.soak import soak

pytestmark = pytest.mark.usefixtures("eagerly")


def settings(root, **more):
    """The words of a training that takes seconds."""
    overrides = {**TINY, "data.root": root, "logging.tensorboard": "false"}
    overrides |= {key.replace("__", "."): value for key, value in more.items()}
    return [word for key, value in overrides.items() for word in ("--set", f"{key}={value}")]


@pytest.mark.parametrize(
    ("words", "of"),
    [
        (["translate", "--run", "r", "--input", "", "--output", "o"], "--input"),
        (["translate", "--run", "r", "--input", "i", "--output="], "--output"),
        (["evaluate", "--run", "", "--json", "s.json"], "--run"),
        (["data", "check", ""], "an argument"),
    ],
)
def test_an_empty_value_is_never_taken_for_the_working_directory(here, words, of):
    code, _, error = here(*words)
    assert code == 2
    assert f"{of}: is given an empty value" in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.slow("starts the command as a process")
def test_train_translate_evaluate(tmp_path, pairs_folder):
    root = pairs_folder()
    trained = typed(
        "train", "--config", "facades.yaml", *settings(root, training__epochs=1), cwd=tmp_path
    )
    assert trained.returncode == 0, trained.stderr
    assert trained.stderr == ""
    assert "step 6/6" in trained.stdout
    assert "before" in trained.stdout
    assert "translate --run runs/pairs" in trained.stdout

    (tmp_path / "mine").mkdir()
    random = np.random.default_rng(0)
    write_image(tmp_path / "mine" / "wide.jpg", random.integers(0, 255, (40, 64, 3), np.uint8))
    deep = random.integers(0, 65535, (33, 47)).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "mine" / "deep.png")
    words = ("--run", "runs/pairs", "--input", "mine", "--output", "out", "--seed", 1)
    translated = typed("translate", *words, cwd=tmp_path)
    assert translated.returncode == 0, translated.stderr
    sizes = {path.name: Image.open(path).size for path in (tmp_path / "out").iterdir()}
    assert sizes == {"wide.png": (64, 40), "deep.png": (47, 33)}

    evaluated = typed("evaluate", "--run", "runs/pairs", cwd=tmp_path)
    assert evaluated.returncode == 0, evaluated.stderr
    scores = json.loads((tmp_path / "runs" / "pairs" / "metrics.json").read_text())[-1]["scores"]
    assert f"{scores['l1']:.4f}" in evaluated.stdout


def _wait_for(path, process):
    deadline = time.monotonic() + 180
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow("kills and resumes trainings")
def test_killed_twice_it_ends_bit_for_bit_as_another_run_of_the_same_seed(tmp_path):
    """Two runs of the sample, one of them killed: all tensors, scores and sheets (see soak.py)."""
    tally = soak(tmp_path, ["writing", "training"], random.Random(0))
    assert tally.wrong == []
    assert (tally.kills, tally.runs) == (2, 1)
    assert tally.resumed >= 1
    sessions = json.loads((tmp_path / "killed-1" / "versions.json").read_text())["sessions"]
    assert len(sessions) == 3


@pytest.mark.slow("starts the command as a process")
def test_sigterm_saves_and_leaves(tmp_path, pairs_folder):
    words = ["train", "--config", "facades", *settings(pairs_folder(), training__steps=100_000)]
    process = subprocess.Popen(
        [COMMAND, *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    run = tmp_path / "runs" / "pairs"
    _wait_for(run / "samples" / "step-0000006.png", process)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert "saved: the same command resumes there" in out
    assert err == ""
    (saved,) = (run / "checkpoints").glob("step-*.index")
    step = int(saved.stem.partition("-")[2])
    assert f"stopped at step {step} by SIGTERM" in out
    more = typed("train", "--run", run, "--set", f"training.steps={step + 1}", cwd=tmp_path)
    assert more.returncode == 0, more.stderr
    assert f"resuming at step {step} of {step + 1}" in more.stdout


def test_a_finished_decay_is_not_trained_on_without_a_word(tiny_run, here):
    config = tiny_run / "config.yaml"
    config.write_text(config.read_text().replace("decay_from_epoch: null", "decay_from_epoch: 1"))
    code, _, err = here("train", "--run", tiny_run, "--set", "training.steps=4")
    assert code == 2
    assert "its learning rate has fallen to 0 at step 2" in err
    assert "would let it jump to 0.0001" in err
    assert "decay_from_epoch=null" in err
    assert "steps: 2" in config.read_text()


@pytest.mark.usefixtures("eagerly")
def test_fresh_must_be_said_twice(tiny_run, here):
    words = ("train", "--config", tiny_run / "config.yaml", "--run", tiny_run)
    (tiny_run / "notes.txt").write_text("mine")
    code, _, err = here(*words, "--fresh")
    assert code == 2
    assert "--fresh --fresh" in err
    assert (tiny_run / "checkpoints" / "step-2.index").exists()
    copy = (tiny_run / "config.yaml").rename(tiny_run.parent / "again.yaml")
    (tiny_run / "config.yaml").write_text(copy.read_text())
    code, out, _ = here("train", "--config", copy, "--run", tiny_run, "--fresh", "--fresh")
    assert code == 0
    assert "starting of 2 steps" in out
    assert (tiny_run / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train"], "give --config FILE|NAME to start, or --run DIR to resume"),
        (["train", "--config", "mapps.yaml"], "Did you mean maps.yaml?"),
        (["train", "--config", "maps", "--set", "data.root=nowhere"], "There is no folder"),
        (["train", "--config", "maps", "--set", "data.rot=x"], "did you mean data.root?"),
        (["train", "--run", "nothing"], "run nothing: no such folder"),
        (["translate", "--run", "no", "--input", "x", "--output", "y"], "run no: no such folder"),
        (["evaluate", "--run", "no", "--checkpoint", "old"], "expected newest or best"),
        (["evaluate"], "give --run DIR, or --outputs DIR and --targets DIR"),
        (["nonsense"], "No such command 'nonsense'"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(here, words, message):
    code, _, err = here(*words)
    assert code == 2
    assert message in " ".join(err.replace("│", " ").split())
    assert "Traceback" not in err


def test_directory_that_cannot_be_written(here, pairs_folder, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = here("train", "--config", "maps", "--run", "file/run", *settings(pairs_folder()))
    assert code == 2
    assert "file/run" in err


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("train --set a.b=1 c=2 --run x", "train --set a.b=1 --set c=2 --run x"),
        ("train --set a=1 --set b=2 c=3", "train --set a=1 --set b=2 --set c=3"),
        ("translate --set a=1 in.png b=2.png", "translate --set a=1 in.png b=2.png"),
        ("translate --run r a=1.png", "translate --run r a=1.png"),
        ("train --set", "train --set"),
    ],
)
def test_set_takes_several(typed, meant):
    assert expand_repeated_set(typed.split()) == meant.split()


def test_help_and_version_need_no_tensorflow():
    code = (
        "import sys; sys.argv = ['pix2pix-tf', '--help']\n"
        "from pix2pix_tf.cli.main import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "sys.exit('tensorflow' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=-3, check=False).returncode == 0
    assert typed("--version", cwd="/").stdout.strip() == "0.1.0"


def test_the_package_runs_as_the_command():
    words = [sys.executable, "-m", "pix2pix_tf"]
    version = subprocess.run([*words, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.strip() == "0.1.0"
    refused = subprocess.run([*words, "train"], capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith(
        "pix2pix-tf: train: give --config FILE|NAME to start, or --run"
    )


@pytest.mark.parametrize(
    ("text", "size"),
    [(None, None), ("256", (256, 256)), ("256x512", (256, 512)), ("8X4", (8, 4))],
)
def test_sizes_are_a_number_or_height_and_width(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "x", "1x", "1x2x3", "-1", "1.5", "9000", "16x9000"])
def test_other_sizes_are_refused(text):
    with pytest.raises(
        UserError, match=f"--size {text}: expected a number, or HEIGHTxWIDTH.* at most 8192"
    ):
        parse_size(text, at_most=8192)


def test_translate_in_tiles(here, tiny_run, tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (270, 300, 3), np.uint8)
    write_image(tmp_path / "large.png", image)
    words = ("translate", "--run", tiny_run, "--input", "large.png", "--output", "out", "--tile")
    code, out, err = here(*words, 256)
    assert (code, err) == (0, "")
    assert "1 translation of step 2" in out
    assert Image.open(tmp_path / "out" / "large.png").size == (300, 270)
    write_image(tmp_path / "strip.png", image[:100])
    assert here(*words[:4], "strip.png", *words[5:], 256)[0] == 0
    assert Image.open(tmp_path / "out" / "strip.png").size == (300, 100)
    code, _, err = here(*words, 100)
    assert code == 2
    assert "tile 100: expected the side of a tile in pixels, a multiple of 64" in err
