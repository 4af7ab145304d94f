"""The Python API: everything in `pix2pix_tf.__all__`, by autodoc."""

from __future__ import annotations

import inspect

import pix2pix_tf


def markdown(_: str = "") -> str:
    """A section for every public name, its docstring put in by autodoc."""
    sections = []
    for name in pix2pix_tf.__all__:
        value = getattr(pix2pix_tf, name)
        if inspect.isclass(value):
            directive = "autoexception" if issubclass(value, Exception) else "autoclass"
        elif callable(value):
            directive = "autofunction"
        else:
            continue
        sections.append(f"## {name}\n\n```{{eval-rst}}\n.. {directive}:: pix2pix_tf.{name}\n```")
    return "\n\n".join(sections)
