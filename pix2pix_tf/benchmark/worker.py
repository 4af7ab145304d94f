"""Main loop of a worker process, which keeps workloads warm and runs them on request.

Requests are lines of JSON on standard input, `{"workload": NAME, "repetitions": N}`; each is
answered by a line of JSON on the original standard output. The output of libraries is redirected to
standard error. The process ends when its input ends.

This module imports only the standard library, so that workers in other programs' environments can
use it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pix2pix_tf.utils.system import peak_memory

# Runs a workload N times and returns numbers that depend on all of its results, so that the
# computation is complete on every device when they are returned.
WorkloadFunction = Callable[[int], Mapping[str, float]]


class UnavailableError(Exception):
    """Error of a program that cannot be measured on this machine, with the reason as its message.

    Other programs are still measured.
    """


@dataclass(frozen=True)
class WorkerState:
    """The workloads that a worker has prepared.

    Attributes:
        workloads: The workloads it can run, by name.
        info: Facts about the worker: versions, device, floating-point operations.
    """

    workloads: Mapping[str, WorkloadFunction]
    info: Mapping[str, str | float | None]


def serve(
    prepare: Callable[[], WorkerState], user_error: type[Exception] = UnavailableError
) -> None:
    """Prepares the workloads, reports readiness and runs requests until the input ends.

    Args:
        prepare: Builds and returns the workloads.
        user_error: The type of exception that `prepare` raises if the user's settings or data
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
