"""Monitor of the other workers of a cluster: names a lost worker and ends a process that hangs.

TensorFlow reports a lost worker late, sometimes by the name of another that stopped because of it,
and an operation on a GPU may wait for it for ever. A process that has ended no longer listens at
its address, which every other process can find out for itself within seconds.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from pix2pix_tf.training.distributed.cluster import Task
from pix2pix_tf.utils.errors import WorkerLostError

INTERVAL = 3.0  # seconds between two checks of the other workers
SILENCE = 20.0  # seconds without an answer after which a worker is lost; refusals count sooner
_ANSWER_TIMEOUT = 5.0  # seconds to wait for an answer
# Seconds for the training to end by itself, and for the other workers to find the loss before that.
GRACE = 10.0
_MAX_THREADS = 32


class PeerMonitor:
    """Checks from a background thread, between `start` and `stop`, that the other workers answer.

    It reports the first workers that are lost; workers that end because of these are not named.
    """

    def __init__(self, peers: Sequence[Task], advice: Callable[[], str]) -> None:
        """Makes a monitor that has not started.

        Args:
            peers: The other workers.
            advice: Returns what the user should do, the end of the error message.
        """
        self._peers = peers
        self._advice = advice
        # Of workers that do not answer: the time of the first failure, and refusals in a row.
        self._failing: dict[Task, tuple[float, int]] = {}
        self._stop = threading.Event()
        self._found = threading.Event()
        self._lost: list[Task] = []
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)

    def start(self) -> None:
        """Starts the checks."""
        self._thread.start()

    def stop(self) -> None:
        """Stops the checks; the other workers may end from now on."""
        self._stop.set()

    def finding(self, error: Exception) -> WorkerLostError:
        """Returns the exception to raise for an `error` that a lost worker may have caused.

        Waits so long that the other workers find the same one lost while this one still answers.

        Args:
            error: An error that TensorFlow raised.
        """
        if not self._thread.is_alive() and not self._lost:
            self.start()  # the error came while this process waited for the other workers
        found = self._found.wait(SILENCE + 2 * _ANSWER_TIMEOUT)
        self._stop.set()
        if not found:
            return WorkerLostError(self.sentence(str(error)))
        time.sleep(GRACE)
        return WorkerLostError(self.sentence())

    def sentence(self, reported: str = "") -> str:
        """Returns the error message, with the names of the lost workers if they are known.

        Args:
            reported: TensorFlow's error message, searched for names if the monitor has found none.
        """
        named = self._lost or [
            task
            for task in self._peers
            if f"/job:{task.kind}/replica:0/task:{task.index}" in reported
        ]
        if named:
            verb = "is" if len(named) == 1 else "are"
            return f"{', '.join(map(str, named))} {verb} gone: {self._advice()}"
        words = (reported.strip().splitlines() or ["without a word"])[0][:200]
        return f"the workers lost each other, though all answer ({words}): {self._advice()}"

    def _run(self) -> None:
        with ThreadPoolExecutor(_MAX_THREADS) as pool:
            while not self._lost:
                if self._stop.wait(INTERVAL):
                    return
                answers = list(pool.map(_answers, self._peers))
                self._lost = [
                    task
                    for task, answer in zip(self._peers, answers, strict=True)
                    if self._is_lost(task, answer)
                ]
        self._found.set()
        time.sleep(2 * GRACE)
        if not self._stop.is_set():
            # The training hangs in an operation that nothing else can end.
            print(f"pix2pix-tf: {self.sentence()}", file=sys.stderr, flush=True)
            os._exit(WorkerLostError.exit_code)

    def _is_lost(self, task: Task, answer: bool | None) -> bool:
        if answer:
            self._failing.pop(task, None)
            return False
        since, refusals = self._failing.get(task, (time.monotonic(), 0))
        refusals = refusals + 1 if answer is False else 0
        self._failing[task] = since, refusals
        return refusals > 1 or time.monotonic() - since > SILENCE


def _answers(task: Task) -> bool | None:
    """Returns whether a worker listens, or None without an answer, as if its machine is down."""
    try:
        socket.create_connection(task.host_and_port, timeout=_ANSWER_TIMEOUT).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return None
    return True
