"""What is printed: plain lines, tables that show names as they are, and progress."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.segment import Segment
from rich.text import Text

from pix2pix_tf.utils.text import printable


class PlainConsole(Console):
    """A console to which all text is text: in lines, cells, titles, rules.

    Names, paths and sentences about them come from outside; with Rich's own console `[red]` in one
    would vanish, `[/a]` end in a traceback, `:smile:` become a picture, and ESC rule the terminal.
    """

    def __init__(self, **options: Any) -> None:
        """Takes the options of `rich.console.Console`."""
        super().__init__(**{**options, "markup": False, "emoji": False, "highlight": False})

    def render_str(self, text: str, **options: Any) -> Text:
        """A text as it stands, whatever the caller asks for."""
        plain = {"markup": False, "emoji": False, "highlight": False, "highlighter": None}
        return super().render_str(printable(text), **{**options, **plain})

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """As Rich's; but in a table too narrow for its cells these are folded, never cut."""
        if isinstance(renderable, str):  # a cell; what is printed alone is no `str` any more
            renderable = self.render_str(renderable)
            renderable.overflow, renderable.no_wrap = "fold", False
        return super().render(renderable, options)


def format_number(value: float | None, form: str = ".4f") -> str:
    """A number as tables show it; one that is undefined or infinite is a dash."""
    return "–" if value is None or not math.isfinite(value) else format(value, form)


def print_line(console: Console, line: str) -> None:
    """Prints a line as it stands: paths are neither coloured, wrapped, nor read as markup."""
    console.print(printable(line), highlight=False, markup=False, emoji=False, soft_wrap=True)


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
            print_line(
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
            print_line(self._console, self._line(done, total, now))

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
