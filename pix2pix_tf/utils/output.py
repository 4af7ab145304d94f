"""Handling of standard streams that are closed while a program runs, as by `| head`."""

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
    """Whether an error was raised by writing to a pipe whose reader has exited."""
    return error.errno in _CLOSED


def is_closed_terminal(error: OSError) -> bool:
    """Whether an error was raised by writing to a terminal that was closed."""
    return error.errno == errno.EIO


@contextmanager
def guarded_output(failed: Callable[[OSError], None]) -> Iterator[None]:
    """Calls `failed` instead of raising errors of standard output within its block.

    Exceptions that `failed` raises are propagated. Errors of standard error are ignored. After a
    broken pipe or a closed terminal further output is discarded. Of nested blocks, the innermost
    one handles the errors.

    Args:
        failed: Called with each error.
    """
    before = sys.stdout, sys.stderr
    own = (_Guarded(_unwrap(before[0]), failed), _Guarded(_unwrap(before[1]), lambda error: None))
    sys.stdout, sys.stderr = own
    try:
        yield
    finally:
        # The streams are restored unless the block has replaced them.
        if sys.stdout is own[0]:
            sys.stdout = before[0]
        if sys.stderr is own[1]:
            sys.stderr = before[1]


def open_closed_streams() -> None:
    """Opens the null device for standard streams that were closed at the start (`>&-`).

    Otherwise the next files that the process opens would get the file descriptors of these streams.
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
    """A wrapper of a text stream that reports errors of writing instead of raising them."""

    def __init__(self, stream: TextIO, failed: Callable[[OSError], None]) -> None:
        self.unguarded = stream
        self._failed = failed

    def write(self, text: str) -> int:
        return self._try(lambda: self.unguarded.write(text)) or 0

    def writelines(self, lines: list[str]) -> None:
        self._try(lambda: self.unguarded.writelines(lines))

    def flush(self) -> None:
        self._try(self.unguarded.flush)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unguarded, name)

    def _try(self, write: Callable[[], Any]) -> Any:
        try:
            return write()
        except OSError as error:
            if is_broken_pipe(error) or is_closed_terminal(error):
                _redirect_to_null(self.unguarded)
            self._failed(error)
            return None


def _unwrap(stream: Any) -> TextIO:
    return getattr(stream, "unguarded", stream)


def _redirect_to_null(stream: TextIO) -> None:
    """Discards the buffered content of a stream and everything written to it later."""
    with suppress(OSError, ValueError):
        number = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)
