"""The same work on many files at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_AT_MOST = 16  # beyond, disks and memory are the limit


def parallel_map(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    advance: Callable[[int], None] = lambda total: None,
) -> list[Result]:
    """`work(item)` of each item in their order, computed by one thread a processor.

    Threads suit work that leaves Python alone: decoding, encoding, copying. `advance` is called
    here after each item with the number of all. After an error of either, what has not begun is not
    begun any more, and what has is finished before the error is raised.
    """
    results = []
    pool = ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, _AT_MOST))
    try:
        for result in pool.map(work, items):
            results.append(result)
            advance(len(items))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return results
