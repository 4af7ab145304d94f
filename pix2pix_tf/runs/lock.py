"""Locks of a run directory, so that only one process at a time trains there.

They are the kernel's locks on open files, which are released when their process ends for any
reason. The content of the lock file is only for people.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import writing

LOCK, METRICS_LOCK = ".lock", ".metrics.lock"
# Errors of file systems without locks, such as some network file systems.
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)


@contextmanager
def run_lock(folder: Path, say: Callable[[str], None] = print) -> Iterator[None]:
    """Locks a run directory for this process within its block.

    If several workers train one run, only the chief holds the lock.

    Args:
        folder: The run directory, created if it does not exist.
        say: Prints a note if the file system does not support locks, in which case nothing is
            locked.

    Raises:
        UserError: Another process holds the lock, or the folder cannot be written to.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; expected a folder, or a name that is free")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / LOCK).open("ab+", buffering=0)
    with handle:
        try:
            _lock(handle)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise UserError(_refusal(folder, handle)) from None
            say(f"{folder}: its file system has no locks: let nothing else train there meanwhile")
        now = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        with writing(folder):
            handle.truncate(0)
            handle.write(f"process {os.getpid()} on {socket.gethostname()}, since {now}\n".encode())
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                handle.truncate(0)  # before the lock is released and the next holder writes


def _refusal(folder: Path, handle: BinaryIO) -> str:
    try:
        handle.seek(0)
        holder = handle.read().decode(errors="replace").strip()
    except OSError:  # Windows does not let others read a locked file
        holder = ""
    return (
        f"{folder}: another process is training there"
        f"{f' ({holder})' if holder else ''}; wait for its end or stop it, or choose another folder"
    )


@contextmanager
def metrics_lock(folder: Path) -> Iterator[None]:
    """Waits for the lock of a run's metrics.json, which both trainings and evaluations write."""
    with writing(folder):
        handle = (folder / METRICS_LOCK).open("ab+", buffering=0)
    with handle:
        with contextlib.suppress(OSError):  # on a file system without locks
            _lock(handle, wait=True)
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: BinaryIO, wait: bool = False) -> None:
        handle.seek(0)
        msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: BinaryIO, wait: bool = False) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
