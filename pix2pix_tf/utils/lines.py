"""The console that everything is printed to, and lines on it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
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


def figure(value: float | None, form: str = ".4f") -> str:
    """A number as tables show it; one that is undefined or infinite is a dash."""
    return "–" if value is None or not math.isfinite(value) else format(value, form)


def say(console: Console, line: str) -> None:
    """Prints a line as it stands: paths are neither coloured, wrapped, nor read as markup."""
    console.print(printable(line), highlight=False, markup=False, emoji=False, soft_wrap=True)


def counted(number: int, thing: str) -> str:
    """For instance "1 image", "2 images"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
