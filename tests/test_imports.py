"""The place of pix2pix_tf.exporters among the rooms; `make lint` checks all the others."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXPORTERS = sorted((ROOT / "exporters").rglob("*.py"))
ABOVE = {
    "benchmark",
    "cli",
    "demo",
    "doctor",
    "importing",
    "preparation",
    "reproduce",
    "study",
    "training",
}
BELOW = [
    path
    for path in sorted((ROOT / "pix2pix_tf").glob("*/**/*.py"))
    if path.relative_to(ROOT).parts[1] not in ABOVE
]


def imported_rooms(path):
    """Rooms of pix2pix_tf that a file imports, also within its functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("pix2pix_tf.")}


@pytest.mark.parametrize("path", EXPORTERS, ids=lambda path: path.name)
def test_exporters_import_nothing_above_them(path):
    assert not imported_rooms(path) & ABOVE


def test_nothing_below_the_exporters_imports_them():
    assert len(BELOW) > 50
    assert [path for path in BELOW if "exporters" in imported_rooms(path)] == []
