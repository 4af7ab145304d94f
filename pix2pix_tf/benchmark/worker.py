"""The worker's side: a process that keeps workloads warm and runs them on request.

Requests are lines of JSON on standard input, `{"workload": NAME, "repetitions": N}`; each is
answered by a line of JSON on what was standard output. Whatever libraries print goes to standard
error. The process ends with its input.

Imports the standard library alone, so that workers in other programs' environments can use it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pix2pix_tf.utils.system import peak_memory

# Runs a workload N times and returns numbers that depend on all of its results: once they are
# there, the computation is complete, on whatever device.
WorkloadFunction = Callable[[int], Mapping[str, float]]


class UnavailableError(Exception):
    """A program cannot be measured on this machine; the message says why. Others still can."""


@dataclass(frozen=True)
class WorkerState:
    """The workloads that a worker has prepared.

    Attributes:
        workloads: The workloads it can run, by name.
        info: Facts about the worker: versions, device, floating-point operations.
    """

    workloads: Mapping[str, WorkloadFunction]
    info: Mapping[str, str | float]


def serve(
    prepare: Callable[[], WorkerState], user_error: type[Exception] = UnavailableError
) -> None:
    """Prepares the workloads, reports readiness and runs what is requested until input ends.

    Args:
        prepare: Builds and returns the workloads.
        user_error: The exception type by which `prepare` says that the user's settings or data
            cannot be used.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(**values: object) -> None:
        print(json.dumps(values), file=answers)

    try:
        state = prepare()
    except UnavailableError as error:
        return answer(unavailable=str(error))
    except user_error as error:
        return answer(user_error=str(error))
    answer(info=dict(state.info))
    for line in sys.stdin:
        request = json.loads(line)
        start = time.perf_counter()
        values = state.workloads[request["workload"]](request["repetitions"])
        seconds = time.perf_counter() - start
        answer(seconds=seconds, values=dict(values), peak_bytes=peak_memory())
    return None
