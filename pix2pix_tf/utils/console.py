"""Console output: plain lines, tables whose text is shown literally, and progress bars."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from datetime import timedelta
from types import TracebackType
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, Progress, TextColumn
from rich.segment import Segment
from rich.text import Text

from pix2pix_tf.utils.text import printable

LINE_INTERVAL = 15.0  # seconds between lines of progress without a terminal
_SMOOTHING = 10.0  # seconds over which a rate is averaged


class PlainConsole(Console):
    """A console that prints all text literally: in lines, cells, titles and rules.

    Names and paths, and messages that contain them, are not under the program's control. In Rich's
    own console a `[red]` in one of them would disappear, `[/a]` would raise an error, `:smile:`
    would become an emoji, and ESC would control the terminal.
    """

    def __init__(self, **options: Any) -> None:
        """Creates a console.

        Args:
            options: The options of `rich.console.Console`.
        """
        super().__init__(**{**options, "markup": False, "emoji": False, "highlight": False})

    def render_str(self, text: str, **options: Any) -> Text:
        """Renders a text literally; options that ask for markup or highlighting are ignored."""
        plain = {"markup": False, "emoji": False, "highlight": False, "highlighter": None}
        return super().render_str(printable(text), **{**options, **plain})

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Renders as Rich does, except that cells of a narrow table are wrapped, not truncated."""
        if isinstance(renderable, str):  # a table cell; `print` passes a `Text`, not a `str`
            renderable = self.render_str(renderable)
            renderable.overflow, renderable.no_wrap = "fold", False
        return super().render(renderable, options)


def print_line(console: Console, line: str) -> None:
    """Prints a line literally: without colours, wrapping or markup."""
    console.print(printable(line), highlight=False, markup=False, emoji=False, soft_wrap=True)


def format_number(value: float | None, form: str = ".4f") -> str:
    """Formats a number for a table, as a dash if it is None, infinite or NaN."""
    return "–" if value is None or not math.isfinite(value) else format(value, form)


class ProgressBar:
    """A progress bar in a terminal; elsewhere a line every `LINE_INTERVAL` seconds.

    Both show the amount done, the rate and the time left. Used as a context manager. The time
    before the first update is not part of the rate, since it includes starting up.
    """

    def __init__(
        self,
        console: Console,
        description: str,
        *,
        unit: str = "",
        completed: int = 0,
        total: int | None = None,
        transient: bool = True,
    ) -> None:
        """Creates a bar.

        Args:
            console: The console that shows the bar.
            description: Name of the work, such as `translating`.
            unit: Singular noun of the counted items, for the rate; `MB` counts bytes.
            completed: Amount that was done before.
            total: Amount to be done; None if it is not known.
            transient: Whether the bar disappears at the end. If not, the last update is also
                printed without a terminal.
        """
        self._console, self._description, self._unit = console, description, unit
        self._completed, self._total, self._transient = completed, total, transient
        self._last_update: float | None = None
        self._last_line = 0.0
        self._rate = _Rate()
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=console,
            transient=transient,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(
            printable(description), total=total, completed=completed, text=""
        )

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def print(self, line: str) -> None:
        """Prints a line above the bar."""
        print_line(self._console, line)

    def advance(self, total: int) -> None:
        """Shows that one more of `total` items is done."""
        self.update(self._completed + 1, total)

    def pause(self) -> None:
        """Excludes the time since the last update from the rate."""
        if self._last_update is not None:
            self._last_update = time.monotonic()

    def update(
        self,
        completed: int,
        total: int | None = None,
        *,
        description: str | None = None,
        status: str = "",
    ) -> None:
        """Shows the amount done.

        Args:
            completed: Amount that is done.
            total: Amount to be done; None if it is not known.
            description: Name of the work; a change of it starts a new rate.
            status: Text after the rate and the time left.
        """
        now = time.monotonic()
        if description not in (None, self._description):
            self._description, self._last_update = str(description), None
            self._bar.reset(self._task, description=printable(self._description))
        if self._last_update is None:
            self._rate, self._last_line = _Rate(), now
        else:
            self._rate.add(completed - self._completed, now - self._last_update)
        self._last_update, self._completed, self._total = now, completed, total
        text = self._text(status)
        self._bar.update(self._task, total=total, completed=completed, text=text)
        at_end = not self._transient and completed == total
        if not self._console.is_terminal and (now - self._last_line >= LINE_INTERVAL or at_end):
            self._last_line = now
            self.print(f"{self._description} {text}")

    def _text(self, status: str) -> str:
        parts = (self._amount(), self._pace(), self._time_left(), status)
        return "  ".join(part for part in parts if part)

    def _amount(self) -> str:
        if self._unit == "MB":
            total = "" if self._total is None else f"/{self._total / 1e6:.1f}"
            return f"{self._completed / 1e6:.1f}{total} MB"
        return str(self._completed) if self._total is None else f"{self._completed}/{self._total}"

    def _pace(self) -> str:
        rate = self._rate.per_second
        if rate is None:
            return "measuring the rate"
        if self._unit == "MB":
            return f"{rate / 1e6:.2f} MB/s"
        if 0 < rate < 1:
            return f"{1 / rate:.2f} s/{self._unit}" if self._unit else f"{1 / rate:.2f} s each"
        return f"{rate:.2f} {self._unit}s/s" if self._unit else f"{rate:.2f}/s"

    def _time_left(self) -> str:
        rate = self._rate.per_second
        if rate is None or self._total is None:
            return ""
        if not rate:
            return "stalled"
        return f"{timedelta(seconds=round((self._total - self._completed) / rate))} left"


class _Rate:
    """An exponential moving average of a rate."""

    def __init__(self) -> None:
        self._amount = self._seconds = 0.0

    def add(self, amount: float, seconds: float) -> None:
        """Adds an amount that was done within a number of seconds."""
        decay = math.exp(-seconds / _SMOOTHING)
        self._amount = decay * self._amount + amount
        self._seconds = decay * self._seconds + seconds

    @property
    def per_second(self) -> float | None:
        """The amount per second; None before the first measurement."""
        return self._amount / self._seconds if self._seconds else None
