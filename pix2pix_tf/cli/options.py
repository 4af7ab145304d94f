"""What several commands share: their options, and TensorFlow started for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import expand_home

if TYPE_CHECKING:
    from pix2pix_tf.config.schema import DataConfig

RunOption = Annotated[Path, typer.Option("--run", metavar="DIR", help="A run directory.")]
CheckpointOption = Annotated[
    str, typer.Option(help="newest, or best: the lowest validation L1.", metavar="newest|best")
]
LabelIdsOption = Annotated[
    bool | None,
    typer.Option(
        "--label-ids/--no-label-ids",
        help="Grey label images hold class numbers, or the palette's greys; by default what fits.",
    ),
]
OverridesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Override keys: training.steps=2000. Repeatable. Folders are taken as typed.",
        metavar="KEY=VALUE",
    ),
]
DataSettingsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Where the run's data lies now, if it has moved: data.root=DIR.",
        metavar="KEY=VALUE",
    ),
]
DataChangedOption = Annotated[
    bool,
    typer.Option(
        "--data-changed",
        help="Resume although the training pairs have changed: pairs added, files repaired.",
    ),
]
_SETTING = re.compile(r"[\w.]+=.*", re.DOTALL)
_OPTION = re.compile(r"--[\w-]+=")


def expand_repeated_set(words: Sequence[str]) -> list[str]:
    """The words of a command line with `--set A=1 B=2` as `--set A=1 --set B=2`."""
    spread: list[str] = []
    within = False
    for word in words:
        if within and spread[-1] != "--set" and _SETTING.fullmatch(word):
            spread.append("--set")
        within = word == "--set" or (within and _SETTING.fullmatch(word) is not None)
        spread.append(word)
    return spread


def expand_home_directories(words: Sequence[str]) -> list[str]:
    """The words of a command line with ~ and ~user expanded at the start of a word or a value.

    A shell does so for `--run ~/x`, but not for `--run=~/x`, within quotes, or where there is none.
    """
    expanded = []
    for word in words:
        option = _OPTION.match(word)
        start = option.end() if option else 0
        expanded.append(word[:start] + expand_home(word[start:]))
    return expanded


def check_no_empty_argument(words: Sequence[str]) -> None:
    """Checks that no word of a command line is empty, nor the value of an option.

    As a path an empty word is the working directory, which nobody means who types
    `--input "$PHOTOS"` where PHOTOS is not set.

    Raises:
        UserError: One is.
    """
    before = ""
    for word in words:
        if word == "" or _OPTION.fullmatch(word):
            of = word.rstrip("=") or (before if before.startswith("-") else "an argument")
            raise UserError(
                f"{of}: is given an empty value; a variable that is not set, maybe (a . is the "
                "working directory)"
            )
        before = word


def default_output_directory(
    parent: str, config: str, data: DataConfig, overrides: Sequence[str]
) -> Path:
    """The folder for a training that was given none: below `parent`, named after its data.

    Its name is that of the folder in `--set data.root`, so that each dataset gets a training of its
    own; else that of the config.
    """
    from pix2pix_tf.config.files import is_overridden

    name = Path(data.root or "").absolute().name if is_overridden(overrides, "data.root") else ""
    return Path(parent) / (name or Path(config).stem)


def parse_checkpoint(name: str) -> str:
    """What `--checkpoint` says, if it is one of the two."""
    if name not in ("newest", "best"):
        raise UserError(f"--checkpoint {name}: expected newest or best")
    return name


def start_tensorflow(devices: bool = True) -> None:
    """Starts TensorFlow for a command; imported only now, since it takes seconds."""
    from pix2pix_tf.utils.runtime import start_tensorflow

    start_tensorflow(devices)
