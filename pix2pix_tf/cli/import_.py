"""The command `pix2pix-tf import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pix2pix_tf.cli.options import OverridesOption, start_tensorflow
from pix2pix_tf.utils.console import PlainConsole, print_line
from pix2pix_tf.utils.errors import UserError


def import_(
    generator: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Weights of the generator, such as latest_net_G.pth."),
    ],
    run: Annotated[Path, typer.Option("--run", metavar="DIR", help="Run directory, a new one.")],
    source: Annotated[
        str, typer.Option("--from", metavar="torch", help="Framework that wrote the weights.")
    ] = "torch",
    discriminator: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Weights of the discriminator, to continue training; else it starts fresh.",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help="Key of the generator in a file of several, such as netG."
        ),
    ] = None,
    discriminator_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Key of the discriminator in a file of several."),
    ] = None,
    config: Annotated[
        str, typer.Option(help="Config of the data and the training.", metavar="FILE|NAME")
    ] = "facades",
    overrides: OverridesOption = None,
) -> None:
    """Import weights of the authors' PyTorch program as a run: to translate, export or train."""
    if source != "torch":
        raise UserError(f"--from {source}: expected torch")
    start_tensorflow()
    from pix2pix_tf.importing import import_weights

    console = PlainConsole()
    imported = import_weights(
        generator,
        run,
        discriminator_file=discriminator,
        config=config,
        overrides=overrides or [],
        key=key,
        discriminator_key=discriminator_key,
    )
    names = f"{imported.generator}, discriminator {imported.discriminator or 'fresh'}"
    for line in (f"{imported.run}: {names}", *imported.notes):
        print_line(console, line)
