"""Set-up of TensorFlow and the C library for a command."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from pix2pix_tf.utils.errors import UserError

_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8  # of glibc's malloc.h


def start_tensorflow(devices: bool = True) -> None:
    """Imports TensorFlow without its start-up messages, which are shown only if the import fails.

    Environment variables that are already set keep their values.

    Args:
        devices: Whether to initialise the devices. A worker must not do so before it has joined its
            cluster.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors are still raised as exceptions
    # On some processors TensorFlow does not enable oneDNN, although its convolutions are faster
    # there too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with captured_native_stderr():
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")
        if devices:
            tf.config.list_logical_devices()


@contextmanager
def captured_native_stderr() -> Iterator[None]:
    """Captures what native code writes to standard error, and shows it if the block fails.

    A `UserError` does not count as a failure, since its message is complete.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as captured:
        os.dup2(captured.fileno(), 2)
        try:
            yield
        except UserError:
            raise
        except BaseException:
            captured.seek(0)
            os.write(saved, captured.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Pauses Python's garbage collector, which would look at each of millions of objects again.

    What was made in the block is left out of later collections too, which would delay updates of a
    training; it is freed as usual when nothing refers to it.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def keep_freed_memory() -> None:
    """Makes this process keep freed memory for the next training step.

    By default glibc returns large blocks to the system at once. The system then allocates them
    again page by page and clears each page, and TensorFlow and oneDNN need tens of thousands of
    pages in every step. Does nothing with other C libraries, or if the environment already has
    settings of glibc's allocator.
    """
    own_settings = any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ)
    if own_settings or sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    # TensorFlow sets the size above which blocks are mapped, but not the number of mapped blocks.
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(_M_ARENA_MAX, 1)  # memory that one thread has freed is available to all threads
