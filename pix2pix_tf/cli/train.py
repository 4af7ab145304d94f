"""The command `pix2pix-tf train`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from pix2pix_tf.cli.options import (
    DataChangedOption,
    FreshOption,
    OverridesOption,
    default_output_directory,
    start_over,
    start_tensorflow,
)
from pix2pix_tf.utils.console import PlainConsole, format_number, print_line
from pix2pix_tf.utils.errors import UserError

if TYPE_CHECKING:
    from pix2pix_tf.config.schema import Config
    from pix2pix_tf.evaluation.metrics.pixel import Scores
    from pix2pix_tf.training import TrainingResult


def train(
    config: Annotated[
        str | None,
        typer.Option(
            help="YAML file or name of a shipped config; a run that is resumed has its own.",
            metavar="FILE|NAME",
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            "--run",
            help="Run directory; by default runs/NAME, after the folder in --set data.root or "
            "else the config.",
            metavar="DIR",
        ),
    ] = None,
    overrides: OverridesOption = None,
    init_from: Annotated[
        Path | None,
        typer.Option(
            help="Run whose weights a new run starts from, as training.init_from.",
            metavar="DIR",
        ),
    ] = None,
    fresh: FreshOption = 0,
    data_changed: DataChangedOption = False,
) -> None:
    """Train a model, or resume the training in a run directory."""
    sets = list(overrides or [])
    if init_from is not None:
        sets.append(f"training.init_from={init_from}")
    settings, run_dir = _config_and_run(config, run, sets)
    start_tensorflow(devices=False)
    from pix2pix_tf.runs.run import Run
    from pix2pix_tf.training import find_cluster
    from pix2pix_tf.training import train as train_run
    from pix2pix_tf.training.resume import refuse_itself
    from pix2pix_tf.utils.runtime import keep_freed_memory

    cluster = find_cluster(os.environ)
    is_chief = cluster is None or cluster.me == cluster.chief
    if is_chief:
        if fresh:
            refuse_itself(settings, Run(run_dir))  # it would be deleted
        start_over(Run(run_dir), fresh, "run", "--run")
    keep_freed_memory()
    console = PlainConsole()
    result = train_run(settings, run_dir, console=console, data_changed=data_changed)
    if result.interrupted is not None:
        raise typer.Exit(128 + result.interrupted)
    if is_chief:
        _print_outcome(console, run_dir, result)


def _config_and_run(
    config: str | None, run: Path | None, overrides: list[str]
) -> tuple[Config, Path]:
    """Returns the config to train with and the run directory."""
    from pix2pix_tf.config.files import is_overridden
    from pix2pix_tf.config.schema import load_config
    from pix2pix_tf.runs.data import with_recorded_root
    from pix2pix_tf.runs.run import Run

    if config is not None:
        settings = load_config(config, overrides)
        return settings, run or default_output_directory("runs", config, settings.data, overrides)
    if run is None:
        raise UserError("train: give --config FILE|NAME to start, or --run DIR to resume")
    stored = Run(run)
    stored.load_config()  # raises an error if there is no run
    settings = load_config(stored.config_file, overrides)
    return settings if is_overridden(overrides, "data.root") else with_recorded_root(
        stored, settings
    ), run


def _print_outcome(console: Console, run_dir: Path, result: TrainingResult) -> None:
    columns = {}
    if result.before:
        columns["before"] = result.before
    if result.after:
        columns[f"step {result.step}"] = result.after
    console.print()
    console.print(_score_table("validation", columns))
    lines = (
        f"Sheets of input | output | target: {run_dir / 'samples'}",
        f"Curves:                            tensorboard --logdir {run_dir / 'logs'}",
        f"Translate images of your own:      pix2pix-tf translate --run {run_dir} --input FOLDER "
        "--output FOLDER",
        f"Continue training:                 pix2pix-tf train --run {run_dir} --set "
        f"training.steps={2 * result.step}",
    )
    for line in lines:
        print_line(console, line)


def _score_table(title: str, columns: dict[str, Scores]) -> Table:
    from pix2pix_tf.evaluation.metrics.descriptions import DESCRIPTIONS

    table = Table("", *columns, "", title=title, title_justify="left")
    for name, description in DESCRIPTIONS.items():
        if all(name in scores for scores in columns.values()):
            values = (format_number(scores[name]) for scores in columns.values())
            table.add_row(name, *values, description)
    return table
