"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pix2pix_tf.utils.disk import to_disk, writing
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.own_files import owner
from pix2pix_tf.utils.text import readable


def refuse_existing(output: Path) -> None:
    """Checks that `output` can become a folder of ours, before the work that is to fill it.

    Raises:
        UserError: Something is there already, or it cannot be made there.
    """
    with writing(output):
        empty = output.is_dir() and not any(output.iterdir())
        if output.is_symlink() or (output.exists() and not empty):
            raise UserError(f"{output}: is there already; give a new folder, or remove that one")
        _refuse_file_above(output)
    with hidden_beside(output):
        pass


def check_folder(output: Path) -> None:
    """Checks that files can be written into a folder, which need not be there yet.

    Raises:
        UserError: It is something else, or cannot be made or written there.
    """
    with writing(output):
        if output.exists() and not output.is_dir():
            raise UserError(f"{output}: is a file; expected a folder")
        _refuse_file_above(output)
    with _hidden_in(output, output) if output.is_dir() else hidden_beside(output):
        pass


def _refuse_file_above(output: Path) -> None:
    above = next(place for place in output.absolute().parents if os.path.lexists(place))
    if not above.is_dir():
        raise UserError(f"{output}: {above} is a file; expected a folder")


def check_files(**files: Path | None) -> None:
    """Checks that files can be written, or replaced, before the work that they are to hold.

    Args:
        files: By the option that names each, without dashes; None is one that was not given.

    Raises:
        UserError: One of them cannot be written, or two options name the same.
    """
    refuse_same(**files)
    for name, file in files.items():
        if file is not None:
            _check_file(f"--{name}", file)


def refuse_same(**targets: Path | None) -> None:
    """Checks that no two options name the same file or folder; for arguments see `check_files`.

    Raises:
        UserError: Two do.
    """
    options: dict[Path, str] = {}
    for name, target in targets.items():
        if target is not None:
            other = options.setdefault(target.resolve(), name)
            if other != name:
                raise UserError(f"--{other} and --{name}: are both {target}; give two names")


def _check_file(option: str, file: Path) -> None:
    with writing(file):
        if file.is_dir():
            raise UserError(f"{option} {file}: is a folder; expected the name of a file")
        if file.exists() and not file.is_file():
            raise UserError(f"{option} {file}: is a device or the like; expected a file")
        if not file.parent.is_dir():
            what = "is a file" if file.parent.exists() else "no such folder"
            raise UserError(f"{option} {file}: {file.parent}: {what}; make that folder first")
        if (whole := owner(file)) is not None:
            raise UserError(f"{option} {file}: is a part of the {whole}; give another name")
        _temporary(file).touch()  # what `write_text` begins with
        _temporary(file).unlink()


@contextmanager
def hidden_beside(target: Path) -> Iterator[Path]:
    """Gives an empty hidden folder that is removed at the end, with what is left in it.

    It lies beside `target` or, where the folder for that is not there yet, in the nearest above:
    what is moved from it to `target` is renamed, not copied.
    """
    place = next(folder for folder in target.absolute().parents if folder.is_dir())
    with _hidden_in(place, target) as partial:
        yield partial


@contextmanager
def _hidden_in(place: Path, target: Path) -> Iterator[Path]:
    """`hidden_beside` in a given folder."""
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
    """`write_bytes` of text as UTF-8.

    Names in the text that are not UTF-8 become readable, see `pix2pix_tf.utils.text`.
    """
    write_bytes(path, readable(text).encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file aside, brings it to the disk and renames it: no half file ever has the name.

    Raises:
        UserError: It cannot be written; what had the name before is untouched.
    """
    temporary = _temporary(path)
    with writing(path):
        try:
            temporary.write_bytes(content)
            to_disk(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        to_disk(path.parent)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")
