"""How TensorFlow and the C library are set up for a command."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from pix2pix_tf.utils.errors import UserError

_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8  # of glibc's malloc.h


def start_tensorflow(devices: bool = True) -> None:
    """Imports TensorFlow without its start-up messages, which are shown only if that fails.

    Environment variables that are already set keep their values.

    Args:
        devices: Whether to initialise the devices. A worker of a cluster has to join it first.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors still come as exceptions
    # TensorFlow leaves oneDNN off on some processors, where its convolutions are faster too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with captured_native_stderr():
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")
        if devices:
            tf.config.list_logical_devices()


@contextmanager
def captured_native_stderr() -> Iterator[None]:
    """Captures what native code writes to standard error, and shows it if the block fails.

    A `UserError` is not such a failure: it says all there is to say.
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


def keep_freed_memory() -> None:
    """Makes this process keep the memory that it frees, for the next step of a training.

    glibc returns large blocks to the system at once, which hands them out again page by page, each
    cleared; TensorFlow and oneDNN ask for tens of thousands of pages in every step. Does nothing
    with other C libraries, or if the environment has glibc settings of its own.
    """
    own_settings = any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ)
    if own_settings or sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(_M_MMAP_MAX, 0)  # TensorFlow sets the size from which blocks are mapped; not how many
    mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(_M_ARENA_MAX, 1)  # what one thread freed is available to the others
