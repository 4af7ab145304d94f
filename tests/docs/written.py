"""What a reader can type or look up, found in the texts of the repository."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "examples/**/*.md")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"  # its older entries name what is no more
)
# What holds commands without being a page: the heads of configs, examples.
FILES = sorted(
    [
        *PAGES,
        *ROOT.glob("configs/**/*.yaml"),
        *ROOT.glob("docs/demo/*.yaml"),
        *ROOT.glob("examples/**/*.yaml"),
        *ROOT.glob("examples/**/*.sbatch"),
        ROOT / "Makefile",
    ]
)

_LINE = re.compile(r"^[#\s$]*(?:\$\(BIN\)/|srun\s+)?(pix2pix-tf\s.*)$")
_INLINE = re.compile(r"`(pix2pix-tf\s[^`]+)`")


def command_lines(path: Path) -> list[list[str]]:
    """The words of every line of a file that is a whole `pix2pix-tf` command."""
    text = path.read_text("utf-8").replace("\\\n", " ")
    found = [match[1] for line in text.splitlines() if (match := _LINE.match(line))]
    return [words for line in found if (words := shlex.split(line, comments=True)[1:])]


def mentioned_commands(path: Path) -> list[list[str]]:
    """The words of every command that a sentence of a page quotes, perhaps without all options."""
    return [shlex.split(line)[1:] for line in _INLINE.findall(path.read_text("utf-8"))]


def code(path: Path) -> list[str]:
    """Everything between single backticks."""
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)
