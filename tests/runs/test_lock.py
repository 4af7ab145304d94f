import errno
import signal
import subprocess
import sys

import pytest

from pix2pix_tf.runs import lock as locking
from pix2pix_tf.runs.lock import run_lock
from pix2pix_tf.utils.errors import UserError

HOLD = """
import sys, time
from pathlib import Path
from pix2pix_tf.runs.lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def hold():
    """A function that has another process hold a folder, and returns that process."""
    started = []

    def start(folder):
        words = [sys.executable, "-c", HOLD, str(folder)]
        started.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout.readline() == "held\n"
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_another_process_is_refused_and_a_dead_ones_lock_is_no_obstacle(tmp_path, hold):
    other = hold(tmp_path / "run")
    with pytest.raises(UserError) as caught, run_lock(tmp_path / "run"):
        pass
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'run'}: another process is training there (process ")
    assert f"process {other.pid} on " in message
    assert message.endswith("wait for its end or stop it, or choose another folder")
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert (tmp_path / "run" / ".lock").read_text() != ""  # what the dead one said
    with run_lock(tmp_path / "run"):
        pass
    assert (tmp_path / "run" / ".lock").read_text() == ""


def test_neither_training_nor_fresh_touch_a_run_in_training(here, tiny_run, hold):
    hold(tiny_run)
    before = {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")}
    words = ("train", "--config", tiny_run / "config.yaml", "--run", tiny_run)
    words += ("--set", "training.steps=9")
    for more in ((), ("--fresh", "--fresh")):
        code, _, err = here(*words, *more)
        assert code == 2
        assert "another process is training there" in err
        assert err.count("\n") == 1
    assert {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")} == before


def test_it_is_free_again_after_an_error_too(tmp_path):
    with pytest.raises(KeyError), run_lock(tmp_path):
        raise KeyError
    with run_lock(tmp_path), pytest.raises(UserError, match="another process"), run_lock(tmp_path):
        pass


def test_file_systems_without_locks_are_said_and_used(tmp_path, monkeypatch):
    def refuse(handle, wait=False):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locking, "_lock", refuse)
    said = []
    with run_lock(tmp_path, said.append):
        pass
    assert said == [
        f"{tmp_path}: its file system has no locks: let nothing else train there meanwhile"
    ]


def test_a_file_is_no_run_directory(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file: is a file; expected a folder"):  # noqa: SIM117
        with run_lock(tmp_path / "file"):
            pass
    with pytest.raises(UserError, match="file/run cannot be written: Not a directory"):  # noqa: SIM117
        with run_lock(tmp_path / "file" / "run"):
            pass
