"""What takes turns: works that other processes keep warm, and commands run from a cold start."""

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

PATIENCE = 10.0  # seconds that a worker has to end by itself


@dataclass(frozen=True)
class TimedRun:
    """One turn of a workload.

    Attributes:
        seconds: How long it took.
        values: What the work computed; of a command nothing.
        peak_bytes: The most memory its process has had so far; None of commands.
    """

    seconds: float
    values: Mapping[str, float]
    peak_bytes: int | None


class Workload(Protocol):
    """Something that can be done so and so often."""

    def run(self, count: int) -> TimedRun:
        """Does it `count` times."""
        ...


def environment(threads: int, gpus: int | None) -> dict[str, str]:
    """The environment of every worker: the same number of threads, the same devices.

    Args:
        threads: For TensorFlow and PyTorch.
        gpus: How many of the visible GPUs are used; 0 for the CPU, None for all.
    """
    shared = {
        **os.environ,
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": str(threads),
        "OMP_NUM_THREADS": str(threads),
        # Several processes have their networks on one GPU: none of them may take all its memory.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }
    if gpus is not None:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        numbers = visible.split(",") if visible else [str(number) for number in range(gpus)]
        shared["CUDA_VISIBLE_DEVICES"] = ",".join(numbers[:gpus]) or "-1"
    return shared


class Worker:
    """A process with works in it, see `pix2pix_tf.benchmark.worker`; a context that ends it.

    Attributes:
        about: What it says about itself: versions, threads, device.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        variables: Mapping[str, str],
        folder: Path | None = None,
    ) -> None:
        """Starts it and waits until it is ready.

        Args:
            name: What errors call it.
            command: What runs `serve`.
            variables: Its whole environment.
            folder: The working directory, if not this process's.

        Raises:
            UnavailableError: It says that it cannot run here.
            UserError: It refuses what it was given, or ended.
        """
        self._name = name
        with ExitStack() as ending:
            self._words = ending.enter_context(tempfile.TemporaryFile())
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._words,
                env=dict(variables),
                cwd=folder,
                text=True,
            )
            ending.callback(self._end)
            ready = self._answer()
            if "unavailable" in ready:
                raise UnavailableError(ready["unavailable"])
            if "refused" in ready:
                raise UserError(ready["refused"])
            self.about: dict[str, Any] = ready["about"]
            self._ending = ending.pop_all()

    def workload(self, work: str) -> Workload:
        """One of its works."""
        return _WorkerWorkload(self, work)

    def order(self, work: str, count: int) -> TimedRun:
        """Has it do one of its works `count` times.

        Raises:
            UserError: It ended instead, or computed something that is not finite.
        """
        assert self._process.stdin is not None
        try:
            print(json.dumps({"work": work, "count": count}), file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise self._ended() from None
        turn = TimedRun(**self._answer())
        for name, value in turn.values.items():
            if not math.isfinite(value):
                raise UserError(f"{self._name}: {work}: {name} = {value}: it computes nonsense")
        return turn

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._ended()
        return json.loads(line)

    def _ended(self) -> UserError:
        code = self._process.wait()
        self._words.seek(0)
        said = self._words.read().decode(errors="replace").strip()
        why = f": {said.splitlines()[-1]}" if said else ""
        if code == -9 and not said:
            why = "; the machine may be out of memory"
        return UserError(f"{self._name}: its process ended with code {code}{why}")

    def _end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(PATIENCE)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.close()


@dataclass(frozen=True)
class _WorkerWorkload:
    worker: Worker
    name: str

    def run(self, count: int) -> TimedRun:
        return self.worker.order(self.name, count)


@dataclass(frozen=True)
class Command:
    """A command from its start to its end.

    Attributes:
        words: The program and its arguments.
        variables: Its whole environment.
    """

    words: Sequence[str | Path]
    variables: Mapping[str, str]

    def run(self, count: int) -> TimedRun:
        """Runs it `count` times.

        Raises:
            UserError: It ended with another code than 0.
        """
        words = [str(word) for word in self.words]
        start = time.perf_counter()
        for _ in range(count):
            done = subprocess.run(
                words, env=dict(self.variables), capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise UserError(f"{' '.join(words)}: {done.stderr.strip()}")
        return TimedRun(time.perf_counter() - start, {}, None)
