"""The Python API: everything in `pix2pix_tf.__all__`, by autodoc."""

from __future__ import annotations

import inspect
from typing import Any

import pix2pix_tf


def markdown(_: str = "") -> str:
    """A section for every public name, its docstring put in by autodoc."""
    sections = []
    for name in pix2pix_tf.__all__:
        value = getattr(pix2pix_tf, name)
        if inspect.isclass(value) or callable(value):
            directive, call = _directive(value)
            lines = [f".. {directive}:: pix2pix_tf.{name}{call}"]
            if directive == "autoclass":
                lines += ["   :members:", "   :exclude-members: model_config"]
            sections.append("\n".join([f"## {name}", "", "```{eval-rst}", *lines, "```"]))
    return "\n\n".join(sections)


def _directive(value: Any) -> tuple[str, str]:
    """Autodoc's directive, and how the value is called where its signature is too long to read."""
    if not inspect.isclass(value):
        return "autofunction", ""
    if issubclass(value, Exception):
        return "autoexception", ""
    fields = getattr(value, "model_fields", None)
    return "autoclass", f"(*, {', '.join(fields)})" if fields else ""
