"""Graceful shutdown: a training saves its state before it exits on a signal or a broken pipe."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from pix2pix_tf.utils.output import guarded_output, is_broken_pipe
from pix2pix_tf.utils.system import CLOSED_PIPE, STOP_SIGNALS


class StoppedError(Exception):
    """A training was stopped early, after it saved the state that it can resume from.

    Attributes:
        signal: The signal that requested the stop.
    """

    def __init__(self, asked: signal.Signals) -> None:
        super().__init__(f"stopped by {asked.name}")
        self.signal = asked


@dataclass
class StopRequest:
    """Whether a graceful shutdown was requested.

    Attributes:
        signal: The signal that requested it, SIGPIPE if standard output was closed; None if there
            was no request yet.
    """

    signal: signal.Signals | None = None


@contextmanager
def graceful_shutdown() -> Iterator[StopRequest]:
    """Records requests to stop within its block, so that the training can save and exit.

    Requests are SIGINT, SIGTERM and SIGHUP, except for signals that are ignored, as SIGHUP is below
    `nohup`, and a standard output whose reader has exited, as with `| head`. A second SIGINT or
    SIGTERM acts as usual; a second SIGHUP does not, since systems send it along with other signals.
    Output that cannot be written for another reason, such as a closed terminal or a full disk, is
    discarded.

    Yields:
        The request, whose `signal` is set when one arrives.
    """
    request = StopRequest()

    def note(number: int, frame: FrameType | None = None) -> None:
        request.signal = request.signal or signal.Signals(number)
        if number in (signal.SIGINT, signal.SIGTERM):
            restore(signal.SIGINT, signal.SIGTERM)

    def note_closed(error: OSError) -> None:
        if is_broken_pipe(error):
            note(CLOSED_PIPE)

    def restore(*numbers: signal.Signals) -> None:
        for number in numbers:
            if number in before:
                # None is a handler that was not set from Python; it cannot be restored.
                handler = before[number]
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    listened = [n for n in STOP_SIGNALS if signal.getsignal(n) != signal.SIG_IGN]
    try:
        before = {n: signal.signal(n, note) for n in listened}
    except ValueError:  # only the main thread can handle signals
        yield request
        return
    try:
        with guarded_output(note_closed):
            yield request
    finally:
        restore(*listened)
