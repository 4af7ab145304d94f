"""Files from elsewhere in the repository as pages, their relative links made right."""

from __future__ import annotations

import os
import re
from pathlib import Path

DOCS = Path(__file__).parents[1]
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)")


def markdown(path: str) -> str:
    """The text of a Markdown file.

    Args:
        path: Relative to docs/.
    """
    file = DOCS / path
    return _LINK.sub(lambda link: _from_docs(file.parent / link[1]), file.read_text("utf-8"))


def _from_docs(target: Path) -> str:
    return Path(os.path.relpath(target, DOCS)).as_posix()
