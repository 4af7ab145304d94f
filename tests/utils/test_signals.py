"""Trainings and other commands that are asked to stop, by signals and by output nobody reads."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from pix2pix_tf.utils.signals import graceful_shutdown
from tests.conftest import COMMAND, TINIEST

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture(autouse=True)
def _handlers_as_before():
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_first_signal_is_noted(number):
    before = signal.getsignal(number)
    with graceful_shutdown() as caught:
        assert caught.signal is None
        signal.raise_signal(number)
        assert caught.signal == number
    assert signal.getsignal(number) == before


def test_a_second_interrupt_acts_as_usual():
    with graceful_shutdown() as caught:
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert caught.signal == signal.SIGTERM


def test_sighup_is_never_the_second_that_kills():
    """Shells and the system both send it, and systemd does right after SIGTERM."""
    for first in (signal.SIGHUP, signal.SIGTERM):
        with graceful_shutdown() as caught:
            for number in (first, signal.SIGHUP, signal.SIGHUP):
                signal.raise_signal(number)
            assert caught.signal == first


def test_ignored_signals_stay_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with graceful_shutdown() as caught:
        signal.raise_signal(signal.SIGHUP)
        assert caught.signal is None
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_in_other_threads_signals_are_somebody_elses():
    before, noted = signal.getsignal(signal.SIGTERM), []

    def work():
        with graceful_shutdown() as caught:
            noted.append((caught.signal, signal.getsignal(signal.SIGTERM) == before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert noted == [(None, True)]


@pytest.fixture
def training(tmp_path, pairs_folder):
    """Starts a training without end; `ends` waits for it and returns what it says of its end."""
    settings = {
        **TINIEST,
        "data.root": pairs_folder(size=(18, 18), train=2, val=1),
        "logging.tensorboard": "false",
        "training.steps": 10_000_000,
    }
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    processes = []

    def start(*before, reads=None, **how):
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
        command = [*before, COMMAND, "train", "--config", "facades", "--run", "run", *words]
        process = subprocess.Popen(command, cwd=tmp_path, **how)
        processes.append(process)
        deadline = time.monotonic() + 300
        while not (tmp_path / "run/samples/step-0000002.png").exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
            with suppress(BlockingIOError):
                _ = reads and os.read(reads, 2**16)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def newest(tmp_path):
    return max(
        (int(file.stem.split("-")[1]) for file in (tmp_path / "run/checkpoints").glob("step-*")),
        default=0,
    )


@pytest.mark.slow("starts the command as a process")
def test_sighup_saves_and_leaves(training, tmp_path):
    process = training()
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 128 + signal.SIGHUP
    assert f"stopped at step {newest(tmp_path)} by SIGHUP; saved" in out.decode()
    assert err == b""


@pytest.mark.slow("starts the command as a process")
def test_below_nohup_only_a_closed_pipe_saves_and_ends(training, tmp_path):
    """As of `nohup pix2pix-tf train | head -1`."""
    process = training(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    time.sleep(1)
    assert process.poll() is None
    process.stdout.close()
    assert process.wait(timeout=300) == 128 + signal.SIGPIPE
    assert process.stderr.read() == b""
    assert newest(tmp_path) > 2


# Makes standard output the terminal that a process belongs to, and becomes another program.
TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(1, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.slow("starts the command as a process")
@pytest.mark.parametrize("belongs", [True, False])
def test_a_terminal_that_is_closed(training, tmp_path, belongs):
    """It hangs up on programs that belong to it; others go on without it, as after `disown`."""
    ours, its = os.openpty()
    os.set_blocking(ours, False)
    before = [sys.executable, "-c", TERMINAL] if belongs else []
    process = training(*before, reads=ours, stdin=its, stdout=its, start_new_session=True)
    os.close(its)
    os.close(ours)
    if not belongs:
        time.sleep(3)  # several reports that cannot be written
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
    expected = signal.SIGHUP if belongs else signal.SIGTERM
    assert process.wait(timeout=300) == 128 + expected
    assert process.stderr.read() == b""
    assert newest(tmp_path) > 2


@pytest.mark.parametrize("words", ["data list", "--help", "data check .", "--version"])
def test_commands_whose_output_nobody_reads_end_without_a_word(words, tmp_path, pairs_folder):
    reading, writing = os.pipe()
    os.close(reading)
    root = pairs_folder(size=(18, 18), train=2, val=1)
    done = subprocess.run(
        [COMMAND, *words.split()], cwd=root, stdout=writing, stderr=-1, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_output_onto_a_full_disk_is_one_sentence():
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run([COMMAND, "data", "list"], stdout=full, stderr=-1, check=False)
    assert done.returncode == 2
    assert done.stderr == b"pix2pix-tf: No space left on device\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(closed):
    done = subprocess.run(
        ["sh", "-c", f"{COMMAND} data list {closed}"], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
