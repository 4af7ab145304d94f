"""The command `pix2pix-tf demo`: parse, call one function of the library, print."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from pix2pix_tf.cli.options import (
    CheckpointOption,
    DataSettingsOption,
    RunOption,
    parse_checkpoint,
    start_tensorflow,
)
from pix2pix_tf.utils.console import PlainConsole, print_line


def add_commands(app: typer.Typer) -> None:
    """Adds the command of this file to `pix2pix-tf`."""
    app.command("demo")(_demo)


def _demo(
    run: RunOption,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 opens it to the network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = 8000,
    checkpoint: CheckpointOption = "newest",
    pictures: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Inputs to open with instead of the run's data, or photographs it makes them of.",
        ),
    ] = None,
    overrides: DataSettingsOption = None,
) -> None:
    """Serve a page to draw on, or drop a photograph on, that a run translates; until Ctrl-C."""
    checkpoint = parse_checkpoint(checkpoint)
    start_tensorflow()
    from pix2pix_tf.demo.serving import serve
    from pix2pix_tf.web.loopback import is_loopback

    console = PlainConsole()

    def ready(address: str, step: int) -> None:
        print_line(console, f"{run}, step {step}: {address}")
        if is_loopback(host):
            print_line(
                console, "Only this machine reaches it: --host 0.0.0.0 opens it to the network"
            )
        print_line(console, "Ctrl-C stops it")

    with suppress(KeyboardInterrupt):  # which started in the background it may never see
        serve(
            run,
            host,
            port,
            checkpoint=checkpoint,
            images=pictures,
            overrides=overrides or [],
            ready=ready,
        )
    print_line(console, "stopped")
