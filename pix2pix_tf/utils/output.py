"""Standard output and error that may be closed while a program runs: `| head`, closed terminals."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

# Windows raises EINVAL for a broken pipe.
_CLOSED = (errno.EPIPE, errno.EINVAL) if sys.platform == "win32" else (errno.EPIPE,)


def is_broken_pipe(error: OSError) -> bool:
    """Whether an error is of a pipe whose reader is gone."""
    return error.errno in _CLOSED


def is_closed_terminal(error: OSError) -> bool:
    """Whether an error is of a terminal that was closed."""
    return error.errno == errno.EIO


@contextmanager
def guarded_output(failed: Callable[[OSError], None]) -> Iterator[None]:
    """Calls `failed` instead of raising errors of standard output within its block.

    What `failed` raises is raised. Errors of standard error are ignored. A broken pipe and a closed
    terminal are not written to again. The innermost of nested blocks counts.

    Args:
        failed: Called with each error.
    """
    before = sys.stdout, sys.stderr
    own = (_Guarded(_plain(before[0]), failed), _Guarded(_plain(before[1]), lambda error: None))
    sys.stdout, sys.stderr = own
    try:
        yield
    finally:
        # Unless the block has replaced the streams.
        if sys.stdout is own[0]:
            sys.stdout = before[0]
        if sys.stderr is own[1]:
            sys.stderr = before[1]


def open_closed_streams() -> None:
    """Opens the null device for standard streams that the process was started without (`>&-`).

    Otherwise the next files that it opens would get their numbers.
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
    """A text stream that reports its errors instead of raising them; else as the one it wraps."""

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
                _redirect_to_null(self.unguarded)
            self._failed(error)
            return None


def _plain(stream: Any) -> TextIO:
    return getattr(stream, "unguarded", stream)


def _redirect_to_null(stream: TextIO) -> None:
    """Discards what a stream still buffers, and all that is written to it."""
    with suppress(OSError, ValueError):
        number = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)
