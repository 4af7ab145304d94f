"""The report of `pix2pix-tf benchmark`: times, rates, scaling over GPUs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from pix2pix_tf.benchmark.quartiles import Quartiles, quartiles, ratio_quartiles
from pix2pix_tf.utils.files import write_text
from pix2pix_tf.utils.strict_json import strict_json


@dataclass(frozen=True)
class Row:
    """The timings of one workload.

    Attributes:
        name: Name of the workload, as tables show it.
        seconds: Seconds per image (per pair, per convolution), one value a round.
        flops: Floating-point operations per image; None where they are not counted.
    """

    name: str
    seconds: list[float]
    flops: float | None = None

    @property
    def milliseconds(self) -> Quartiles:
        """Milliseconds per image."""
        return quartiles(self.seconds).scaled(1000)

    @property
    def per_second(self) -> Quartiles:
        """Images per second."""
        return quartiles([1 / seconds for seconds in self.seconds])

    @property
    def gflops_per_second(self) -> list[float]:
        """GFLOP/s in each round; empty where operations are not counted."""
        if self.flops is None:
            return []
        return [self.flops / seconds / 1e9 for seconds in self.seconds]


@dataclass(frozen=True)
class Scaling:
    """Comparison of training on several GPUs, with equal shares of the batch, with one GPU.

    Attributes:
        gpus: Number of GPUs.
        row: The timings.
        speedup: Images per second, as a multiple of those of one GPU.
        peak_share: Fraction of these GPUs' peak rate; None if that is not known.
    """

    gpus: int
    row: Row
    speedup: Quartiles
    peak_share: Quartiles | None


def scaling(gpus: int, row: Row, single: Row, peak_tflops: float | None) -> Scaling:
    """Compares a training on several GPUs with one on a single GPU.

    Args:
        gpus: Number of GPUs.
        row: Timings of the training on them, per image.
        single: Timings of the training on one GPU, per image.
        peak_tflops: Peak rate of one GPU in TFLOP/s, or None.

    Returns:
        The comparison.
    """
    share = None
    if peak_tflops is not None and row.flops is not None:
        share = quartiles([rate / (1000 * gpus * peak_tflops) for rate in row.gflops_per_second])
    return Scaling(gpus, row, ratio_quartiles(single.seconds, row.seconds), share)


@dataclass(frozen=True)
class Report:
    """Results of a benchmark.

    Attributes:
        machine: Lines that describe the machine and the versions.
        settings: A line that describes what was measured.
        rows: The timings of each workload.
        update_flops: Floating-point operations of a training step per image of the batch; None if
            the method does not count them.
        translation_flops: Floating-point operations of translating one image.
        convolution: The fastest convolution, in words.
        convolution_share: Rate of the training step as a share of that convolution's rate; None if
            the step's operations are not counted.
        data_wait_share: Share of a training's time spent waiting for data.
        peak_bytes: Peak memory of the training's process.
        scaling: Training on the first 1, 2, ... GPUs; empty on a CPU.
    """

    machine: list[str]
    settings: str
    rows: list[Row]
    update_flops: int | None
    translation_flops: int
    convolution: str
    convolution_share: Quartiles | None
    data_wait_share: Quartiles
    peak_bytes: int
    scaling: list[Scaling]

    def write_json(self, path: Path) -> None:
        """Writes the whole report as JSON, with the seconds of every round."""
        write_text(path, strict_json(asdict(self)) + "\n")
