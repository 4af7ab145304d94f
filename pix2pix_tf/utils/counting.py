"""How far a count of like things has come: a bar in a terminal, else a line every so often."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pix2pix_tf.utils.lines import say

LINE_EVERY = 15.0  # seconds between lines where there is no terminal


class Counter:
    """Counts things done; made by `counting`."""

    def __init__(self, console: Console, what: str, bar: Progress) -> None:
        self._console, self._what, self._bar = console, what, bar
        self._task = bar.add_task(what, total=None)
        self._done = 0
        self._start = self._last_line = 0.0

    def advance(self, total: int) -> None:
        """Says that one more of `total` is done."""
        self._done += 1
        self._bar.update(self._task, total=total, completed=self._done)
        now = time.monotonic()
        if self._done == 1:  # from here on: what comes before it takes longer than the others
            self._start = self._last_line = now
        if not self._console.is_terminal and now - self._last_line >= LINE_EVERY:
            self._last_line = now
            rate = (self._done - 1) / (now - self._start)
            left = (total - self._done) / rate
            say(
                self._console,
                f"{self._what} {self._done}/{total}  {rate:.2f}/s  {left:.0f} s left",
            )


@contextmanager
def counting(console: Console, what: str) -> Iterator[Counter]:
    """Shows a count while it goes on; the bar disappears at the end."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        yield Counter(console, what, bar)
