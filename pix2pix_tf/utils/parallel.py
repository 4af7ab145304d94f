"""Parallel application of a function to many files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_MAX_THREADS = 16  # more threads would only wait for disks and memory
_AT_ONCE = 4096  # items that are waiting or in progress


def parallel_map(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    advance: Callable[[int], None] = lambda total: None,
) -> list[Result]:
    """Applies a function to items in threads, one per processor.

    Threads are used since the functions release Python's global interpreter lock: they decode,
    encode or copy files. After an error no further item is started, and items in progress are
    finished before the error is raised.

    Args:
        work: The function.
        items: Its arguments.
        advance: Called in this thread after each item, with the number of items.

    Returns:
        The results in the order of the items.
    """
    results = []
    pool = ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, _MAX_THREADS))
    try:
        # A million tasks at once would take a gigabyte.
        for first in range(0, len(items), _AT_ONCE):
            for result in pool.map(work, items[first : first + _AT_ONCE]):
                results.append(result)
                advance(len(items))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return results
