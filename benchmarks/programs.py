"""The programs that are compared, and functions that start a worker of each."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf.benchmark import package_worker
from pix2pix_tf.benchmark.worker import UnavailableError
from pix2pix_tf.benchmark.workloads import WorkerProcess, worker_environment
from pix2pix_tf.config.schema import Config, load_config

ROOT = Path(__file__).parents[1]
FORMS = ("eager", "channels_last", "channels_last+fused", "compile+channels_last+fused")
PACKAGE = "pix2pix-tf"
TUTORIAL = "TensorFlow tutorial"


@dataclass(frozen=True)
class Options:
    """Options of the comparison.

    Attributes:
        forms: Forms of the PyTorch program, see `benchmarks.peers.torch_program`.
        torch: The Python interpreter that has PyTorch.
        gpu: Whether to use the first GPU instead of the CPU.
        threads: Threads of each program.
        rounds: Number of measured rounds.
        seconds: Approximate duration of each timed run.
        size: Height and width of the images, in pixels.
        width: Filters of the networks' first layers.
        overrides: Overrides of this package's config, such as `training.precision=...`.
        data: A folder of pairs, or None for the embedded city.
    """

    forms: Sequence[str]
    torch: Path
    gpu: bool
    threads: int
    rounds: int
    seconds: float
    size: int
    width: int
    overrides: Sequence[str]
    data: Path | None

    def config(self, batch: int = 1) -> Config:
        """This package's config: the paper's settings, at this size and width."""
        data = "data.dataset=sample" if self.data is None else f"data.root={self.data}"
        load = round(self.size * 286 / 256)
        settings = [data, f"data.crop_size={self.size}", f"data.load_size={load}"]
        settings += [f"{network}.width={self.width}" for network in ("generator", "discriminator")]
        return load_config("facades", [*settings, f"training.batch_size={batch}", *self.overrides])

    def environment(self) -> dict[str, str]:
        """The environment variables of every program."""
        return worker_environment(self.threads, 1 if self.gpu else 0)


def start_package(
    options: Options, workloads: Sequence[str], batch: int = 1, run: Path | None = None
) -> WorkerProcess:
    """Starts a worker of this package.

    Args:
        options: The options.
        workloads: Names of its workloads.
        batch: Images of a batch.
        run: A run directory to translate with; if it does not exist, an untrained run is created.

    Returns:
        The worker process.
    """
    return package_worker.start_worker(
        options.config(batch), workloads, options.threads, options.environment(), run
    )


def start_tutorial(options: Options) -> WorkerProcess:
    """Starts the TensorFlow tutorial's step, with TensorFlow's own default settings."""
    settings = {"batch": 1, "size": options.size, "width": options.width}
    command = [sys.executable, "-m", "benchmarks.peers.tutorial", json.dumps(settings)]
    return WorkerProcess(TUTORIAL, command, options.environment(), ROOT)


def start_torch(
    options: Options, form: str, workloads: Sequence[str], batch: int = 1
) -> WorkerProcess:
    """Starts a form of the authors' PyTorch program.

    Args:
        options: The options.
        form: One of `FORMS`, or another combination.
        workloads: Names of its workloads.
        batch: Images of a batch.

    Returns:
        The worker process.

    Raises:
        UnavailableError: The program cannot run on this machine.
    """
    if not options.torch.is_file():
        raise UnavailableError(f"there is no {options.torch}; `make benchmark` makes it")
    settings = {"form": form, "workloads": workloads, "batch": batch}
    settings |= {name: getattr(options, name) for name in ("size", "width", "threads", "gpu")}
    program = "benchmarks.peers.torch_program"
    command = [str(options.torch.absolute()), "-m", program, json.dumps(settings)]
    return WorkerProcess(torch_name(form), command, options.environment(), ROOT)


def torch_name(form: str) -> str:
    """Name of a form of the PyTorch program in tables."""
    return f"PyTorch, {form.replace('+', ', ')}"
