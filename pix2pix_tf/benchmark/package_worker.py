"""The worker process that runs this package's own workloads.

    python -m pix2pix_tf.benchmark.package_worker CONFIG

CONFIG is a `WorkerConfig` as JSON. Trainings and the other workloads have separate processes,
because a training may turn on TensorFlow's determinism and keeps freed memory.
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
from pix2pix_tf.benchmark.workloads import WorkerProcess
from pix2pix_tf.config.schema import Config, make_config
from pix2pix_tf.utils.errors import UserError


@dataclass(frozen=True)
class WorkerConfig:
    """Settings of a worker process.

    Attributes:
        config: The whole config as plain values.
        workloads: Names of the workloads: `training`, `training with data`, `pipeline`,
            `convolution`, and those of `inference_workloads`.
        threads: Threads of the LiteRT interpreter; TensorFlow's are in the environment.
        run: A run directory to translate with; None, or one that does not exist yet, means an
            untrained run.
    """

    config: dict[str, Any]
    workloads: Sequence[str]
    threads: int
    run: str | None = None


def start_worker(
    config: Config,
    workloads: Sequence[str],
    threads: int,
    environment: Mapping[str, str],
    run: Path | None = None,
) -> WorkerProcess:
    """Starts a worker process of this package.

    Args:
        config: The whole config.
        workloads: Names of the workloads, see `WorkerConfig`.
        threads: Threads of the LiteRT interpreter.
        environment: All environment variables of the process.
        run: A run directory to translate with, see `WorkerConfig`.

    Returns:
        The worker process.

    Raises:
        UserError: The config's data cannot be used, or the process ended.
    """
    worker_config = WorkerConfig(
        config.model_dump(mode="json"), workloads, threads, None if run is None else str(run)
    )
    command = [sys.executable, "-m", __spec__.name, json.dumps(asdict(worker_config))]
    return WorkerProcess("pix2pix-tf", command, environment)


def main() -> None:
    """Serves the workloads of the `WorkerConfig` given as the only argument."""
    worker_config = WorkerConfig(**json.loads(sys.argv[1]))
    with tempfile.TemporaryDirectory() as folder:
        serve(lambda: _prepare(worker_config, Path(folder)), user_error=UserError)


def _prepare(worker_config: WorkerConfig, folder: Path) -> WorkerState:
    from pix2pix_tf.utils.runtime import keep_freed_memory, start_tensorflow

    config, names = make_config(worker_config.config), worker_config.workloads
    start_tensorflow()
    import tensorflow as tf

    from pix2pix_tf.benchmark.convolution_workload import fastest_convolution
    from pix2pix_tf.benchmark.training_workloads import pipeline_workload, training_workloads

    workloads: dict[str, WorkloadFunction] = {}
    info: dict[str, str | float | None] = {}
    trainings = [name for name in names if name.startswith("training")]
    if trainings:
        keep_freed_memory()  # as `pix2pix-tf train` does
        found, info["update_flops"] = training_workloads(config, trainings)
        workloads |= found
    if "pipeline" in names:
        workloads["pipeline"] = pipeline_workload(config)
    if "convolution" in names:
        workloads["convolution"], convolution = fastest_convolution(config.training.precision)
        info |= {"convolution": str(convolution), "convolution_flops": convolution.flops}
    found, flops = _prepare_translations(worker_config, config, folder)
    if found:
        workloads |= found
        info["translation_flops"] = flops
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        info["gpu"] = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "")
    return WorkerState(workloads, {**info, "gpus": len(gpus)})


def _prepare_translations(
    worker_config: WorkerConfig, config: Config, folder: Path
) -> tuple[dict[str, WorkloadFunction], int]:
    kinds = ("translate", "saved_model", "tflite")
    names = [name for name in worker_config.workloads if name.startswith(kinds)]
    if not names:
        return {}, 0
    from pix2pix_tf.benchmark.inference_workloads import inference_workloads, write_untrained_run
    from pix2pix_tf.data.pairs import open_pairs

    run = folder / "run" if worker_config.run is None else Path(worker_config.run)
    if not run.exists():
        pairs = open_pairs(config) if "pipeline" in worker_config.workloads else None
        write_untrained_run(config, run, pairs)
    export_dir = folder / "exports"
    export_dir.mkdir()
    return inference_workloads(run, export_dir, names, worker_config.threads)


if __name__ == "__main__":
    main()
