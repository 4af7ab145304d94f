"""Text into HTML: whatever is filled into a template is escaped, unless it is markup itself."""

from __future__ import annotations

import html
from collections.abc import Iterable
from string import Template


class Markup(str):
    """HTML that may stand in a page as it is."""


def fill(template: str, **values: object) -> Markup:
    """Puts values at the `$names` of a template; file names and the like cannot become tags."""
    escaped = {
        name: value if isinstance(value, Markup) else html.escape(str(value))
        for name, value in values.items()
    }
    return Markup(Template(template).substitute(escaped))


def joined(parts: Iterable[Markup]) -> Markup:
    """Pieces of HTML one after the other."""
    return Markup("\n".join(parts))
