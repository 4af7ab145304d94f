"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pix2pix_tf.disk import to_disk, writing
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
    with writing(target):
        partial.mkdir()
    try:
        with writing(target, only=False):  # what is written may be made from other files
            yield partial
    except UserError as error:
        if str(partial) not in str(error):
            raise
        # Of a file within; where that was to be is what the user knows.
        raise UserError(str(error).replace(str(partial), str(target))) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """Gives an empty hidden folder that becomes `target` at the end, or vanishes with an error."""
    with hidden_beside(target) as partial:
        yield partial
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            partial.replace(target)  # onto an empty folder too


def write_text(path: Path, text: str) -> None:
    """Writes a file aside, brings it to the disk and renames it: no half file ever has the name.

    Raises:
        UserError: It cannot be written; what had the name before is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with writing(path):
        try:
            temporary.write_text(text, encoding="utf-8")
            to_disk(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        to_disk(path.parent)
