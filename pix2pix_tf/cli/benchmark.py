"""The command `pix2pix-tf benchmark`."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from pix2pix_tf.cli.options import OverridesOption
from pix2pix_tf.utils.console import PlainConsole, ProgressBar, print_line
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import check_output_files

if TYPE_CHECKING:
    from pix2pix_tf.benchmark.quartiles import Quartiles
    from pix2pix_tf.benchmark.report import Report, Row
    from pix2pix_tf.config.schema import Config

_DEVICES = ("auto", "cpu", "gpu")


def benchmark(
    config: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|NAME",
            help="Config to measure; by default the paper's networks on the embedded city.",
        ),
    ] = None,
    overrides: OverridesOption = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=16, metavar="N", help="Height and width of the images; by default the config's."
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Batch size, per GPU if there are any; by default the config's.",
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            metavar="|".join(_DEVICES),
            help="Device to measure; auto takes the GPUs if there are any.",
        ),
    ] = "auto",
    peak: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            metavar="TFLOPS",
            help="Peak rate of one GPU, if the program does not know it.",
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Number of CPU threads; by default one per core."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Number of measured rounds.")] = 5,
    seconds: Annotated[
        float, typer.Option(min=0, help="Approximate duration of each measurement, in seconds.")
    ] = 3.0,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the results to this JSON file."),
    ] = None,
) -> None:
    """Measure the speed of training, of its input pipeline and of translation."""
    if device not in _DEVICES:
        raise UserError(f"--device {device}: expected one of {', '.join(_DEVICES)}")
    check_output_files(json=json)
    settings = _settings(config, overrides or [], size, batch)
    from pix2pix_tf.benchmark.runner import Options
    from pix2pix_tf.benchmark.runner import benchmark as run_benchmark
    from pix2pix_tf.utils.system import cpu_count

    options = Options(settings, rounds, seconds, threads or cpu_count(), device, peak)
    console = PlainConsole()
    with ProgressBar(console, "measuring") as progress:
        report = run_benchmark(options, progress.advance)
    if json is not None:
        report.write_json(json)
    print_report(console, report)


def _settings(
    config: str | None, overrides: list[str], size: int | None, batch: int | None
) -> Config:
    from pix2pix_tf.config.schema import load_config

    name, settings = config or "facades", [] if config else ["data.dataset=sample"]
    if size is not None:
        data = load_config(name, settings).data
        loads = [  # the ratio of load size to crop size, 286 to 256, is kept
            round(size * load / crop)
            for load, crop in zip(data.load_size, data.crop_size, strict=True)
        ]
        settings += [f"data.crop_size={size}", f"data.load_size={loads}"]
    if batch is not None:
        settings.append(f"training.batch_size={batch}")
    return load_config(name, [*settings, *overrides])


def print_report(console: Console, report: Report) -> None:
    """Prints a report as a table and sentences."""
    for line in (*report.machine, report.settings):
        print_line(console, line)
    console.print(_table(report.rows))
    if report.scaling:
        console.print(_scaling_table(report))
    lines = [f"a translation is {report.translation_flops / 1e9:.3g} GFLOP an image"]
    if report.update_flops is not None and report.convolution_share is not None:
        lines[0] += f", a training step {report.update_flops / 1e9:.3g}"
        lines.append(
            f"the training step reaches {_percent(report.convolution_share)} of the rate of the "
            f"fastest convolution ({report.convolution})"
        )
    for line in (
        *lines,
        f"training waits for data {_percent(report.data_wait_share)} of the time; its process had "
        f"up to {report.peak_bytes / 1e9:.2f} GB of memory",
        "medians of the rounds, with their quartiles",
    ):
        print_line(console, line)


def _table(rows: list[Row]) -> Table:
    table = Table("", "ms", "a second", "GFLOP/s")
    for row in rows:
        rate = f"{median(row.gflops_per_second):.3g}" if row.flops else ""
        table.add_row(row.name, str(row.milliseconds), f"{row.per_second.median:.3g}", rate)
    return table


def _scaling_table(report: Report) -> Table:
    table = Table("GPUs", "images a second", "times one GPU", "of the peak")
    for scaling in report.scaling:
        share = scaling.peak_share
        table.add_row(
            str(scaling.gpus),
            str(scaling.row.per_second),
            str(scaling.speedup),
            "give --peak" if share is None else _percent(share),
        )
    return table


def _percent(share: Quartiles) -> str:
    return f"{share.scaled(100)} %"
