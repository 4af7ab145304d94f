"""The command `pix2pix-tf export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pix2pix_tf.cli.options import (
    CheckpointOption,
    DataSettingsOption,
    DirectionOption,
    RunOption,
    parse_checkpoint,
    parse_size,
    start_tensorflow,
)
from pix2pix_tf.utils.console import PlainConsole, ProgressBar, print_line
from pix2pix_tf.utils.text import pluralize

if TYPE_CHECKING:
    from pix2pix_tf.exporters import Exported


def export(
    run: RunOption,
    format: Annotated[
        str, typer.Option(help="Format to export to.", metavar="saved_model|tflite|web")
    ],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Output directory.")],
    name: Annotated[
        str | None, typer.Option(help="Name of the model; by default the run's.", metavar="NAME")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="Precision of the weights: of tflite by default float32, of web float16.",
            metavar="float32|float16|dynamic|int8",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            help="Size of the images, tflite and web; by default the size of training.",
            metavar="N|HEIGHTxWIDTH",
        ),
    ] = None,
    resizable: Annotated[
        bool, typer.Option("--resizable", help="tflite: accept images of any size.")
    ] = False,
    uint8: Annotated[
        bool,
        typer.Option("--uint8", help="tflite: take and return uint8 instead of float32 in 0..255."),
    ] = False,
    direction: DirectionOption = None,
    checkpoint: CheckpointOption = "newest",
    images: Annotated[
        int, typer.Option(min=1, help="Number of images to compare on, at most.")
    ] = 20,
    inputs: Annotated[
        Path | None,
        typer.Option(
            "--input",
            metavar="FOLDER",
            help="Inputs to compare on instead of the run's data, or photographs to make them of.",
        ),
    ] = None,
    overrides: DataSettingsOption = None,
) -> None:
    """Export a run, and check that the export computes the same images."""
    start_tensorflow()
    from pix2pix_tf.exporters import export as export_run

    console = PlainConsole()
    with ProgressBar(console, "exporting") as progress:
        exported = export_run(
            run,
            format,
            output,
            name=name,
            precision=precision,
            size=parse_size(size),
            resizable=resizable,
            uint8=uint8,
            direction=direction,
            checkpoint=parse_checkpoint(checkpoint),
            images=images,
            inputs=inputs,
            overrides=overrides or [],
            advance=progress.advance,
        )
    console.print(_parity_table(exported))
    megabytes = exported.bytes / 1e6
    print_line(console, f"{exported.folder}: {megabytes:.1f} MB; report in export.json")


def _parity_table(exported: Exported) -> Table:
    from pix2pix_tf.images.value_range import EIGHT_BIT

    images = pluralize(exported.parity[0].images, "image")
    plain = exported.targets == EIGHT_BIT.target
    unit = "grey levels of 255" if plain else "the numbers of the targets"
    title = f"compared with translate on {images}; errors in {unit}"
    columns = ("max", "mean", "SSIM", "ms an image", "translate's", "allowed")
    table = Table("", *columns, title=title, title_justify="left")
    for parity in exported.parity:
        errors = f"{parity.max_difference:.3g}", f"{parity.mean_difference:.3g}"
        if plain:
            errors = f"{parity.max_error:.3g}", f"{parity.mean_error:.3f}"
        table.add_row(
            parity.variant,
            *errors,
            f"{parity.ssim:.4f}",
            f"{parity.milliseconds:.1f}",
            f"{parity.translate_milliseconds:.1f}",
            parity.limit_in(exported.targets),
        )
    return table
