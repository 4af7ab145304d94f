"""Workloads to be timed: in worker processes that keep them warm, and as commands."""

from __future__ import annotations

import json
import math
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from pix2pix_tf.benchmark.worker import UnavailableError
from pix2pix_tf.utils.errors import UserError

SHUTDOWN_SECONDS = 10.0  # time in which a worker must end by itself before it is killed


@dataclass(frozen=True)
class TimedRun:
    """One timed run of a workload.

    Attributes:
        seconds: Wall-clock duration of all repetitions together.
        values: Numbers that the workload computed; empty for commands.
        peak_bytes: Peak memory of the workload's process so far; None for commands.
    """

    seconds: float
    values: Mapping[str, float]
    peak_bytes: int | None


class Workload(Protocol):
    """A computation that can be run repeatedly and timed."""

    def run(self, repetitions: int) -> TimedRun:
        """Runs the workload `repetitions` times in a row."""
        ...


def worker_environment(threads: int, gpus: int | None) -> dict[str, str]:
    """Environment variables of all workers, with the number of threads and the visible devices.

    Args:
        threads: Threads of TensorFlow and PyTorch.
        gpus: Number of the visible GPUs to use; 0 for the CPU, None for all.

    Returns:
        The values of the variables by name.
    """
    variables = {
        **os.environ,
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": str(threads),
        "OMP_NUM_THREADS": str(threads),
        # Several processes share a GPU, so that none of them may allocate all of its memory.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }
    if gpus is not None:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        numbers = visible.split(",") if visible else [str(number) for number in range(gpus)]
        variables["CUDA_VISIBLE_DEVICES"] = ",".join(numbers[:gpus]) or "-1"
    return variables


class WorkerProcess:
    """A running worker, see `pix2pix_tf.benchmark.worker`; a context manager that ends it on exit.

    Attributes:
        info: Facts that the worker reports: versions, device, floating-point operations.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        environment: Mapping[str, str],
        working_dir: Path | None = None,
    ) -> None:
        """Starts the process and waits until it is ready.

        Args:
            name: Name of the worker in error messages.
            command: Program and arguments of a process that calls `worker.serve`.
            environment: All environment variables of the process.
            working_dir: Working directory of the process; by default that of this process.

        Raises:
            UnavailableError: The worker cannot run on this machine.
            UserError: The worker cannot use the settings or data, or its process ended.
        """
        self._name = name
        with ExitStack() as cleanup:
            self._stderr = cleanup.enter_context(tempfile.TemporaryFile())
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env=dict(environment),
                cwd=working_dir,
                text=True,
            )
            cleanup.callback(self._terminate)
            ready = self._read_answer()
            if "unavailable" in ready:
                raise UnavailableError(ready["unavailable"])
            if "user_error" in ready:
                raise UserError(ready["user_error"])
            self.info: dict[str, Any] = ready["info"]
            self._cleanup = cleanup.pop_all()

    def workload(self, name: str) -> Workload:
        """Returns one of the worker's workloads by name."""
        return _RemoteWorkload(self, name)

    def run(self, workload: str, repetitions: int) -> TimedRun:
        """Runs one of the worker's workloads.

        Args:
            workload: Name of the workload.
            repetitions: Number of repetitions.

        Returns:
            The timed run.

        Raises:
            UserError: The process ended, or a result is not finite.
        """
        assert self._process.stdin is not None
        request = json.dumps({"workload": workload, "repetitions": repetitions})
        try:
            print(request, file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise self._process_ended() from None
        run = TimedRun(**self._read_answer())
        for name, value in run.values.items():
            if not math.isfinite(value):
                raise UserError(f"{self._name}: {workload}: {name} = {value} is not finite")
        return run

    def _read_answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._process_ended()
        return json.loads(line)

    def _process_ended(self) -> UserError:
        code = self._process.wait()
        self._stderr.seek(0)
        printed = self._stderr.read().decode(errors="replace").strip()
        reason = f": {printed.splitlines()[-1]}" if printed else ""
        if code == -9 and not printed:
            reason = "; the machine may be out of memory"
        return UserError(f"{self._name}: its process ended with code {code}{reason}")

    def _terminate(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(SHUTDOWN_SECONDS)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._cleanup.close()


@dataclass(frozen=True)
class _RemoteWorkload:
    """A workload of a worker process."""

    worker: WorkerProcess
    name: str

    def run(self, repetitions: int) -> TimedRun:
        return self.worker.run(self.name, repetitions)


@dataclass(frozen=True)
class Command:
    """A command, timed from the start to the end of its process.

    Attributes:
        words: Program and arguments.
        environment: All environment variables of the process.
    """

    words: Sequence[str | Path]
    environment: Mapping[str, str]

    def run(self, repetitions: int) -> TimedRun:
        """Runs the command `repetitions` times, one after the other.

        Raises:
            UserError: The command ended with an exit code other than 0.
        """
        words = [str(word) for word in self.words]
        start = time.perf_counter()
        for _ in range(repetitions):
            done = subprocess.run(
                words, env=dict(self.environment), capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise UserError(f"{' '.join(words)}: {done.stderr.strip()}")
        return TimedRun(time.perf_counter() - start, {}, None)
