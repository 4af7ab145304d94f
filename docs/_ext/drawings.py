"""The drawings of the architecture: SVG within the page, in its light or dark colours."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]

# What each station of the street is, the module to read, and what it hands to the next.
STREET = (
    ("config", "config/schema.py", "one typed, frozen Config: everything that a run needs"),
    ("data", "data/pipeline.py", "batches of pairs: float32 [N, H, W, C] in [-1, 1]"),
    ("update", "methods/pix2pix.py", "one step of each network; its losses by name"),
    ("loop", "training/loop.py", "checkpoints, scores, sheets, at their exact steps"),
    ("run", "runs/run.py", "a run directory, and nothing else"),
    ("translate", "inference/translator.py", "uint8 images of any size"),
)

_WIDTH = 720
_BOX = 176
_ROW = 76


def street(_: str = "") -> str:
    """The way from a config file to a translated image, station by station."""
    parts = []
    for number, (name, module, result) in enumerate(STREET):
        top = number * _ROW
        parts += [
            _box(1, top + 1, _BOX, 48, name, bold=True),
            _text(_BOX + 20, top + 20, module, "module"),
            _text(_BOX + 20, top + 41, f"→ {result}"),
        ]
        if number + 1 < len(STREET):
            parts.append(_arrow(_BOX / 2, top + 49, top + _ROW))
    label = "The street: " + " → ".join(name for name, _, _ in STREET)
    return _drawing(parts, len(STREET) * _ROW - 26, label)


def layers() -> list[list[str]]:
    """Rooms of the package by layer, the highest first, as `make lint` checks them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    (contract,) = [one for one in settings["contracts"] if one["containers"] == ["pix2pix_tf"]]
    found = [layer.split(" | ") for layer in contract["layers"]]
    # It lies beside the package, where that check does not see it: tests/test_imports.py does.
    next(names for names in found if "training" in names).append("exporters")
    return found


def rooms(_: str = "") -> str:
    """The rooms in their layers: what is higher imports what is lower, never the other way."""
    parts = []
    height = 44
    for number, names in enumerate(layers()):
        width = (_WIDTH - 30) / len(names)
        parts += [
            _box(30 + place * width + 4, number * height + 4, width - 8, height - 8, name)
            for place, name in enumerate(names)
        ]
    bottom = len(layers()) * height
    parts.append(_arrow(14, 4, bottom - 4))
    label = "The rooms, highest first: " + "; ".join(", ".join(names) for names in layers())
    return _drawing(parts, bottom, label)


def _drawing(parts: Sequence[str], height: float, label: str) -> str:
    svg = f'<svg viewBox="0 0 {_WIDTH} {height:g}" role="img" aria-label="{escape(label)}">'
    return "\n".join(['<figure class="drawing">', svg, *parts, "</svg>", "</figure>"])


def _box(x: float, y: float, width: float, height: float, name: str, bold: bool = False) -> str:
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    style = "name bold" if bold else "name"
    return f'<rect {place} rx="6"/>' + _text(x + width / 2, y + height / 2 + 5, name, style)


def _text(x: float, y: float, words: str, style: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{style}">{escape(words)}</text>'


def _arrow(x: float, top: float, bottom: float) -> str:
    head = f"M{x - 5:g},{bottom - 8:g} L{x:g},{bottom:g} L{x + 5:g},{bottom - 8:g}"
    return f'<path d="M{x:g},{top:g} L{x:g},{bottom - 1:g} {head}"/>'
