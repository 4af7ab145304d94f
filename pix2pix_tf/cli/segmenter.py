"""The command `pix2pix-tf train-segmenter`: parse, call one function of the library, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pix2pix_tf.cli.options import (
    DataChangedOption,
    LabelIdsOption,
    OverridesOption,
    default_output_directory,
    start_tensorflow,
)
from pix2pix_tf.utils.console import PlainConsole, print_line
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.signals import StoppedError

if TYPE_CHECKING:
    from pix2pix_tf.segmentation.folder import SegmenterFolder


def add_commands(app: typer.Typer) -> None:
    """Adds the command of this file to `pix2pix-tf`."""
    app.command("train-segmenter")(_train_segmenter)


def _train_segmenter(
    config: Annotated[
        str,
        typer.Option(
            help="A YAML file or the name of a shipped config: cityscapes, sample.",
            metavar="FILE|NAME",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(help="Where to train; default segmenters/NAME, as of train.", metavar="DIR"),
    ] = None,
    label_ids: LabelIdsOption = None,
    overrides: OverridesOption = None,
    fresh: Annotated[
        int,
        typer.Option(
            "--fresh",
            count=True,
            metavar="",
            show_default=False,
            help="Start over; give it twice to delete what is there.",
        ),
    ] = 0,
    data_changed: DataChangedOption = False,
) -> None:
    """Train an FCN-8s that reads labels off photos, for `evaluate`; or resume its training."""
    from pix2pix_tf.segmentation.config import load_segmenter_config

    told = [] if label_ids is None else [f"label_ids={str(label_ids).lower()}"]
    settings = load_segmenter_config(config, [*(overrides or []), *told])
    folder = output or default_output_directory(
        "segmenters", config, settings.data, overrides or []
    )
    start_tensorflow()
    from pix2pix_tf.segmentation.folder import SegmenterFolder
    from pix2pix_tf.segmentation.scores import SCORE_DESCRIPTIONS
    from pix2pix_tf.segmentation.training import train_segmenter

    if fresh:
        _start_over(SegmenterFolder(folder), fresh)
    console = PlainConsole()
    try:
        scores = train_segmenter(settings, folder, console, data_changed=data_changed)
    except StoppedError as stopped:
        print_line(console, "stopped: the same command goes on after the last whole epoch")
        raise typer.Exit(128 + stopped.signal) from None
    table = Table("", str(folder), "", title="validation", title_justify="left")
    for name, meaning in SCORE_DESCRIPTIONS.items():
        table.add_row(name.replace("_", " "), f"{scores[name]:.3f}", meaning)
    console.print(table)


def _start_over(stored: SegmenterFolder, times: int) -> None:
    from pix2pix_tf.runs.lock import run_lock

    if not stored.exists():
        return
    if times < 2:
        raise UserError(
            f"segmenter {stored.path}: --fresh would delete the training it holds; "
            "give --fresh --fresh to do so, or choose another --output"
        )
    with run_lock(stored.path):
        stored.delete()
