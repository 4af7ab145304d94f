"""Lines for people."""

from __future__ import annotations

from rich.console import Console


def say(console: Console, line: str) -> None:
    """Prints a line as it stands: paths are neither coloured, wrapped, nor read as markup."""
    console.print(line, highlight=False, markup=False, soft_wrap=True)
