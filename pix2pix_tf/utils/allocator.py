"""The C library's allocator, set for a training."""

from __future__ import annotations

import ctypes
import os
import sys

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
