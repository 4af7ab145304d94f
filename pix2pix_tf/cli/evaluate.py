"""The command `pix2pix-tf evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from pix2pix_tf.cli.options import (
    AxesOption,
    DataSettingsOption,
    DirectionOption,
    LabelIdsOption,
    parse_checkpoint,
    parse_range,
    print_nested_output_notes,
    start_tensorflow,
)
from pix2pix_tf.utils.console import PlainConsole, ProgressBar, format_number, print_line
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import (
    check_distinct_outputs,
    check_new_directory,
    check_output_files,
    write_text,
)
from pix2pix_tf.utils.strict_json import strict_json
from pix2pix_tf.utils.text import pluralize

if TYPE_CHECKING:
    from pix2pix_tf.evaluation.folder_values import FolderSetting
    from pix2pix_tf.evaluation.request import MetricRequest
    from pix2pix_tf.evaluation.result import ChannelScores, Evaluation


def evaluate(
    run: Annotated[Path | None, typer.Option("--run", metavar="DIR", help="Run directory.")] = None,
    outputs: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|PATTERN",
            help="Outputs of any program to score instead of a run; 'DIR/*_fake_B.png' works too.",
        ),
    ] = None,
    targets: Annotated[
        str | None,
        typer.Option(metavar="DIR|PATTERN", help="Targets of --outputs."),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(metavar="DIR|PATTERN", help="Label images that --outputs were made of."),
    ] = None,
    resize: Annotated[
        str | None,
        typer.Option(
            metavar="outputs|targets",
            help="Which of --outputs and --targets to resize if sizes differ.",
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="FILE|NAME",
            help="Config, such as a run's config.yaml, whose targets --outputs and --targets are "
            "like: their channels, axes, range and display.",
        ),
    ] = None,
    value_range: Annotated[
        str | None,
        typer.Option(
            "--range",
            metavar="LOW,HIGH",
            help="Range of the values of --outputs and --targets, such as 0,4095; floats need one.",
        ),
    ] = None,
    channels: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of channels that --outputs and --targets are compared with; by default "
            "RGB for colours, otherwise those of the files.",
        ),
    ] = None,
    axes: Annotated[
        AxesOption | None,
        typer.Option(
            help="Order of the axes of --outputs and --targets that do not name them: channels "
            "last (YXC) or first (CYX)."
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Split of the run's data to score; by default val.")
    ] = None,
    direction: DirectionOption = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            metavar="newest|best",
            help="Checkpoint of --run; best is the one with the lowest validation L1.",
        ),
    ] = None,
    dropout: Annotated[
        bool,
        typer.Option(
            "--dropout/--no-dropout", help="Apply dropout, the paper's noise at test time."
        ),
    ] = True,
    metrics: Annotated[
        str,
        typer.Option(
            metavar="NAME,NAME",
            help="Metrics out of l1, psnr, ssim, lab_histogram, sharpness, segmentation, "
            "fcn_score, kid and fid.",
        ),
    ] = "l1,psnr,ssim",
    palette: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE", help="Palette of label images: cityscapes, sample, or a YAML file."
        ),
    ] = None,
    label_ids: LabelIdsOption = None,
    segmenter: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Segmenter for fcn_score, from train-segmenter."),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Inception weights for kid and fid."),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the scores to this JSON file."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write an HTML report to this directory.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Plot the lab_histogram to this .png, .svg or .pdf file."
        ),
    ] = None,
    log: Annotated[
        bool, typer.Option("--log", help="Plot on a logarithmic axis, as in the paper.")
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write outputs/ and targets/ to this directory, for other programs to score.",
        ),
    ] = None,
    overrides: DataSettingsOption = None,
) -> None:
    """Score a run, or images of any origin, against their targets."""
    _check_written(json_file, plot, report, save)
    start_tensorflow()
    from pix2pix_tf.evaluation.evaluate import evaluate as evaluate_run
    from pix2pix_tf.evaluation.evaluate import evaluate_folders
    from pix2pix_tf.evaluation.request import MetricRequest

    names = [name.strip() for name in metrics.split(",")]
    request = MetricRequest(names, palette, segmenter, features, label_ids)
    _check_drawn(plot, log, request)
    if run is not None:
        _refuse("--run", outputs=outputs, targets=targets, labels=labels, resize=resize)
        folder_options = {"config": config, "range": value_range, "axes": axes}
        _refuse("--run", **folder_options, channels=channels)
    elif outputs is not None and targets is not None:
        override = next(iter(overrides or []), None)
        _refuse("--outputs", split=split, direction=direction, checkpoint=checkpoint, set=override)
    else:
        raise UserError("evaluate: give --run DIR, or --outputs DIR and --targets DIR")
    setting = _folder_setting(config, value_range, channels, axes)
    console = PlainConsole()
    with ProgressBar(console, "evaluating") as progress:
        if run is not None:
            result = evaluate_run(
                run,
                split or "val",
                request=request,
                direction=direction,
                checkpoint=parse_checkpoint(checkpoint or "newest"),
                dropout=dropout,
                save=save,
                overrides=overrides or [],
                advance=progress.advance,
            )
        else:
            result = evaluate_folders(
                str(outputs),
                str(targets),
                labels=labels,
                request=request,
                resize=resize,
                setting=setting,
                save=save,
                advance=progress.advance,
            )
    _show(console, result, run, json_file, report, plot, log)
    if save is not None:
        print_nested_output_notes(console, save, map(Path, filter(None, (outputs, targets))))


def _folder_setting(
    config: str | None, value_range: str | None, channels: int | None, axes: AxesOption | None
) -> FolderSetting:
    """Returns how outputs and targets of folders are read: by a config, or by single options."""
    from pix2pix_tf.config.schema import load_config
    from pix2pix_tf.evaluation.folder_values import FolderSetting, target_setting

    if config is not None:
        _refuse("--config, which has them", range=value_range, channels=channels, axes=axes)
        return target_setting(load_config(config).data)
    return FolderSetting(
        "dtype" if value_range is None else parse_range(value_range),
        channels,
        None if axes is None else axes.value,
    )


def _check_written(
    json_file: Path | None, plot: Path | None, report: Path | None, save: Path | None
) -> None:
    """Checks that all outputs can be written, before the evaluation takes minutes."""
    check_distinct_outputs(json=json_file, plot=plot, report=report, save=save)
    check_output_files(json=json_file, plot=plot)
    for folder in (report, save):
        if folder is not None:
            check_new_directory(folder)


def _check_drawn(plot: Path | None, log: bool, request: MetricRequest) -> None:
    """Checks that the plot can be drawn, before the evaluation."""
    from pix2pix_tf.evaluation.plots import plot_format

    if plot is None and log:
        raise UserError("--log: needs a plot; give --plot FILE")
    if plot is not None:
        if "lab_histogram" not in request.metrics:
            raise UserError("--plot: needs the histograms; add lab_histogram to --metrics")
        plot_format(plot)


def _show(
    console: Console,
    result: Evaluation,
    run: Path | None,
    json_file: Path | None,
    report: Path | None,
    plot: Path | None,
    log: bool,
) -> None:
    """Prints an evaluation, and writes the requested files."""
    console.print(_table(result))
    if channels := result.channel_scores():
        console.print(_channel_table(channels))
    for note in result.notes:
        print_line(console, note)
    written = []
    if json_file is not None:
        write_text(json_file, strict_json(result.to_json()) + "\n")
        written.append(json_file)
    if plot is not None:
        from pix2pix_tf.evaluation.plots import lab_figure, write_plot

        write_plot(lab_figure(result.metric_results.sums["lab_histogram"], log=log), plot)
        written.append(plot)
    if report is not None:
        from pix2pix_tf.evaluation.report import write_report
        from pix2pix_tf.runs.run import Run

        history = Run(run).validations() if run is not None else None
        with ProgressBar(console, "drawing the report") as progress:
            page = write_report(
                result, report, history=history, palette=result.palette, advance=progress.advance
            )
        written.append(page)
    for path in written:
        print_line(console, f"written: {path}")


def _table(result: Evaluation) -> Table:
    from pix2pix_tf.evaluation.metrics.descriptions import DESCRIPTIONS
    from pix2pix_tf.evaluation.metrics.metric import is_channel_score

    where = f", step {result.step}, split {result.split}" if result.step is not None else ""
    title = f"{result.title}{where}, {pluralize(result.images, 'image')}"
    names, numbers = Column(no_wrap=True), Column("score", no_wrap=True)
    table = Table(
        *(names, numbers, Column("95% interval", no_wrap=True), ""),
        title=title,
        title_justify="left",
    )
    intervals = result.intervals()
    for name, score in result.scores.items():
        if is_channel_score(name):
            continue
        low, high = intervals.get(name, (None, None))
        interval = "" if low is None or high is None else f"{low:.4f} .. {high:.4f}"
        table.add_row(name, format_number(score), interval, DESCRIPTIONS[name])
    return table


def _channel_table(channels: Sequence[ChannelScores]) -> Table:
    table = Table("channel", *channels[0].columns, title="by channel", title_justify="left")
    for channel in channels:
        table.add_row(str(channel.number), *map(format_number, channel.columns.values()))
    return table


def _refuse(option: str, **others: object | None) -> None:
    for name, value in others.items():
        if value is not None:
            raise UserError(f"--{name}: cannot be combined with {option}")
