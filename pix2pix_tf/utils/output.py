"""Standard output and error that may be closed while a program runs: `| head`, a lost terminal."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

# Windows says EINVAL of a pipe that nobody reads.
_CLOSED = (errno.EPIPE, errno.EINVAL) if sys.platform == "win32" else (errno.EPIPE,)


def is_broken_pipe(error: OSError) -> bool:
    """Whether it is of a pipe whose reader is gone."""
    return error.errno in _CLOSED


def is_closed_terminal(error: OSError) -> bool:
    """Whether it is of a terminal that was closed."""
    return error.errno == errno.EIO


@contextmanager
def guarded_output(failed: Callable[[OSError], None]) -> Iterator[None]:
    """Within it, standard output that cannot be written raises no error, but calls `failed`.

    What `failed` raises is raised instead. Standard error that cannot be written is silent. A pipe
    that nobody reads and a terminal that is gone are not written to again. Within another of these
    the inner one counts.
    """
    before = sys.stdout, sys.stderr
    own = (_Guarded(_plain(before[0]), failed), _Guarded(_plain(before[1]), lambda error: None))
    sys.stdout, sys.stderr = own
    try:
        yield
    finally:
        # Not where somebody within has put another stream in its place.
        if sys.stdout is own[0]:
            sys.stdout = before[0]
        if sys.stderr is own[1]:
            sys.stderr = before[1]


def open_closed_streams() -> None:
    """Gives a process that was started without standard streams (`>&-`) some that go nowhere.

    Else the next files that it opens would be taken for them.
    """
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    number = os.open(os.devnull, os.O_RDWR)
    while number <= 2:
        number = os.open(os.devnull, os.O_RDWR)
    os.close(number)
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115  no path
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


class _Guarded:
    """A text stream that says what fails instead of raising it; in all else as the one it has."""

    def __init__(self, stream: TextIO, failed: Callable[[OSError], None]) -> None:
        self.unguarded = stream
        self._failed = failed

    def write(self, text: str) -> int:
        return self._tried(lambda: self.unguarded.write(text)) or 0

    def writelines(self, lines: list[str]) -> None:
        self._tried(lambda: self.unguarded.writelines(lines))

    def flush(self) -> None:
        self._tried(self.unguarded.flush)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unguarded, name)

    def _tried(self, write: Callable[[], Any]) -> Any:
        try:
            return write()
        except OSError as error:
            if is_broken_pipe(error) or is_closed_terminal(error):
                _to_nowhere(self.unguarded)
            self._failed(error)
            return None


def _plain(stream: Any) -> TextIO:
    return getattr(stream, "unguarded", stream)


def _to_nowhere(stream: TextIO) -> None:
    """Sends what a stream still holds, and all that is written to it, nowhere."""
    with suppress(OSError, ValueError):
        number = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)
