"""Implementation of `pix2pix-tf benchmark`: workers, timings of their workloads, the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from pix2pix_tf.benchmark import package_worker
from pix2pix_tf.benchmark.machine import machine_lines, peak_tflops
from pix2pix_tf.benchmark.quartiles import quartiles, ratio_quartiles
from pix2pix_tf.benchmark.report import Report, Row, scaling
from pix2pix_tf.benchmark.rounds import WorkloadTimings, alternate
from pix2pix_tf.benchmark.workloads import WorkerProcess, Workload, worker_environment
from pix2pix_tf.config.schema import Config, make_config
from pix2pix_tf.data.measured_ranges import measure_ranges
from pix2pix_tf.utils.errors import UserError

TRANSLATIONS = ("translate", "saved_model", "tflite float32", "tflite int8")
_TRAININGS = ("training", "training with data")
_OTHERS = ("pipeline", *TRANSLATIONS, "convolution")


@dataclass(frozen=True)
class Options:
    """Options of a benchmark.

    Attributes:
        config: The networks, the batch size and the data.
        rounds: Number of measured rounds.
        seconds: Approximate duration of each timed run.
        threads: Threads of TensorFlow and LiteRT.
        device: `cpu`, `gpu`, or `auto` for the GPUs if there are any.
        peak_tflops: Peak rate of one GPU in TFLOP/s, or None to look it up by its name.
    """

    config: Config
    rounds: int
    seconds: float
    threads: int
    device: str
    peak_tflops: float | None


def benchmark(options: Options, advance: Callable[[int], None] = lambda total: None) -> Report:
    """Times training, its input pipeline, convolutions and translations, in alternation.

    Trainings and the other workloads have separate processes, so that neither affects the settings
    and the memory of the other.

    Args:
        options: Options of the benchmark.
        advance: Called after each timed run with the total number of runs.

    Returns:
        The report.

    Raises:
        UserError: The options require a GPU and there is none, the config's data does not exist,
            or a process ended.
    """
    options = replace(options, config=measure_ranges(options.config))
    with ExitStack() as workers:

        def start(config: Config, workloads: Sequence[str], gpus: int | None) -> WorkerProcess:
            environment = worker_environment(options.threads, gpus)
            return workers.enter_context(
                package_worker.start_worker(config, workloads, options.threads, environment)
            )

        others = start(options.config, _OTHERS, 0 if options.device == "cpu" else None)
        gpus = int(others.info["gpus"])
        if options.device == "gpu" and not gpus:
            raise UserError(
                "--device gpu: TensorFlow finds no GPU; on Linux `pip install 'pix2pix-tf[gpu]'` "
                "brings what it needs, and nvidia-smi must list one"
            )
        trainer = start(options.config, _TRAININGS, min(gpus, 1))
        workloads: dict[str, Workload] = {name: trainer.workload(name) for name in _TRAININGS}
        for count in range(2, gpus + 1):
            multi_gpu = start(with_global_batch(options.config, count), _TRAININGS[:1], count)
            workloads[_training_on(count)] = multi_gpu.workload(_TRAININGS[0])
        workloads |= {name: others.workload(name) for name in _OTHERS}
        timings = alternate(workloads, options.rounds, options.seconds, advance)
    return _make_report(options, timings, {**trainer.info, **others.info})


def with_global_batch(config: Config, replicas: int) -> Config:
    """Config with a batch for `replicas` replicas, each with as many images as before."""
    tree = config.model_dump(mode="json")
    tree["training"]["batch_size"] *= replicas
    return make_config(tree)


def _training_on(gpus: int) -> str:
    return "training" if gpus == 1 else f"training on {gpus} GPUs"


def _make_report(
    options: Options, timings: dict[str, WorkloadTimings], info: dict[str, Any]
) -> Report:
    training, gpus = options.config.training, info["gpus"]

    def row(name: str, workload: str, images: int = 1, flops: str | None = None) -> Row:
        seconds = [seconds / images for seconds in timings[workload].seconds]
        return Row(name, seconds, None if flops is None else info[flops])

    batch = training.batch_size
    step = row("training step", "training", batch, "update_flops")
    step_with_data = row("the same with its data", "training with data", batch, "update_flops")
    convolution = row("fastest convolution", "convolution", flops="convolution_flops")
    on_gpus = [
        row(f"training on {count}", _training_on(count), count * batch, "update_flops")
        for count in range(1, gpus + 1)
    ]
    share = None
    if step.flops is not None:
        share = ratio_quartiles(step.gflops_per_second, convolution.gflops_per_second)
    peak = options.peak_tflops or peak_tflops(info.get("gpu", ""), training.precision)
    return Report(
        machine=[*machine_lines(), *([f"{gpus} × {info['gpu']}"] if gpus else [])],
        settings=_settings(options),
        rows=[
            step,
            step_with_data,
            Row("input of a training, a pair", _seconds_per_pair(timings["pipeline"])),
            *(row(name.replace("_", " "), name, 1, "translation_flops") for name in TRANSLATIONS),
            convolution,
        ],
        update_flops=info["update_flops"],
        translation_flops=info["translation_flops"],
        convolution=info["convolution"],
        convolution_share=share,
        data_wait_share=quartiles(data_wait_shares(timings["training with data"])),
        peak_bytes=timings["training"].peak_bytes or 0,
        scaling=[scaling(count, its, on_gpus[0], peak) for count, its in enumerate(on_gpus, 1)],
    )


def _seconds_per_pair(timings: WorkloadTimings) -> list[float]:
    return [
        seconds / values["pairs"]
        for values, seconds in zip(timings.values, timings.run_seconds, strict=True)
    ]


def data_wait_shares(timings: WorkloadTimings) -> list[float]:
    """Share of its time that `training with data` waited for data, one value a round."""
    return [
        values["wait_seconds"] / seconds
        for values, seconds in zip(timings.values, timings.run_seconds, strict=True)
    ]


def _settings(options: Options) -> str:
    training, (height, width) = options.config.training, options.config.data.crop_size
    return (
        f"{height}×{width} pixels, batch {training.batch_size}, {training.precision}, "
        f"{options.threads} threads; {options.rounds} rounds, runs of about {options.seconds:g} s"
    )
