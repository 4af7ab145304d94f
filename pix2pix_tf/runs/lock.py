"""One process at a time: a lock on a folder that a training writes into for long.

It is the kernel's lock on an open file, so that it ends with its process, however that ends. What
the file says is for people.
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
# What file systems without locks answer, some network ones among them.
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)


@contextmanager
def run_lock(folder: Path, say: Callable[[str], None] = print) -> Iterator[None]:
    """Holds a run directory, made if it is not there, for this process.

    Where several processes train one run together, the one that writes holds it.

    Args:
        folder: The run directory.
        say: Is told where the file system has no locks: then nothing is held.

    Raises:
        UserError: Another process holds it, or the folder cannot be written to.
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
                handle.truncate(0)  # while it is still held: of another they would be wrong


def _refusal(folder: Path, handle: BinaryIO) -> str:
    try:
        handle.seek(0)
        holder = handle.read().decode(errors="replace").strip()
    except OSError:  # Windows keeps what is locked from being read
        holder = ""
    return (
        f"{folder}: another process is training there"
        f"{f' ({holder})' if holder else ''}; wait for its end or stop it, or choose another folder"
    )


@contextmanager
def metrics_lock(folder: Path) -> Iterator[None]:
    """Waits for its turn to change the run's metrics.json: a training and evaluations all do."""
    with writing(folder):
        handle = (folder / METRICS_LOCK).open("ab+", buffering=0)
    with handle:
        with contextlib.suppress(OSError):  # without locks, it is as good as alone
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
