"""Texts from elsewhere in the repository within pages, their relative links made right."""

from __future__ import annotations

import os
import re
from pathlib import Path

DOCS = Path(__file__).parents[1]
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)")
_WHOLE = re.compile(r"^<!-- generated: (?:file|untitled)\(([^)]+)\) -->$", re.MULTILINE)


def markdown(path: str) -> str:
    """The text of a Markdown file.

    Args:
        path: Relative to docs/.
    """
    file = DOCS / path
    return _LINK.sub(lambda link: _from_docs(file.parent / link[1]), file.read_text("utf-8"))


def untitled(path: str) -> str:
    """The same without its title, within a page that has one."""
    return markdown(path).partition("\n")[2]


def section(place: str) -> str:
    """What stands below a heading of a file, up to the next heading of its level.

    Args:
        place: FILE#Heading, the heading as it is written.
    """
    path, _, heading = place.partition("#")
    match = re.search(
        rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,6}} |\Z)",
        markdown(path),
        re.DOTALL | re.MULTILINE,
    )
    if match is None:
        raise ValueError(f"{path} has no heading {heading!r}")
    return match[2].strip()


def linked(text: str) -> str:
    """A page's text with links to files that other pages hold as links to those pages."""
    pages = {
        file: page.name for page in DOCS.glob("*.md") for file in _WHOLE.findall(page.read_text())
    }
    return _LINK.sub(lambda link: pages.get(link[1], link[1]), text)


def _from_docs(target: Path) -> str:
    return Path(os.path.relpath(target, DOCS)).as_posix()
