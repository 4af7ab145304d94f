"""The command `pix2pix-tf train-segmenter`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from pix2pix_tf.cli.options import (
    DataChangedOption,
    FreshOption,
    LabelIdsOption,
    OverridesOption,
    default_output_directory,
    start_over,
    start_tensorflow,
)
from pix2pix_tf.utils.console import PlainConsole, print_line
from pix2pix_tf.utils.signals import StoppedError


def train_segmenter(
    config: Annotated[
        str,
        typer.Option(
            help="YAML file or name of a shipped config: cityscapes, sample.",
            metavar="FILE|NAME",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            help="Output directory; by default segmenters/NAME, NAME as for train.", metavar="DIR"
        ),
    ] = None,
    label_ids: LabelIdsOption = None,
    overrides: OverridesOption = None,
    fresh: FreshOption = 0,
    data_changed: DataChangedOption = False,
) -> None:
    """Train an FCN-8s segmenter for the FCN-score of `evaluate`, or resume its training."""
    from pix2pix_tf.segmentation.config import load_segmenter_config

    label_settings = [] if label_ids is None else [f"label_ids={str(label_ids).lower()}"]
    settings = load_segmenter_config(config, [*(overrides or []), *label_settings])
    folder = output or default_output_directory(
        "segmenters", config, settings.data, overrides or []
    )
    start_tensorflow()
    from pix2pix_tf.segmentation.folder import SegmenterFolder
    from pix2pix_tf.segmentation.scores import SCORE_DESCRIPTIONS
    from pix2pix_tf.segmentation.training import train_segmenter as train

    start_over(SegmenterFolder(folder), fresh, "segmenter", "--output")
    console = PlainConsole()
    try:
        scores = train(settings, folder, console, data_changed=data_changed)
    except StoppedError as stopped:
        print_line(console, "stopped: the same command resumes after the last whole epoch")
        raise typer.Exit(128 + stopped.signal) from None
    table = Table("", str(folder), "", title="validation", title_justify="left")
    for name, meaning in SCORE_DESCRIPTIONS.items():
        table.add_row(name.replace("_", " "), f"{scores[name]:.3f}", meaning)
    console.print(table)
