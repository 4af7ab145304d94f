"""Files and folders: messages for disk errors, atomic writes, and checks of output paths.

Writes are atomic: files and folders are written under a temporary name beside the final one,
flushed to the disk and renamed.
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

# Errors that only writing raises. EFBIG is the error of a limit on the size of files.
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WRITE_ONLY = (*_NO_SPACE, errno.EROFS)
_DISK_ERRORS = (
    *_WRITE_ONLY,
    *(errno.EACCES, errno.EPERM, errno.EIO),
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG),
)

# Reason given for an incomplete file whose write raised no error; the usual cause is a full disk.
CUT_SHORT = "it was cut short"

# For each kind of folder: the file it is recognised by, its name, and the other files it consists
# of.
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
    """Expands ~ and ~user at the start of a path as a shell does; variables are not expanded.

    An unknown user is left as typed, and so is `./~`, which is a folder of that name.
    """
    return os.path.expanduser(path)  # noqa: PTH111  # Path.expanduser fails for unknown users


def is_special(path: Path) -> bool:
    """Whether a path is a pipe, a socket or a device, which could block when it is opened."""
    return path.exists() and not (path.is_file() or path.is_dir())


# Disk errors


class WriteError(UserError):
    """A file could not be written, to a disk that is full, say."""


@contextmanager
def writing(place: Path, what: str = "", *, write_only: bool = True) -> Iterator[None]:
    """Converts disk errors of its block to a `WriteError` that says what could not be written.

    Args:
        place: The file or folder that is written.
        what: A prefix of the message, such as `checkpoint of step 50, `.
        write_only: Whether the block only writes. If it also reads other files, only errors that
            reading cannot raise (no space, read-only file system) are converted.

    Raises:
        WriteError: Writing failed.
    """
    try:
        yield
    except Exception as error:
        reason = disk_error_reason(error, _DISK_ERRORS if write_only else _WRITE_ONLY)
        if reason is None:
            raise
        raise WriteError(write_error_message(place, reason, what)) from error


def write_error_message(place: Path, reason: str, what: str = "") -> str:
    """Returns the error message of a failed write, with the free space if that has run out.

    Args:
        place: The file or folder that was written.
        reason: The system's description of the error, see `disk_error_reason`, or `CUT_SHORT`.
        what: A prefix of the message.
    """
    space = ""
    if reason in (CUT_SHORT, *map(os.strerror, _NO_SPACE)):
        free = _free_bytes(place)
        space = "" if free is None else f" ({free / 1e6:.1f} MB are free there)"
    return f"{what}{place} cannot be written: {reason}{space}"


def disk_error_reason(error: BaseException, numbers: tuple[int, ...] = _DISK_ERRORS) -> str | None:
    """Returns the system's description of a disk error of Python or TensorFlow.

    Args:
        error: Any exception.
        numbers: The values of `errno` that count as disk errors.

    Returns:
        The text of `os.strerror`; None for other errors.
    """
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno in numbers else None
    if not type(error).__module__.startswith("tensorflow."):
        return None
    # TensorFlow's errors have no errno, only a text such as "/a/b/c; File too large [Op:SaveV2]" or
    # "... is not a directory".
    first = (str(error).splitlines() or [""])[0]
    text = re.sub(r"\s*\[Op:.*", "", first).rpartition(";")[2].strip()
    for reason in map(os.strerror, numbers):
        if text.lower().endswith(reason.lower()):
            return reason
    return os.strerror(errno.ENOTDIR) if text.endswith("is not a directory") else None


def _free_bytes(path: Path) -> int | None:
    for place in (path, *path.absolute().parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(place).free
    return None


# Atomic writes


def write_text(path: Path, text: str) -> None:
    """Writes a text as a UTF-8 file, see `write_bytes`.

    Bytes of names that are not UTF-8 are escaped, see `pix2pix_tf.utils.text.readable`.

    Args:
        path: The file, which is replaced if it exists.
        text: Its content.

    Raises:
        UserError: The file cannot be written; an existing file is unchanged.
    """
    write_bytes(path, readable(text).encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file atomically: completely or not at all, even if the process or power fails.

    Args:
        path: The file, which is replaced if it exists.
        content: Its content.

    Raises:
        UserError: The file cannot be written; an existing file is unchanged.
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
    """Yields an empty temporary folder, which is renamed to `target` at the end.

    After an error the folder is removed.

    Args:
        target: The final folder, which must not exist or must be empty.

    Raises:
        UserError: The folder cannot be written.
    """
    with temporary_sibling(target) as partial:
        yield partial
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            partial.replace(target)  # an empty folder is replaced too


@contextmanager
def temporary_sibling(target: Path) -> Iterator[Path]:
    """Yields an empty hidden folder beside `target`, which is removed at the end.

    It lies in the nearest existing folder above `target`, so that files can be moved from it to
    `target` by renaming, without a copy.

    Args:
        target: The path beside which the folder is created.

    Raises:
        UserError: The folder cannot be written.
    """
    place = next(folder for folder in target.absolute().parents if folder.is_dir())
    with _temporary_directory(place, target) as partial:
        yield partial


@contextmanager
def _temporary_directory(place: Path, target: Path) -> Iterator[Path]:
    """Yields a temporary folder as `temporary_sibling` does, in the folder `place`."""
    partial = place / f".{target.name}.{uuid.uuid4().hex}.partial"
    with writing(target):
        partial.mkdir()
    try:
        with writing(target, write_only=False):  # the block may also read other files
            yield partial
    except UserError as error:
        if str(partial) not in str(error):
            raise
        # The message names the final path, which the user knows, not the temporary one.
        raise UserError(str(error).replace(str(partial), str(target))) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _temporary_file(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def fsync(path: Path) -> None:
    """Flushes a file's content, or the entries of a folder, to the disk."""
    if path.is_dir():
        if os.name == "nt":  # Windows cannot open folders
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


# Checks of output paths, made before any long computation


def check_new_directory(output: Path) -> None:
    """Checks that a folder can be created, or is empty.

    Raises:
        UserError: The path exists and is not an empty folder, or it cannot be created.
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
        UserError: The path is not a folder, or the folder cannot be created or written to.
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
        files: The files by the names of their options, without dashes; None if an option was not
            given.

    Raises:
        UserError: A file cannot be written, or two options name the same file.
    """
    check_distinct_outputs(**files)
    for name, file in files.items():
        if file is not None:
            _check_output_file(f"--{name}", file)


def check_distinct_outputs(**targets: Path | None) -> None:
    """Checks that no two options name the same file or folder.

    Args:
        targets: The files or folders by the names of their options; None if an option was not
            given.

    Raises:
        UserError: Two options name the same path.
    """
    options: dict[Path, str] = {}
    for name, target in targets.items():
        if target is not None:
            other = options.setdefault(target.resolve(), name)
            if other != name:
                raise UserError(f"--{other} and --{name}: are both {target}; give two names")


def containing_artifact(file: Path) -> str | None:
    """Returns the run, segmenter or study that a file is part of, such as `run runs/maps`; or None.

    A file that merely lies in such a folder, for instance the report of a run, is not part of it.
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
        _temporary_file(file).touch()  # the first step of `write_bytes`
        _temporary_file(file).unlink()
