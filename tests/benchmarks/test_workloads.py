"""Workers in processes of their own, and commands."""

import sys

import pytest

from pix2pix_tf.benchmark.worker import UnavailableError
from pix2pix_tf.benchmark.workloads import Command, WorkerProcess, worker_environment
from pix2pix_tf.utils.errors import UserError

CPU = worker_environment(1, 0)
START = """
import os, sys, time
from pix2pix_tf.benchmark.worker import WorkerState, UnavailableError, serve
def prepare():
    print("libraries talk", flush=True)
    BODY
serve(prepare, user_error=KeyError)
"""


def worker(body, variables=None):
    code = START.replace("BODY", body)
    return WorkerProcess("the worker", [sys.executable, "-c", code], variables or CPU)


def test_works_are_done_as_often_as_ordered_and_timed():
    body = """done = []
    def work(count):
        print("at work", flush=True)
        done.extend([1] * count)
        time.sleep(0.02 * count)
        return {"done": len(done)}
    return WorkerState({"work": work}, {"version": "1"})"""
    with worker(body) as its:
        assert its.info == {"version": "1"}
        workload = its.workload("work")
        assert workload.run(1).values == {"done": 1}
        run = workload.run(3)
        assert run.values == {"done": 4}
        assert 0.06 <= run.seconds < 5
        process = its._process
    assert process.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="VmHWM is Linux'")
def test_peak_memory_is_the_workers_own():
    body = """def work(count):
        return {"bytes": len(b"1" * (count * 10**6))}
    return WorkerState({"work": work}, {})"""
    held = bytearray(b"1") * 400_000_000  # of this process, which has TensorFlow besides
    with worker(body) as its:
        small, large = its.run("work", 1), its.run("work", 100)
    assert small.peak_bytes < 100e6 < len(held)
    assert 90e6 < large.peak_bytes - small.peak_bytes < 120e6
    assert large.peak_bytes < len(held)


def test_environment_of_all(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5,6")
    first = worker_environment(2, 2)
    assert (first["CUDA_VISIBLE_DEVICES"], first["OMP_NUM_THREADS"]) == ("3,5", "2")
    assert first["TF_NUM_INTRAOP_THREADS"] == first["TF_NUM_INTEROP_THREADS"] == "2"
    assert worker_environment(1, 0)["CUDA_VISIBLE_DEVICES"] == "-1"
    assert worker_environment(1, None)["CUDA_VISIBLE_DEVICES"] == "3,5,6"
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert worker_environment(1, 2)["CUDA_VISIBLE_DEVICES"] == "0,1"
    body = 'return WorkerState({}, {"threads": os.environ["OMP_NUM_THREADS"]})'
    with worker(body, first) as its:
        assert its.info == {"threads": "2"}


def test_what_cannot_run_here_says_why():
    with pytest.raises(UnavailableError, match="no compiler"):
        worker('raise UnavailableError("no compiler")')
    with pytest.raises(UserError, match="no such data"):
        worker('raise KeyError("no such data")')


def test_a_process_that_ends_is_named_with_its_last_words():
    with pytest.raises(UserError, match=r"the worker: .* code 1: ValueError: broken"):
        worker('raise ValueError("broken")')
    body = "return WorkerState({'work': lambda count: os._exit(3)}, {})"
    with worker(body) as its, pytest.raises(UserError, match="code 3"):
        its.run("work", 1)


def test_losses_must_be_finite():
    body = "return WorkerState({'work': lambda count: {'loss': float('nan')}}, {})"
    with worker(body) as its, pytest.raises(UserError, match=r"work: loss = nan"):
        its.run("work", 1)


def test_commands_are_timed_from_start_to_end(tmp_path):
    code = f"import time; time.sleep(0.05); open({str(tmp_path / 'log')!r}, 'a').write('x')"
    run = Command([sys.executable, "-c", code], CPU).run(2)
    assert (tmp_path / "log").read_text() == "xx"
    assert run.seconds >= 0.1
    failing = Command(
        [sys.executable, "-c", "import sys; sys.exit('why')"], worker_environment(1, 0)
    )
    with pytest.raises(UserError, match="why"):
        failing.run(1)
