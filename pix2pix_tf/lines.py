"""Lines for people."""

from __future__ import annotations

from rich.console import Console


def say(console: Console, line: str) -> None:
    """Prints a line as it stands: paths are neither coloured, wrapped, nor read as markup."""
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def counted(number: int, thing: str) -> str:
    """For instance "1 image", "2 images"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
