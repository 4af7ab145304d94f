"""Examples in docstrings run, and print what they say that they print.

Every `>>>` line of the package is run, each docstring by itself, as Python's doctest runs them:

- The names of its module are there, and `np`, `tf` and `Path`; an example imports what is public
  all the same, as its reader will: `from pix2pix_tf import train`.
- `...` in the expected output stands for anything, and white space is compared loosely.
- The current folder is a new one for each docstring, and may be written to. It holds:

      sample/             4 training and 2 validation pairs of the sample city, 32×32, with classes/
      sample.yaml         the config of a tiny network trained on them: 16×16, 2 steps
      runs/sample         that run, finished
      segmenter.yaml      the config of a tiny segmenter trained on them
      segmenters/sample   that segmenter, finished

Where an example needs no files, it should use none.
"""

import ast
import doctest
import importlib
import io
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

ROOT = Path(__file__).parents[2]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def documented(path, module):
    """Names within a module's file whose docstrings hold examples."""

    def walk(node, name):
        text = ast.get_docstring(node) or ""
        if ">>>" in text:
            yield module, name
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                yield from walk(child, f"{name}.{child.name}" if name else child.name)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), "")


def all_examples():
    for package, folder in (("pix2pix_tf", "pix2pix_tf"), ("pix2pix_tf.exporters", "exporters")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            yield from documented(path, ".".join((package, *parts)))


@pytest.mark.parametrize(("module", "name"), list(all_examples()))
def test_example(module, name, example_folder):
    module = importlib.import_module(module)
    text = (attrgetter(name)(module) if name else module).__doc__
    names = {**vars(module), "np": np, "tf": tf, "Path": Path}
    test = doctest.DocTestParser().get_doctest(text, names, name, module.__file__, 0)
    output = io.StringIO()
    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=output.write, clear_globs=False)
    assert not output.getvalue(), output.getvalue()
