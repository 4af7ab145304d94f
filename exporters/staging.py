"""Outputs that appear whole or not at all."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pix2pix_tf.errors import UserError


@contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """Gives an empty hidden folder that becomes `target` at the end, or vanishes with an error.

    It lies in the nearest folder above `target` that exists already, so that the last step is a
    rename, and so that nothing at all is left of an export that fails.
    """
    place = next(folder for folder in target.absolute().parents if folder.is_dir())
    partial = place / f".{target.name}.{uuid.uuid4().hex}.partial"
    partial.mkdir()
    try:
        yield partial
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def new_folder(output: Path) -> Path:
    """Checks that `output` can become a folder of ours: it is not there, or an empty folder.

    Raises:
        UserError: Something is there already.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UserError(
            f"--output {output}: is there already; give a new folder, or remove that one"
        )
    return output


def next_version(model: Path) -> Path:
    """The folder of the next version of a served model: MODEL/1 at first, then one more.

    Raises:
        UserError: `model` is something else than a folder of versions.
    """
    if not model.exists():
        return model / "1"
    numbers = [
        int(entry.name)
        for entry in (model.iterdir() if model.is_dir() else [])
        if entry.is_dir() and re.fullmatch("[0-9]+", entry.name)
    ]
    if not numbers and (not model.is_dir() or any(model.iterdir())):
        raise UserError(
            f"{model}: is there already and holds no versions of a served model; "
            "choose another --output or --name"
        )
    return model / str(max(numbers, default=0) + 1)
