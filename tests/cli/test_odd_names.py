"""The command as it is typed, with names and terminals that are not what one expects."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pix2pix_tf.images.io import write_image
from tests.conftest import COMMAND, TINIEST

pytestmark = pytest.mark.slow("starts the command as a process")

ASCII_ONLY = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ODD = [b"res[/a]", b"[final]", b"[red]", b":smile:", b"caf\xe9", b"\xe4\xb8\xad"]

bytes_as_names = pytest.mark.skipif(
    os.name == "nt" or sys.platform == "darwin", reason="names are UTF-8 there"
)


def typed(*words, cwd, **environment):
    """Runs the command in an environment of its own; what it prints comes back as bytes."""
    done = subprocess.run(
        [COMMAND, *words],
        cwd=cwd,
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    return done


@pytest.fixture
def odd(tmp_path):
    """Outputs and targets in a folder with an odd name, all images with odd names."""
    folder = os.fsencode(tmp_path) + b"/all :b: \xff"
    random = np.random.default_rng(0)
    for side in (b"/outputs/", b"/targets/"):
        for name in ODD:
            place = Path(os.fsdecode(folder + side + name + b".png"))
            place.parent.mkdir(parents=True, exist_ok=True)
            write_image(place, random.integers(0, 256, (16, 32, 3), np.uint8))
    return folder


def content(path):
    return Path(os.fsdecode(path)).read_bytes()


@bytes_as_names
@pytest.mark.parametrize("environment", [{}, ASCII_ONLY])
def test_names_of_any_bytes_are_scored_printed_and_written(odd, tmp_path, environment):
    done = typed(
        *(b"evaluate", b"--outputs", odd + b"/outputs", b"--targets", odd + b"/targets"),
        *(b"--json", odd + b"/[x]\xfe.json", b"--report", odd + b"/[page]\xfe"),
        *(b"--save", odd + b"/saved\xfe", b"--plot", odd + b"/plot\xfe.png"),
        *(b"--metrics", b"l1,lab_histogram"),
        cwd=tmp_path,
        **environment,
    )
    assert done.returncode == 0, done.stderr
    assert rb"[x]\xfe.json" in done.stdout  # brackets stay, the byte is an escape
    scores = json.loads(content(odd + b"/[x]\xfe.json"))
    assert {"res[/a]", "[final]", "[red]", ":smile:", "caf\\xe9"} < set(scores["per_image"])
    assert "caf\\xe9" in content(odd + b"/[page]\xfe/index.html").decode("utf-8")
    assert len(list(Path(os.fsdecode(odd + b"/saved\xfe/outputs")).iterdir())) == len(ODD)


@bytes_as_names
def test_datasets_with_names_of_any_bytes_are_split_trained_on_and_scored(odd, tmp_path):
    pairs, split, run = odd + b"/outputs", b"split[x]", b"run :c:"
    settings = {**TINIEST, "training.steps": 1, "logging.tensorboard": "true"}
    given = [f"--set={key}={value}" for key, value in settings.items()]
    train = [b"train", b"--config", b"facades", b"--set=data.root=split[x]", b"--run", run, *given]
    refused = typed(*train[:-1], b"--run", odd + b"/run", cwd=tmp_path, **ASCII_ONLY)
    assert refused.returncode == 2
    assert b"TensorFlow takes only paths in UTF-8" in refused.stderr
    for words, said in (
        ([b"data", b"check", pairs], rb"all good in "),
        ([b"data", b"split", pairs, b"--output", split, b"--val", b"0.3"], rb"split[x]"),
        (train, rb"run :c:"),
        ([b"evaluate", b"--run", run], rb"psnr"),
    ):
        done = typed(*words, cwd=tmp_path, **ASCII_ONLY)
        assert done.returncode == 0, (words, done.stderr)
        assert said in done.stdout


@pytest.mark.parametrize("environment", [ASCII_ONLY, {"PYTHONIOENCODING": "cp1252"}])
def test_all_help_and_lists_are_printed_on_terminals_that_lack_characters(tmp_path, environment):
    for words in (["--help"], ["data", "list"], ["data", "sketch", "--help"], ["evaluate", "-h"]):
        done = typed(*words, cwd=tmp_path, **environment)
        assert done.returncode == 0
        done.stdout.decode(environment.get("PYTHONIOENCODING", "ascii"))
    done = typed("data", "check", "bäume × 中[/a]", cwd=tmp_path, **environment)
    assert done.returncode == 2
    assert b"[/a]" in done.stderr
    done.stderr.decode(environment.get("PYTHONIOENCODING", "ascii"))
