"""What `pix2pix-tf benchmark` measures, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pix2pix_tf.benchmark import package_worker
from pix2pix_tf.benchmark.machine import machine_lines, peak_tflops
from pix2pix_tf.benchmark.rounds import Spread, WorkloadTimings, alternate, ratios, spread
from pix2pix_tf.benchmark.workloads import Worker, environment
from pix2pix_tf.config.schema import Config, make_config
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import write_text
from pix2pix_tf.utils.strict_json import strict_json

TRANSLATIONS = ("translate", "saved_model", "tflite float32", "tflite int8")
_TRAININGS = ("training", "training with data")
_OTHERS = ("pipeline", *TRANSLATIONS, "convolution")


@dataclass(frozen=True)
class Options:
    """What to measure, and how long.

    Attributes:
        config: The networks, the batch and the data.
        rounds: That are counted.
        seconds: Of a turn, roughly.
        threads: Of TensorFlow and LiteRT.
        device: `cpu`, `gpu`, or `auto`: the GPUs where there are any.
        peak: TFLOP/s of one GPU, or None to look it up.
    """

    config: Config
    rounds: int
    seconds: float
    threads: int
    device: str
    peak: float | None


@dataclass(frozen=True)
class Row:
    """One thing measured.

    Attributes:
        what: Its name.
        seconds: What an image (a pair, a convolution) took in each round.
        flops: Operations that one takes, or None where they are not counted.
    """

    what: str
    seconds: list[float]
    flops: float | None = None

    @property
    def milliseconds(self) -> Spread:
        """What one takes."""
        return spread(self.seconds).times(1000)

    @property
    def per_second(self) -> Spread:
        """How many of them a second."""
        return spread([1 / seconds for seconds in self.seconds])

    @property
    def rates(self) -> list[float]:
        """GFLOP/s in each round, where operations are counted."""
        return [] if self.flops is None else [self.flops / one / 1e9 for one in self.seconds]


@dataclass(frozen=True)
class Replicas:
    """Training on some of the GPUs, each with the same part of the batch.

    Attributes:
        count: How many.
        row: What was measured.
        scaling: How many times the images a second of one GPU.
        peak_share: Of these GPUs' peak, or None where that is not known.
    """

    count: int
    row: Row
    scaling: Spread
    peak_share: Spread | None


@dataclass(frozen=True)
class Report:
    """Everything measured.

    Attributes:
        machine: What it was measured on, for people.
        settings: What was measured, for people.
        rows: What took turns.
        update_flops: Operations of a training step, for each image of the batch.
        translation_flops: Operations of translating one.
        convolution: Which one that is.
        convolution_share: The rate of the training step as a share of its rate.
        waiting: The share of a training's time that it waits for data.
        peak_bytes: The most memory that the training's process had.
        replicas: On GPUs: training on the first 1, 2 and so on.
    """

    machine: list[str]
    settings: str
    rows: list[Row]
    update_flops: int
    translation_flops: int
    convolution: str
    convolution_share: Spread
    waiting: Spread
    peak_bytes: int
    replicas: list[Replicas]

    def write_json(self, path: Path) -> None:
        """Writes everything, with the seconds of every round."""
        write_text(path, strict_json(asdict(self)) + "\n")


def benchmark(options: Options, advance: Callable[[int], None] = lambda total: None) -> Report:
    """Measures training, its input, convolutions and translations, in turns.

    Trainings and the rest have processes of their own, so that neither's settings and memory are
    the other's.

    Args:
        options: What to measure.
        advance: Called after each turn with the number of all.

    Raises:
        UserError: No GPU where one was asked for; the config's data is not there; a process ended.
    """
    with ExitStack() as running:

        def started(config: Config, works: Sequence[str], gpus: int | None) -> Worker:
            variables = environment(options.threads, gpus)
            return running.enter_context(
                package_worker.start_worker(config, works, options.threads, variables)
            )

        others = started(options.config, _OTHERS, 0 if options.device == "cpu" else None)
        gpus = int(others.about["gpus"])
        if options.device == "gpu" and not gpus:
            raise UserError(
                "--device gpu: TensorFlow finds no GPU; on Linux `pip install 'pix2pix-tf[gpu]'` "
                "brings what it needs, and nvidia-smi must list one"
            )
        trainer = started(options.config, _TRAININGS, min(gpus, 1))
        workloads = {work: trainer.workload(work) for work in _TRAININGS}
        for count in range(2, gpus + 1):
            wider = started(with_batch_of(options.config, count), _TRAININGS[:1], count)
            workloads[_on(count)] = wider.workload(_TRAININGS[0])
        workloads |= {work: others.workload(work) for work in _OTHERS}
        measured = alternate(workloads, options.rounds, options.seconds, advance)
    return _report(options, measured, {**trainer.about, **others.about})


def with_batch_of(config: Config, replicas: int) -> Config:
    """The config with a batch so many times as large: each replica keeps its part."""
    tree = config.model_dump(mode="json")
    tree["training"]["batch_size"] *= replicas
    return make_config(tree)


def _on(replicas: int) -> str:
    return "training" if replicas == 1 else f"training on {replicas} GPUs"


def _report(
    options: Options, measured: dict[str, WorkloadTimings], about: dict[str, Any]
) -> Report:
    training = options.config.training

    def row(what: str, work: str, images: int, flops: str | None = None) -> Row:
        seconds = [seconds / images for seconds in measured[work].seconds]
        return Row(what, seconds, None if flops is None else about[flops])

    step = row("training step", "training", training.batch_size, "update_flops")
    fed = row("the same with its data", "training with data", training.batch_size, "update_flops")
    pairs = training.batch_size * training.discriminator_steps
    convolution = row("fastest convolution", "convolution", 1, "convolution_flops")
    with_data = measured["training with data"]
    replicas = [
        row(f"training on {count}", _on(count), count * training.batch_size, "update_flops")
        for count in range(1, about["gpus"] + 1)
    ]
    peak = options.peak or peak_tflops(about.get("gpu", ""), training.precision)
    return Report(
        machine=[*machine_lines(), *([f"{about['gpus']} × {about['gpu']}"] if replicas else [])],
        settings=_settings(options),
        rows=[
            step,
            fed,
            row("input of a training, a pair", "pipeline", pairs),
            *(row(work.replace("_", " "), work, 1, "translation_flops") for work in TRANSLATIONS),
            convolution,
        ],
        update_flops=about["update_flops"],
        translation_flops=about["translation_flops"],
        convolution=about["convolution"],
        convolution_share=ratios(step.rates, convolution.rates),
        waiting=spread(
            [
                values["waited"] / seconds
                for values, seconds in zip(with_data.values, with_data.turns, strict=True)
            ]
        ),
        peak_bytes=measured["training"].peak_bytes or 0,
        replicas=[
            scaled(count, its, replicas[0], peak) for count, its in enumerate(replicas, start=1)
        ],
    )


def scaled(count: int, row: Row, one: Row, peak: float | None) -> Replicas:
    """Training on `count` GPUs beside training on one; `peak` is a GPU's, in TFLOP/s."""
    share = None
    if peak is not None:
        share = spread([rate / (1000 * count * peak) for rate in row.rates])
    return Replicas(count, row, ratios(one.seconds, row.seconds), share)


def _settings(options: Options) -> str:
    config = options.config
    height, width = config.data.crop_size
    return (
        f"{height}×{width} pixels, batch {config.training.batch_size}, "
        f"{config.training.precision}, {options.threads} threads; {options.rounds} rounds, turns "
        f"of about {options.seconds:g} s"
    )
