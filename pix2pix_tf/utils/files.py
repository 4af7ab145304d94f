"""Files and folders: disk errors as messages, atomic writes, and checks of outputs before the work.

Nothing is ever half written: files and folders are written under a temporary name beside their own,
brought to the disk and renamed.
"""

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

# Errors that only writing raises; EFBIG: a limit on the size of files.
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WRITE_ONLY = (*_NO_SPACE, errno.EROFS)
_DISK_ERRORS = (
    *_WRITE_ONLY,
    *(errno.EACCES, errno.EPERM, errno.EIO),
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG),
)

CUT_SHORT = "it was cut short"  # reason of an incomplete file without an error; mostly a full disk

# The file that each kind of folder is recognised by, the kind's name, and what else is part of it.
_ARTIFACTS = {
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


def expand_home(path: str) -> str:
    """Expands ~ and ~user at the start of a path as a shell does, and no variables.

    A user that the system does not know is left as typed, and so is `./~`, a folder of that name.
    """
    return os.path.expanduser(path)  # noqa: PTH111  # Path.expanduser fails for unknown users


def is_special(path: Path) -> bool:
    """Whether a path is a pipe, a socket or a device: opening it could block for ever."""
    return path.exists() and not (path.is_file() or path.is_dir())


# Disk errors


@contextmanager
def writing(place: Path, what: str = "", *, write_only: bool = True) -> Iterator[None]:
    """Turns disk errors of its block into a `UserError` that says what could not be written.

    Args:
        place: The file or folder that is written.
        what: A prefix of the message, such as `checkpoint of step 50, `.
        write_only: Whether the block only writes. If it also reads other files, only errors that
            reading cannot raise (no space, read-only file system) are converted.

    Raises:
        UserError: Writing failed.
    """
    try:
        yield
    except Exception as error:
        reason = disk_error_reason(error, _DISK_ERRORS if write_only else _WRITE_ONLY)
        if reason is None:
            raise
        raise UserError(write_error_message(place, reason, what)) from error


def write_error_message(place: Path, reason: str, what: str = "") -> str:
    """The message of a failed write; if there is no space, with how much is free.

    Args:
        place: The file or folder that was written.
        reason: The system's words, see `disk_error_reason`, or `CUT_SHORT`.
        what: A prefix of the message.
    """
    space = ""
    if reason in (CUT_SHORT, *map(os.strerror, _NO_SPACE)):
        free = _free_bytes(place)
        space = "" if free is None else f" ({free / 1e6:.1f} MB are free there)"
    return f"{what}{place} cannot be written: {reason}{space}"


def disk_error_reason(error: BaseException, numbers: tuple[int, ...] = _DISK_ERRORS) -> str | None:
    """The system's words for a disk error of Python or TensorFlow; None for other errors."""
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


# Atomic writes


def write_text(path: Path, text: str) -> None:
    """Writes a text as UTF-8, see `write_bytes`.

    Names in the text that are not UTF-8 become readable, see `pix2pix_tf.utils.text.readable`.

    Raises:
        UserError: It cannot be written; a file that had the name before is untouched.
    """
    write_bytes(path, readable(text).encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all, so that it survives a kill and a power failure.

    Raises:
        UserError: It cannot be written; a file that had the name before is untouched.
    """
    temporary = _temporary_file(path)
    with writing(path):
        try:
            temporary.write_bytes(content)
            fsync(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        fsync(path.parent)


@contextmanager
def atomic_directory(target: Path) -> Iterator[Path]:
    """Gives an empty temporary folder that becomes `target` at the end, or is removed on an error.

    Raises:
        UserError: It cannot be written.
    """
    with temporary_sibling(target) as partial:
        yield partial
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            partial.replace(target)  # onto an empty folder too


@contextmanager
def temporary_sibling(target: Path) -> Iterator[Path]:
    """Gives an empty hidden folder beside `target`, which is removed at the end.

    It lies in the nearest folder above `target` that exists, so that what is moved from it to
    `target` is renamed, not copied.

    Raises:
        UserError: It cannot be written.
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
        # The user knows the file by the place where it was to be.
        raise UserError(str(error).replace(str(partial), str(target))) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _temporary_file(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def fsync(path: Path) -> None:
    """Returns once a file's content, or a folder's names, would survive a power failure."""
    if path.is_dir():
        if os.name == "nt":  # which cannot open folders
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


# Checks of outputs, before the work that fills them


def check_new_directory(output: Path) -> None:
    """Checks that a folder can be made, or is empty.

    Raises:
        UserError: Something already exists there, or it cannot be made.
    """
    with writing(output):
        empty = output.is_dir() and not any(output.iterdir())
        if output.is_symlink() or (output.exists() and not empty):
            raise UserError(f"{output}: already exists; give a new folder, or remove that one")
        _check_parents(output)
    with temporary_sibling(output):
        pass


def check_output_directory(output: Path) -> None:
    """Checks that files can be written into a folder, which need not exist yet.

    Raises:
        UserError: It is something else, or cannot be made or written.
    """
    with writing(output):
        if output.exists() and not output.is_dir():
            raise UserError(f"{output}: is a file; expected a folder")
        _check_parents(output)
    exists = output.is_dir()
    with _temporary_directory(output, output) if exists else temporary_sibling(output):
        pass


def check_output_files(**files: Path | None) -> None:
    """Checks that files can be written or replaced.

    Args:
        files: The files by the name of their option, without dashes; None is one not given.

    Raises:
        UserError: One of them cannot be written, or two options name the same.
    """
    check_distinct_outputs(**files)
    for name, file in files.items():
        if file is not None:
            _check_output_file(f"--{name}", file)


def check_distinct_outputs(**targets: Path | None) -> None:
    """Checks that no two options name the same file or folder.

    Args:
        targets: The files or folders by the name of their option; None is one not given.

    Raises:
        UserError: Two do.
    """
    options: dict[Path, str] = {}
    for name, target in targets.items():
        if target is not None:
            other = options.setdefault(target.resolve(), name)
            if other != name:
                raise UserError(f"--{other} and --{name}: are both {target}; give two names")


def containing_artifact(file: Path) -> str | None:
    """The run, segmenter or study that a file is part of, such as `run runs/maps`; or None.

    Other files within such a folder, a report of a run for instance, are the user's.
    """
    real = file.resolve()
    for folder in real.parents:
        for marker, (kind, names) in _ARTIFACTS.items():
            top = real.relative_to(folder).parts[0]
            if (folder / marker).is_file() and top in {marker, *names}:
                return f"{kind} {folder}"
    return None


def _check_parents(output: Path) -> None:
    above = next(place for place in output.absolute().parents if os.path.lexists(place))
    if not above.is_dir():
        raise UserError(f"{output}: {above} is a file; expected a folder")


def _check_output_file(option: str, file: Path) -> None:
    with writing(file):
        if file.is_dir():
            raise UserError(f"{option} {file}: is a folder; expected the name of a file")
        if file.exists() and not file.is_file():
            raise UserError(f"{option} {file}: is a device or the like; expected a file")
        if not file.parent.is_dir():
            what = "is a file" if file.parent.exists() else "no such folder"
            raise UserError(f"{option} {file}: {file.parent}: {what}; make that folder first")
        if (whole := containing_artifact(file)) is not None:
            raise UserError(f"{option} {file}: is a part of the {whole}; give another name")
        _temporary_file(file).touch()  # as `write_bytes` begins
        _temporary_file(file).unlink()
