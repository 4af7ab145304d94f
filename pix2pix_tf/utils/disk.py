"""Disks that are full, read-only or closed: what to say, and making sure of what was written."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pix2pix_tf.utils.errors import UserError

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
def writing(place: Path, what: str = "", *, only: bool = True) -> Iterator[None]:
    """Within it, an error of the disk becomes a `UserError` that says what could not be written.

    Args:
        place: The file or folder that is written.
        what: Words to stand before it, such as `checkpoint of step 50, `.
        only: Whether the block does nothing but write there. Where it also reads other files, only
            those errors count that no reading has.
    """
    try:
        yield
    except Exception as error:
        reason = disk_reason(error, _TROUBLES if only else _OF_WRITING)
        if reason is None:
            raise
        raise UserError(unwritable(place, reason, what)) from error


def unwritable(place: Path, reason: str, what: str = "") -> str:
    """The sentence for it; where there is no room, with the room there is."""
    room = ""
    if reason in (CUT_SHORT, *map(os.strerror, _NO_ROOM)):
        free = _free_bytes(place)
        room = "" if free is None else f" ({free / 1e6:.1f} MB are free there)"
    return f"{what}{place} cannot be written: {reason}{room}"


def disk_reason(error: BaseException, numbers: tuple[int, ...] = _TROUBLES) -> str | None:
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


def to_disk(path: Path) -> None:
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
