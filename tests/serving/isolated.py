"""Runs a script in a process as poor as TensorFlow Serving.

python -I isolated.py SCRIPT ARGUMENTS...

There is no Keras, no pix2pix_tf, and of `tensorflow` no more than the generated protocol buffers.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import runpy
import sys
import types
from collections.abc import Sequence
from pathlib import Path

BLOCKED = ("keras", "pix2pix_tf")


class _Blocker(importlib.abc.MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: object = None
    ) -> None:
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(f"{name} must not be needed to serve a model")


def isolate() -> None:
    """Blocks `BLOCKED` and puts in place of `tensorflow` a package without its `__init__`.

    tensorflow.core.framework.tensor_pb2 can be imported then, tf itself cannot, and no operation
    that only Python registers can be run.
    """
    spec = importlib.util.find_spec("tensorflow")
    assert spec is not None
    sys.meta_path.insert(0, _Blocker())
    protos_only = types.ModuleType("tensorflow")
    protos_only.__path__ = list(spec.submodule_search_locations or [])
    sys.modules["tensorflow"] = protos_only


def main(script: str, *arguments: str) -> None:
    """Runs a script; what it has imported at its end, if it ends, is checked once more."""
    isolate()
    sys.path.insert(0, str(Path(script).parent))  # which -I leaves out
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")
    assert not {name.partition(".")[0] for name in sys.modules} & set(BLOCKED)
    assert not hasattr(sys.modules["tensorflow"], "__version__"), "tensorflow was imported"


if __name__ == "__main__":
    main(*sys.argv[1:])
