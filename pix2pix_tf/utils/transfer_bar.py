"""How far a transfer of bytes has come: a bar in a terminal, else a line every so often."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from pix2pix_tf.utils.lines import say
from pix2pix_tf.utils.text import printable

LINE_EVERY = 15.0  # seconds between lines where there is no terminal


class Transfer:
    """Shows stages, each so many bytes of so many; made by `transferring`."""

    def __init__(self, console: Console, bar: Progress) -> None:
        self._console, self._bar = console, bar
        self._stage: str | None = None
        self._first = 0
        self._start = self._last_line = 0.0

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Says that `done` bytes of `total` are through; total None: nobody knows how many."""
        now = time.monotonic()
        if stage != self._stage:
            for task in self._bar.task_ids:
                self._bar.remove_task(task)
            self._bar.add_task(printable(stage), total=total, completed=done)
            self._stage = stage
            self._first, self._start, self._last_line = done, now, now
            return
        self._bar.update(self._bar.task_ids[0], total=total, completed=done)
        if not self._console.is_terminal and now - self._last_line >= LINE_EVERY:
            self._last_line = now
            say(self._console, self._line(done, total, now))

    def _line(self, done: int, total: int | None, now: float) -> str:
        rate = (done - self._first) / (now - self._start)
        of, left = "", ""
        if total is not None:
            of = f"/{total / 1e6:.1f}"
            left = f"  {(total - done) / rate:.0f} s left" if rate else "  stalled"
        return f"{self._stage} {done / 1e6:.1f}{of} MB  {rate / 1e6:.2f} MB/s{left}"


@contextmanager
def transferring(console: Console) -> Iterator[Transfer]:
    """Shows a transfer while it goes on; the bar disappears at the end."""
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        yield Transfer(console, bar)
