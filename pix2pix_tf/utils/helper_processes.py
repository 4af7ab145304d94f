"""Helper processes, which work beside a training without slowing it down.

`multiprocessing` is not used: it starts the caller's program anew in each process, so that a script
that calls `train` without a main guard would train in all of them, and its processes outlive a
parent that is killed. A helper ends when its input does.

This module is also the program of a helper. Parent and helper exchange pickled objects over pipes
that nobody else can write to.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

from pix2pix_tf.utils.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

_PROCESSES_AT_MOST = 8


class HelperLostError(UserError):
    """A helper process has ended before it has returned its result."""


class HelperProcesses:
    """Processes that apply functions of this package to items; a context manager.

    Args:
        low_priority: Whether other processes come first. Then there is one for two processors,
            else for each; 8 at most.

    Example:
        >>> with HelperProcesses() as helpers:
        ...     list(helpers.map(len, ["a", "bcd"]))
        [1, 3]
    """

    def __init__(self, *, low_priority: bool = False) -> None:
        processors = (os.cpu_count() or 1) // (2 if low_priority else 1)
        self._count = max(1, min(processors, _PROCESSES_AT_MOST))
        self._low_priority = low_priority
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> HelperProcesses:
        words = [sys.executable, "-m", __name__, *(["low"] if self._low_priority else [])]
        pipe = subprocess.PIPE
        for _ in range(self._count):
            process = subprocess.Popen(words, stdin=pipe, stdout=pipe)
            self._processes.append(process)
            self._idle.put(process)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
        for process in self._processes:
            for stream in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    assert stream is not None
                    stream.close()
            process.wait()

    def kill(self) -> None:
        """Ends all processes; whoever waits for a result gets an error. Any thread may call it."""
        for process in self._processes:
            process.kill()

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Applies a function to items; only a few of them are taken in advance.

        Args:
            work: A function that can be pickled: one of a module.
            items: Its arguments.

        Yields:
            The results in the order of the items.

        Raises:
            HelperLostError: A process has ended.
            Exception: What the function raised.
        """
        with ThreadPoolExecutor(self._count) as threads:
            waiting: deque[Future[Result]] = deque()
            try:
                for item in items:
                    waiting.append(threads.submit(self._call, work, item))
                    if len(waiting) > 2 * self._count:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _call(self, work: Callable[[Item], Result], item: Item) -> Result:
        process = self._idle.get()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            pickle.dump((work, item), process.stdin, pickle.HIGHEST_PROTOCOL)
            process.stdin.flush()
            succeeded, result = pickle.load(process.stdout)
        except (OSError, ValueError, EOFError, pickle.UnpicklingError) as error:
            process.kill()  # else one that sent something else would be waited for
            code = process.wait()
            raise HelperLostError(
                f"a process that opens images has ended with code {code}, perhaps for lack of "
                "memory: end other programs, and give the same command again"
            ) from error
        finally:
            self._idle.put(process)
        if not succeeded:
            raise result
        return result


def pack(value: object) -> bytes:
    """Packs a value that a helper returns and that is kept in memory until `unpack`."""
    return zlib.compress(pickle.dumps(value, pickle.HIGHEST_PROTOCOL), 1)


def unpack(packed: bytes) -> Any:
    """Returns the value of the result of `pack`."""
    return pickle.loads(zlib.decompress(packed))


def _main() -> None:
    """Answers requests from the standard input until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then stops this
    if "low" in sys.argv[1:] and hasattr(os, "nice"):
        os.nice(19)
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # prints must not mix with the answers
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            work, item = pickle.load(requests)
            pickle.dump(_answer(work, item), answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()


def _answer(work: Callable[[Any], Any], item: Any) -> tuple[bool, Any]:
    try:
        return True, work(item)
    except Exception as error:
        return False, error


if __name__ == "__main__":
    _main()
