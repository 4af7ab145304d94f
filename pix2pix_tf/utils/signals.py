"""Graceful shutdown of a training: it stops on signals and broken pipes once it has saved."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from pix2pix_tf.utils.output import guarded_output, is_broken_pipe
from pix2pix_tf.utils.system import CLOSED_PIPE, STOP_SIGNALS


class StoppedError(Exception):
    """A training ended early, with everything saved that it resumes from.

    Attributes:
        signal: The signal that asked for it.
    """

    def __init__(self, asked: signal.Signals) -> None:
        super().__init__(f"stopped by {asked.name}")
        self.signal = asked


@dataclass
class StopRequest:
    """Whether a graceful shutdown was requested.

    Attributes:
        signal: The signal that asked for it, SIGPIPE if standard output was closed; None so far.
    """

    signal: signal.Signals | None = None


@contextmanager
def graceful_shutdown() -> Iterator[StopRequest]:
    """Records requests to stop within its block, so that the training can save and exit.

    Requests are SIGINT, SIGTERM and SIGHUP, unless they are ignored, as SIGHUP is below `nohup`;
    and a standard output whose reader is gone, as with `| head`. A second SIGINT or SIGTERM acts as
    usual; SIGHUP never does, since systems send it along with others. Output that cannot be written
    for another reason, a closed terminal or a full disk, is dropped.
    """
    caught = StopRequest()

    def note(number: int, frame: FrameType | None = None) -> None:
        caught.signal = caught.signal or signal.Signals(number)
        if number in (signal.SIGINT, signal.SIGTERM):
            restore(signal.SIGINT, signal.SIGTERM)

    def note_closed(error: OSError) -> None:
        if is_broken_pipe(error):
            note(CLOSED_PIPE)

    def restore(*numbers: signal.Signals) -> None:
        for number in numbers:
            if number in before:
                # None stands for one that was not set from Python, which cannot be put back.
                handler = before[number]
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    listened = [n for n in STOP_SIGNALS if signal.getsignal(n) != signal.SIG_IGN]
    try:
        before = {n: signal.signal(n, note) for n in listened}
    except ValueError:  # not the main thread, which alone handles signals
        yield caught
        return
    try:
        with guarded_output(note_closed):
            yield caught
    finally:
        restore(*listened)
