"""The same work on many files at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_AT_MOST = 16  # beyond, disks and memory are the limit


def in_parallel(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Yields `work(item)` of each item in their order, computed by one thread a processor.

    Threads suit work that leaves Python alone: decoding, encoding, copying. An error of `work` is
    raised when its turn comes; what has not begun by then is not begun any more.
    """
    pool = ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, _AT_MOST))
    try:
        yield from pool.map(work, items)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
