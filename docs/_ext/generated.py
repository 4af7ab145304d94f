"""Parts of pages that are generated from the code: a line `<!-- generated: NAME -->` marks each.

Markdown in, Markdown out: what a mark stands for is put into the page's text before it is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import augmentations
import demo_page
import drawings
import included
import reference_api
import reference_commands
import reference_config

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

# Called with the mark's argument, the text between the parentheses.
GENERATORS: dict[str, Callable[[str], str]] = {
    "api": reference_api.markdown,
    "augmentations": augmentations.markdown,
    "commands": reference_commands.markdown,
    "config": reference_config.markdown,
    "demo": demo_page.markdown,
    "file": included.markdown,
    "rooms": drawings.rooms,
    "section": included.section,
    "street": drawings.street,
    "untitled": included.untitled,
}
_MARK = re.compile(r"^<!-- generated: (\w+)\(([^)\n]*)\) -->$", re.MULTILINE)


def expand(text: str) -> str:
    """The text of a page with every mark replaced by what it stands for."""
    return included.linked(_MARK.sub(lambda mark: GENERATORS[mark[1]](mark[2]), text))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connects to Sphinx; pages with marks are read anew by every build."""

    def read(_app: Sphinx, _page: str, source: list[str]) -> None:
        source[0] = expand(source[0])

    def outdated(_app: Sphinx, env: BuildEnvironment, *_: set[str]) -> list[str]:
        texts = {page: Path(env.doc2path(page)).read_text("utf-8") for page in env.found_docs}
        return [page for page, text in texts.items() if _MARK.search(text)]

    app.connect("source-read", read)
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
