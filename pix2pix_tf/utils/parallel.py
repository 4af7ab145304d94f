"""The same function applied to many files at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_MAX_THREADS = 16  # beyond, disks and memory are the limit


def parallel_map(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    advance: Callable[[int], None] = lambda total: None,
) -> list[Result]:
    """Applies a function to items in threads, one per processor; results keep their order.

    Threads suit work that releases Python's lock: decoding, encoding, copying. After an error no
    further item is begun, and those that were are finished before it is raised.

    Args:
        work: The function.
        items: Its arguments.
        advance: Called in this thread after each item, with the number of items.
    """
    results = []
    pool = ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, _MAX_THREADS))
    try:
        for result in pool.map(work, items):
            results.append(result)
            advance(len(items))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return results
