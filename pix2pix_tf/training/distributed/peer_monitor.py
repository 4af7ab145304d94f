"""Monitor of the other workers of a cluster: names the one that is gone, and ends what then hangs.

TensorFlow reports a lost worker late, sometimes by the name of another that gave up because of it,
and an operation on a GPU may wait for it for ever. A process that ended no longer listens at its
address, which every other one can find out for itself within seconds.
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

INTERVAL = 3.0  # seconds between two checks
SILENCE = 20.0  # seconds without an answer after which one is lost; a refusal counts sooner
_ANSWER = 5.0  # seconds to wait for one
GRACE = 10.0  # for the training to end by itself, and for the others to find out before it does
_AT_ONCE = 32


class PeerMonitor:
    """Checks from a thread of its own, from start to stop, that the other workers still answer.

    Whoever is found gone first stays the finding: those who end because of it are not named.
    """

    def __init__(self, peers: Sequence[Task], advice: Callable[[], str]) -> None:
        """Prepares; `advice` says what to do: it follows the name in the sentence."""
        self._peers = peers
        self._advice = advice
        self._failing: dict[Task, tuple[float, int]] = {}  # since when, and refusals in a row
        self._stop = threading.Event()
        self._found = threading.Event()
        self._lost: list[Task] = []
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)

    def start(self) -> None:
        """Begins to check."""
        self._thread.start()

    def stop(self) -> None:
        """Ends: from now on the others may leave."""
        self._stop.set()

    def finding(self, error: Exception) -> WorkerLostError:
        """What to raise for an `error` of TensorFlow's that a lost worker may have caused.

        Returns when the others have had the time to find the same, while this one still answers.
        """
        if not self._thread.is_alive() and not self._lost:
            self.start()  # it happened while the others were waited for
        found = self._found.wait(SILENCE + 2 * _ANSWER)
        self._stop.set()
        if not found:
            return WorkerLostError(self.sentence(str(error)))
        time.sleep(GRACE)
        return WorkerLostError(self.sentence())

    def sentence(self, reported: str = "") -> str:
        """Names who is gone, as far as is known: found here, or `reported` by TensorFlow."""
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
        with ThreadPoolExecutor(_AT_ONCE) as pool:
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
    """Whether it listens; None where nothing came back, as of a machine or network that is down."""
    try:
        socket.create_connection(task.host_and_port, timeout=_ANSWER).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return None
    return True
