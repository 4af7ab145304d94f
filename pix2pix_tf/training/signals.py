"""Ctrl-C and SIGTERM as a wish to stop, which the training loop grants when it has saved."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class Caught:
    """The signal that asked to stop, or None so far."""

    signal: signal.Signals | None = None


@contextmanager
def stop_signals() -> Iterator[Caught]:
    """Within it, a first SIGINT or SIGTERM is noted, to save and leave; a second acts as usual."""
    caught = Caught()

    def note(number: int, frame: FrameType | None) -> None:
        caught.signal = signal.Signals(number)
        restore()

    def restore() -> None:
        for number, handler in before.items():
            # None stands for one that was not set from Python, which cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    try:
        before = {n: signal.signal(n, note) for n in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: signals are somebody else's
        yield caught
        return
    try:
        yield caught
    finally:
        restore()
