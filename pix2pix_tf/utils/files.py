"""Files and folders: written whole or not at all, errors of the disk in words, paths with ~."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import readable


def expand_home(path: str) -> str:
    """A path as a shell expands it: ~ and ~user at its start, and no variables.

    A user that the system does not know is left as typed, and so is `./~`, a folder of that name.
    """
    return os.path.expanduser(path)  # noqa: PTH111  # Path.expanduser fails for unknown users


# Only writing can fail by these; EFBIG: a limit on the size of files.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_OF_WRITING = (*_NO_ROOM, errno.EROFS)
_TROUBLES = (
    *_OF_WRITING,
    *(errno.EACCES, errno.EPERM, errno.EIO),
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG),
)

CUT_SHORT = "it was cut short"  # where nobody said why: mostly, there is no room


@contextmanager
def writing(place: Path, what: str = "", *, write_only: bool = True) -> Iterator[None]:
    """Turns disk errors of its block into a `UserError` that says what could not be written.

    Args:
        place: The file or folder that is written.
        what: A prefix of the message, such as `checkpoint of step 50, `.
        write_only: Whether the block only writes. If it also reads other files, only errors that
            reading cannot raise (no space, read-only file system) are converted.
    """
    try:
        yield
    except Exception as error:
        reason = disk_error_reason(error, _TROUBLES if write_only else _OF_WRITING)
        if reason is None:
            raise
        raise UserError(write_error_message(place, reason, what)) from error


def write_error_message(place: Path, reason: str, what: str = "") -> str:
    """The sentence for it; where there is no room, with the room there is."""
    room = ""
    if reason in (CUT_SHORT, *map(os.strerror, _NO_ROOM)):
        free = _free_bytes(place)
        room = "" if free is None else f" ({free / 1e6:.1f} MB are free there)"
    return f"{what}{place} cannot be written: {reason}{room}"


def disk_error_reason(error: BaseException, numbers: tuple[int, ...] = _TROUBLES) -> str | None:
    """The system's words for an error of the disk, Python's or TensorFlow's; None for others."""
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno in numbers else None
    if not type(error).__module__.startswith("tensorflow."):
        return None
    # TensorFlow has no numbers: "/a/b/c; File too large [Op:SaveV2]", or "... is not a directory".
    first = (str(error).splitlines() or [""])[0]
    said = re.sub(r"\s*\[Op:.*", "", first).rpartition(";")[2].strip()
    for words in map(os.strerror, numbers):
        if said.lower().endswith(words.lower()):
            return words
    return os.strerror(errno.ENOTDIR) if said.endswith("is not a directory") else None


def _free_bytes(path: Path) -> int | None:
    for place in (path, *path.absolute().parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(place).free
    return None


def is_special(path: Path) -> bool:
    """Whether a pipe, a socket or a device is there: to open it could wait for ever."""
    return path.exists() and not (path.is_file() or path.is_dir())


def fsync(path: Path) -> None:
    """Returns when a file's content, or a folder's names, would survive the power going off."""
    if path.is_dir():
        if os.name == "nt":  # which has no such thing
            return
        with _opened(path, os.O_RDONLY) as number, contextlib.suppress(OSError):
            os.fsync(number)  # some file systems refuse it for folders
        return
    with _opened(path, os.O_RDWR) as number:
        os.fsync(number)


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    number = os.open(path, flags)
    try:
        yield number
    finally:
        os.close(number)


# What each kind of folder is known by, what it is called, and the names in it that are its own.
_KINDS = {
    "config.yaml": (
        "run",
        {
            "metrics.json",
            "versions.json",
            "pairs.json",
            "skipped.txt",
            "reference_batch.npz",
            "checkpoints",
            "logs",
        },
    ),
    "segmenter.yaml": (
        "segmenter",
        {"segmenter.weights.h5", "metrics.json", "pairs.json", "checkpoints", "logs"},
    ),
    "study.yaml": ("study", {"answers.sqlite", "invites.txt", "images"}),
}


def owner(file: Path) -> str | None:
    """What a file is a part of, such as `run runs/maps`; None where it is nothing of ours.

    Other files within such a folder, a report of a run for instance, are the user's.
    """
    real = file.resolve()
    for folder in real.parents:
        for known_by, (kind, names) in _KINDS.items():
            if (folder / known_by).is_file() and real.relative_to(folder).parts[0] in {
                known_by,
                *names,
            }:
                return f"{kind} {folder}"
    return None


def check_new_directory(output: Path) -> None:
    """Checks that `output` can become a folder of ours, before the work that is to fill it.

    Raises:
        UserError: Something already exists there, or it cannot be made there.
    """
    with writing(output):
        empty = output.is_dir() and not any(output.iterdir())
        if output.is_symlink() or (output.exists() and not empty):
            raise UserError(f"{output}: already exists; give a new folder, or remove that one")
        _refuse_file_above(output)
    with temporary_sibling(output):
        pass


def check_output_directory(output: Path) -> None:
    """Checks that files can be written into a folder, which need not be there yet.

    Raises:
        UserError: It is something else, or cannot be made or written there.
    """
    with writing(output):
        if output.exists() and not output.is_dir():
            raise UserError(f"{output}: is a file; expected a folder")
        _refuse_file_above(output)
    with _temporary_directory(output, output) if output.is_dir() else temporary_sibling(output):
        pass


def _refuse_file_above(output: Path) -> None:
    above = next(place for place in output.absolute().parents if os.path.lexists(place))
    if not above.is_dir():
        raise UserError(f"{output}: {above} is a file; expected a folder")


def check_output_files(**files: Path | None) -> None:
    """Checks that files can be written, or replaced, before the work that they are to hold.

    Args:
        files: By the option that names each, without dashes; None is one that was not given.

    Raises:
        UserError: One of them cannot be written, or two options name the same.
    """
    check_distinct_outputs(**files)
    for name, file in files.items():
        if file is not None:
            _check_file(f"--{name}", file)


def check_distinct_outputs(**targets: Path | None) -> None:
    """Checks that no two options name the same file or folder; arguments as `check_output_files`.

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
def temporary_sibling(target: Path) -> Iterator[Path]:
    """Gives an empty hidden folder that is removed at the end, with what is left in it.

    It lies beside `target` or, where the folder for that is not there yet, in the nearest above:
    what is moved from it to `target` is renamed, not copied.
    """
    place = next(folder for folder in target.absolute().parents if folder.is_dir())
    with _temporary_directory(place, target) as partial:
        yield partial


@contextmanager
def _temporary_directory(place: Path, target: Path) -> Iterator[Path]:
    """`temporary_sibling` in a given folder."""
    partial = place / f".{target.name}.{uuid.uuid4().hex}.partial"
    with writing(target):
        partial.mkdir()
    try:
        with writing(target, write_only=False):  # what is written may be made from other files
            yield partial
    except UserError as error:
        if str(partial) not in str(error):
            raise
        # Of a file within; where that was to be is what the user knows.
        raise UserError(str(error).replace(str(partial), str(target))) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def atomic_directory(target: Path) -> Iterator[Path]:
    """Gives an empty hidden folder that becomes `target` at the end, or vanishes with an error."""
    with temporary_sibling(target) as partial:
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
            fsync(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        fsync(path.parent)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")
