"""The command `pix2pix-tf demo`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from pix2pix_tf.cli.options import (
    CheckpointOption,
    DataSettingsOption,
    DirectionOption,
    HostOption,
    PortOption,
    RunOption,
    parse_checkpoint,
    print_loopback_note,
    start_tensorflow,
)
from pix2pix_tf.utils.console import PlainConsole, print_line


def demo(
    run: RunOption,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    direction: DirectionOption = None,
    checkpoint: CheckpointOption = "newest",
    inputs: Annotated[
        Path | None,
        typer.Option(
            "--input",
            metavar="FOLDER",
            help="Inputs to open with instead of the run's data, or photographs to make them of.",
        ),
    ] = None,
    overrides: DataSettingsOption = None,
) -> None:
    """Serve a page that translates drawings and dropped photographs with a run, until Ctrl-C."""
    checkpoint = parse_checkpoint(checkpoint)
    start_tensorflow()
    from pix2pix_tf.demo.serving import serve

    console = PlainConsole()

    def ready(address: str, step: int) -> None:
        print_line(console, f"{run}, step {step}: {address}")
        print_loopback_note(console, host)
        print_line(console, "Ctrl-C stops it")

    with suppress(KeyboardInterrupt):  # a background process may end without one
        serve(
            run,
            host,
            port,
            direction=direction,
            checkpoint=checkpoint,
            images=inputs,
            overrides=overrides or [],
            ready=ready,
        )
    print_line(console, "stopped")
