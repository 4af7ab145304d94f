"""The command `pix2pix-tf translate`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from pix2pix_tf.cli.options import (
    CheckpointOption,
    DirectionOption,
    RunOption,
    parse_checkpoint,
    start_tensorflow,
)
from pix2pix_tf.utils.console import PlainConsole, ProgressBar, print_line
from pix2pix_tf.utils.text import pluralize


class OutputFormat(str, Enum):
    """Formats of translations."""

    png = "png"
    tiff = "tiff"
    npy = "npy"


def translate(
    run: RunOption,
    inputs: Annotated[
        list[str],
        typer.Option(
            "--input", metavar="FILE|FOLDER|GLOB", help="Images to translate. Repeatable."
        ),
    ],
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Output directory, for a file NAME of each input.")
    ],
    more: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="More inputs, as a shell expands a pattern."),
    ] = None,
    pairs: Annotated[
        bool | None,
        typer.Option(
            "--pairs/--no-pairs",
            help="Whether inputs are side-by-side pairs; by default images of twice the width are, "
            "if the run was trained on such pairs.",
        ),
    ] = None,
    derive: Annotated[
        bool,
        typer.Option(
            "--derive",
            help="Inputs are photographs: draw their edges or mask them as in training.",
        ),
    ] = False,
    dropout: Annotated[
        bool,
        typer.Option(
            "--dropout/--no-dropout", help="Apply dropout, the paper's noise at test time."
        ),
    ] = True,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**31 - 1, help="Random seed of dropout; by default another one."),
    ] = None,
    tile: Annotated[
        int | None,
        typer.Option(
            help="Translate larger images in tiles of N×N pixels, which takes less memory and more "
            "time: a multiple of 64 from 256 on, such as 512.",
            metavar="N",
        ),
    ] = None,
    max_pixels: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Largest image to decode at once, in pixels; by default 178,956,970, since a "
            "small file may claim any number. With --tile, TIFFs and .npy are read in parts.",
            metavar="N",
        ),
    ] = None,
    format: Annotated[
        OutputFormat | None,
        typer.Option(
            help="Format of the outputs; by default NumPy arrays or TIFF where the targets of the "
            "training were such files, else PNG."
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Translate inputs again whose output already exists."),
    ] = False,
    direction: DirectionOption = None,
    checkpoint: CheckpointOption = "newest",
) -> None:
    """Translate images of any size with a trained run; the same command again resumes.

    Exit code 1: some inputs could not be translated; they are listed.
    """
    start_tensorflow()
    from pix2pix_tf.images.io import PIXELS_AT_MOST
    from pix2pix_tf.inference.files import translate_files
    from pix2pix_tf.inference.inputs import find_inputs
    from pix2pix_tf.inference.translator import Translator

    translator = Translator(run, direction=direction, checkpoint=parse_checkpoint(checkpoint))
    found = find_inputs(
        [*inputs, *(more or [])], translator.source, output=output, pairs=pairs, derive=derive
    )
    console = PlainConsole()
    for note in found.notes:
        print_line(console, note)
    try:
        with ProgressBar(console, "translating") as progress:
            done = translate_files(
                translator,
                found,
                output,
                dropout=dropout,
                seed=seed,
                tile=tile,
                overwrite=overwrite,
                format=None if format is None else format.value,
                max_pixels=max_pixels or PIXELS_AT_MOST,
                advance=progress.advance,
            )
    except KeyboardInterrupt:
        print_line(console, f"stopped: the same command translates what is missing in {output}")
        raise
    for note in done.notes:
        print_line(console, note)
    translations = pluralize(len(done.written), "translation")
    print_line(console, f"{translations} of step {translator.step} in {output}")
    if done.problems:
        count = f"{len(done.problems)} of {len(found.paths)}"
        print_line(console, f"{count} could not be translated:")
        for problem in done.problems:
            print_line(console, f"  {problem}")
        raise typer.Exit(1)
