"""The command `pix2pix-tf reproduce`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2pix_tf.cli.options import OverridesOption, start_tensorflow
from pix2pix_tf.utils.console import PlainConsole, print_line
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import check_output_directory

if TYPE_CHECKING:
    from pix2pix_tf.reproduce.runner import Experiment

_TABLES = ("1", "2", "3", "6", "histogram")
_SMALL_TABLES = ("1", "2", "3", "histogram")


def reproduce(
    table: Annotated[
        list[str] | None,
        typer.Option(
            metavar="|".join(_TABLES),
            help="Table of the paper to reproduce; histogram is Figure 7. Repeatable.",
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|NAME", help="Config of the data and of what all variants share."
        ),
    ] = None,
    small: Annotated[
        bool,
        typer.Option(
            "--small",
            help="Train small networks on the embedded city: an hour or two on two CPU cores.",
        ),
    ] = False,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Updates of each variant; by default the config's.")
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, help="Number of trainings of each variant, with different seeds.")
    ] = 1,
    segmenter: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Segmenter for tables 1 to 3, from train-segmenter."),
    ] = None,
    palette: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE", help="Palette for table 6: cityscapes, sample, or a YAML file."
        ),
    ] = None,
    overrides: OverridesOption = None,
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Output directory of the runs and the results.")
    ] = Path("reproduced"),
) -> None:
    """Train and score the variants of a table of the paper; print the results beside its own.

    The same command resumes after an interruption; variants that two tables share are trained once.
    """
    tables = table or (list(_SMALL_TABLES) if small else [])
    for name in tables:
        if name not in _TABLES:
            raise UserError(f"--table {name}: expected one of {', '.join(_TABLES)}")
    if small == (config is not None) or not tables:
        raise UserError("reproduce: give --table and --config, or --small")
    settings = [*(overrides or []), *([] if steps is None else [f"training.steps={steps}"])]
    check_output_directory(output)
    start_tensorflow()
    from pix2pix_tf.reproduce.runner import Experiment, small_segmenter, small_settings
    from pix2pix_tf.reproduce.tables import TABLES
    from pix2pix_tf.utils.runtime import keep_freed_memory

    keep_freed_memory()
    if small and segmenter is None and any(TABLES[n].metric == "fcn_score" for n in tables):
        segmenter = small_segmenter(output, PlainConsole())
    for name in tables:
        experiment = Experiment(
            table=TABLES[name],
            config=config or "sample",
            overrides=[*(small_settings(name) if small else []), *settings],
            seeds=seeds,
            folder=output,
            segmenter=segmenter,
            palette=palette,
        )
        _reproduce_table(name, experiment)


def _reproduce_table(name: str, experiment: Experiment) -> None:
    from pix2pix_tf.reproduce import render
    from pix2pix_tf.reproduce.runner import reproduce

    console = PlainConsole()
    result = reproduce(experiment, console)
    if result.interrupted is not None:
        raise typer.Exit(128 + result.interrupted)
    console.rule()
    console.print(render.comparison_table(experiment, result))
    console.print(render.other_scores_table(experiment, result))
    for line in render.other_scores_descriptions(experiment, result):
        print_line(console, line)
    for path in render.rename_results_of_other_runs(experiment, result, name=f"table-{name}"):
        print_line(console, f"kept: {path}, of other runs")
    for path in render.write_results(experiment, result, name=f"table-{name}"):
        print_line(console, f"written: {path}")
