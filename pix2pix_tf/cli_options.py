"""What several commands share: their options, and TensorFlow started for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pix2pix_tf.errors import UserError

RunOption = Annotated[Path, typer.Option("--run", metavar="DIR", help="A run directory.")]
CheckpointOption = Annotated[
    str, typer.Option(help="newest, or best: the lowest validation L1.", metavar="newest|best")
]
OverridesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Override a key: training.steps=2000. Repeatable.", metavar="KEY=VALUE"
    ),
]


def checked_checkpoint(name: str) -> str:
    """What `--checkpoint` says, if it is one of the two."""
    if name not in ("newest", "best"):
        raise UserError(f"--checkpoint {name}: expected newest or best")
    return name


def start_tensorflow(devices: bool = True) -> None:
    """Starts TensorFlow for a command; imported only now, since it takes seconds."""
    from pix2pix_tf.quiet import start_tensorflow

    start_tensorflow(devices)
