"""The worker's end: a process that keeps something warm and does it when it is told to.

Orders come as lines of JSON on standard input, `{"work": NAME, "count": N}`; each is answered by a
line on what was standard output. Whatever libraries print goes to standard error instead. When
there are no more orders the process ends.

Only the standard library is imported here.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pix2pix_tf.utils.system import peak_memory

# Does something so and so often and returns numbers that depend on all it computed, so that none
# of it can be left out: when they are there, it is done, on whatever device.
WorkloadFunction = Callable[[int], Mapping[str, float]]


class UnavailableError(Exception):
    """This cannot be measured here, and the message says why; others can."""


@dataclass(frozen=True)
class WorkerState:
    """What a worker keeps.

    Attributes:
        works: What it can be told to do, by name.
        about: What to know about it: versions, threads, device.
    """

    works: Mapping[str, WorkloadFunction]
    about: Mapping[str, str | float]


def serve(prepare: Callable[[], WorkerState], refused: type[Exception] = UnavailableError) -> None:
    """Prepares, says that it is ready, and does what it is told until there are no more orders.

    Args:
        prepare: Builds what is kept.
        refused: An error that says that the user gave something which cannot be used.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(**words: object) -> None:
        print(json.dumps(words), file=answers)

    try:
        held = prepare()
    except UnavailableError as error:
        return answer(unavailable=str(error))
    except refused as error:
        return answer(refused=str(error))
    answer(about=dict(held.about))
    for line in sys.stdin:
        order = json.loads(line)
        start = time.perf_counter()
        values = held.works[order["work"]](order["count"])
        seconds = time.perf_counter() - start
        answer(seconds=seconds, values=dict(values), peak_bytes=peak_memory())
    return None
