"""How TensorFlow and the C library are set up for a command."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from pix2pix_tf.utils.errors import UserError


def start_tensorflow(devices: bool = True) -> None:
    """Imports TensorFlow and looks for devices, silently; what it said is shown if that fails.

    Without `devices` it is left to start them later, as a cluster has to be joined before.

    Variables of the environment that are set already stay as they are.
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
    """Holds back what native code writes to standard error; Python's exceptions pass."""
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except UserError:  # says all there is to say
            raise
        except BaseException:
            held.seek(0)
            os.write(saved, held.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8  # of glibc's malloc.h


def keep_freed_memory() -> None:
    """Lets this process keep the memory that it frees, since a training's next step asks for it.

    glibc gives large pieces back to the system at once, which hands them out again page by page,
    each cleared; TensorFlow and oneDNN ask for tens of thousands of pages in every step. With other
    C libraries, or where the environment has settings of its own for glibc's, nothing is done.
    """
    own_settings = any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ)
    if own_settings or sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(_M_MMAP_MAX, 0)  # TensorFlow sets the size from which pieces are mapped; not how many
    mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(_M_ARENA_MAX, 1)  # what one thread freed is there for the others
