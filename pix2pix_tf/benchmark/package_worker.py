"""The worker process of this package's own workloads.

    python -m pix2pix_tf.benchmark.package_worker CONFIG

CONFIG is the JSON of a `WorkerConfig`. `training` and `training with data` have a process of their
own: training is deterministic by its settings, and these must not change the other workloads.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pix2pix_tf.benchmark.worker import WorkerState, WorkloadFunction, serve
from pix2pix_tf.benchmark.workloads import Worker
from pix2pix_tf.config.schema import Config, make_config
from pix2pix_tf.utils.errors import UserError


@dataclass(frozen=True)
class WorkerConfig:
    """What a worker is to hold.

    Attributes:
        config: The whole config, as plain values.
        works: Their names.
        threads: For the LiteRT interpreter; TensorFlow's are in the environment.
        run: A run directory to translate with; a fresh one is made where there is none.
    """

    config: dict[str, Any]
    works: Sequence[str]
    threads: int
    run: str | None = None


def start_worker(
    config: Config,
    works: Sequence[str],
    threads: int,
    variables: Mapping[str, str],
    run: Path | None = None,
) -> Worker:
    """Starts a worker of this package's own works; see `WorkerConfig` and `Worker`."""
    order = WorkerConfig(
        config.model_dump(mode="json"), works, threads, None if run is None else str(run)
    )
    command = [sys.executable, "-m", __spec__.name, json.dumps(asdict(order))]
    return Worker("pix2pix-tf", command, variables)


def main() -> None:
    """Serves what the one argument orders."""
    order = WorkerConfig(**json.loads(sys.argv[1]))
    with tempfile.TemporaryDirectory() as folder:
        serve(lambda: _hold(order, Path(folder)), refused=UserError)


def _hold(order: WorkerConfig, folder: Path) -> WorkerState:
    from pix2pix_tf.utils.runtime import keep_freed_memory, start_tensorflow

    config = make_config(order.config)
    start_tensorflow()
    import tensorflow as tf

    from pix2pix_tf.benchmark import package_workloads

    held: dict[str, WorkloadFunction] = {}
    about: dict[str, str | float] = {}
    names = [name for name in order.works if name.startswith("training")]
    if names:
        keep_freed_memory()  # as a training does
        trainings, about["update_flops"] = package_workloads.training_works(config, names)
        held |= trainings
    if "pipeline" in order.works:
        held["pipeline"] = package_workloads.pipeline_work(config)
    if "convolution" in order.works:
        held["convolution"], best = package_workloads.convolution_work(config.training.precision)
        about |= {"convolution": str(best), "convolution_flops": best.flops}
    names = [
        name for name in order.works if name.startswith(("translate", "saved_model", "tflite"))
    ]
    if names:
        run = Path(order.run) if order.run is not None else folder / "run"
        if not run.exists():
            package_workloads.write_fresh_run(config, run)
        (folder / "exports").mkdir()
        translations, about["translation_flops"] = package_workloads.inference_works(
            run, folder / "exports", names, order.threads
        )
        held |= translations
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        about["gpu"] = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "")
    return WorkerState(held, {**about, "gpus": len(gpus)})


if __name__ == "__main__":
    main()
