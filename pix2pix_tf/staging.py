"""Folders that appear whole or not at all."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pix2pix_tf.errors import UserError


def refuse_existing(output: Path) -> None:
    """Checks that `output` can become a folder of ours: it is not there, or an empty folder.

    Raises:
        UserError: Something is there already.
    """
    if output.is_symlink() or (output.exists() and (not output.is_dir() or any(output.iterdir()))):
        raise UserError(f"{output}: is there already; give a new folder, or remove that one")


@contextmanager
def hidden_beside(target: Path) -> Iterator[Path]:
    """Gives an empty hidden folder that is removed at the end, with what is left in it.

    It lies beside `target` or, where the folder for that is not there yet, in the nearest above:
    what is moved from it to `target` is renamed, not copied.
    """
    place = next(folder for folder in target.absolute().parents if folder.is_dir())
    partial = place / f".{target.name}.{uuid.uuid4().hex}.partial"
    partial.mkdir()
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """Gives an empty hidden folder that becomes `target` at the end, or vanishes with an error."""
    with hidden_beside(target) as partial:
        yield partial
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(target)  # onto an empty folder too
