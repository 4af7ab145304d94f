"""Options shared by several commands, parsing of their values, and notes on outputs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from pix2pix_tf.utils.console import print_line
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import expand_home

if TYPE_CHECKING:
    from pix2pix_tf.config.schema import DataConfig
    from pix2pix_tf.runs.folder import TrainingFolder

RunOption = Annotated[Path, typer.Option("--run", metavar="DIR", help="Run directory.")]
CheckpointOption = Annotated[
    str,
    typer.Option(
        metavar="newest|best",
        help="Checkpoint to use; best is the one with the lowest validation L1.",
    ),
]
DirectionOption = Annotated[
    str | None,
    typer.Option(
        help="Which side of a pair to translate to which, of those the run was trained for; "
        "default: as in training.",
        metavar="AtoB|BtoA",
    ),
]
LabelIdsOption = Annotated[
    bool | None,
    typer.Option(
        "--label-ids/--no-label-ids",
        help="Whether grey label images hold class numbers or the palette's grey levels; by "
        "default whichever fits.",
    ),
]
OverridesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Override config keys, such as training.steps=2000. Repeatable.",
        metavar="KEY=VALUE",
    ),
]
DataSettingsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Where the run's data is now, if it has moved: data.root=DIR.",
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
FreshOption = Annotated[
    int,
    typer.Option(
        "--fresh",
        count=True,
        metavar="",
        show_default=False,
        help="Start over; give it twice to delete an existing training.",
    ),
]
HostOption = Annotated[
    str, typer.Option(help="Address to listen on; 0.0.0.0 opens the page to the network.")
]
PortOption = Annotated[
    int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any free one.")
]
NewFolderOption = Annotated[Path, typer.Option(metavar="DIR", help="Output directory, a new one.")]


class AxesOption(str, Enum):
    """Order of the axes of files that do not name them, see `pix2pix_tf.images.axes`."""

    channels_last = "YXC"
    channels_first = "CYX"


_SETTING = re.compile(r"[\w.]+=.*", re.DOTALL)
_OPTION = re.compile(r"--[\w-]+=")


def start_over(trained: TrainingFolder, times: int, kind: str, option: str) -> None:
    """Deletes an existing training if `--fresh --fresh` was given.

    Args:
        trained: Folder of the training.
        times: Number of times that --fresh was given.
        kind: Kind of the folder, such as `run`, for messages.
        option: The option that names another folder, for messages.

    Raises:
        UserError: There is a training, and --fresh was given only once or the training is running.
    """
    from pix2pix_tf.runs.lock import run_lock

    if not times or not trained.exists():
        return
    if times < 2:
        raise UserError(
            f"{kind} {trained.path}: --fresh would delete the training it holds; "
            f"give --fresh --fresh to do so, or choose another {option}"
        )
    with run_lock(trained.path):
        trained.delete()


def expand_repeated_set(words: Sequence[str]) -> list[str]:
    """Expands `--set A=1 B=2` in a command line to `--set A=1 --set B=2`."""
    expanded: list[str] = []
    within = False
    for word in words:
        if within and expanded[-1] != "--set" and _SETTING.fullmatch(word):
            expanded.append("--set")
        within = word == "--set" or (within and _SETTING.fullmatch(word) is not None)
        expanded.append(word)
    return expanded


def expand_home_directories(words: Sequence[str]) -> list[str]:
    """Expands ~ and ~user at the start of the words of a command line and of option values.

    A shell does so for `--run ~/x`, but not for `--run=~/x` or within quotes, and some programs
    start the command without a shell.
    """
    expanded = []
    for word in words:
        option = _OPTION.match(word)
        start = option.end() if option else 0
        expanded.append(word[:start] + expand_home(word[start:]))
    return expanded


def check_no_empty_argument(words: Sequence[str]) -> None:
    """Checks that no word of a command line and no value of an option is empty.

    As a path, an empty word would mean the working directory, which is not intended by
    `--input "$PHOTOS"` if PHOTOS is not set.

    Raises:
        UserError: A word or value is empty.
    """
    before = ""
    for word in words:
        if word == "" or _OPTION.fullmatch(word):
            name = word.rstrip("=") or (before if before.startswith("-") else "an argument")
            raise UserError(
                f"{name}: is given an empty value; perhaps a variable is not set (. is the "
                "working directory)"
            )
        before = word


def default_output_directory(
    parent: str, config: str, data: DataConfig, overrides: Sequence[str]
) -> Path:
    """Returns the default folder of a training: a folder in `parent`, named after its data.

    Its name is that of the folder or table in `--set data.root`, so that each dataset gets a
    separate training, or else that of the config.

    Args:
        parent: The parent folder, such as `runs`.
        config: File or name of the config.
        data: The config's section `data`.
        overrides: Overrides as typed (`KEY=VALUE`).
    """
    from pix2pix_tf.config.files import is_overridden
    from pix2pix_tf.data.layout.table import is_table

    root = Path(data.root or "").absolute()
    name = root.stem if is_table(root) else root.name
    if not is_overridden(overrides, "data.root"):
        name = ""
    return Path(parent) / (name or Path(config).stem)


def parse_checkpoint(name: str) -> str:
    """Checks the value of `--checkpoint` and returns it.

    Raises:
        UserError: The value is neither `newest` nor `best`.
    """
    if name not in ("newest", "best"):
        raise UserError(f"--checkpoint {name}: expected newest or best")
    return name


def parse_size(text: str | None, at_most: int = 2**31 - 1) -> tuple[int, int] | None:
    """Parses the value of `--size`: a number of pixels, or HEIGHTxWIDTH.

    Returns:
        Height and width; None for None.

    Raises:
        UserError: The text has another form, or a side is 0 or more than `at_most`.
    """
    if text is None:
        return None
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and 0 < int(side) <= at_most for side in sides):
        raise UserError(
            f"--size {text}: expected a number, or HEIGHTxWIDTH such as 256x512, "
            f"at least one pixel and at most {at_most} a side"
        )
    return int(sides[0]), int(sides[-1])


def parse_range(text: str) -> tuple[float, float]:
    """Parses the value of `--range`: two numbers, the smaller one first.

    Raises:
        UserError: The text has another form.

    Example:
        >>> parse_range("-10,2500")
        (-10.0, 2500.0)
    """
    try:
        low, high = map(float, text.strip("[]").split(","))
    except ValueError:
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise UserError(
            f"--range {text}: expected the smallest and the largest value, such as 0,4095"
        )
    return low, high


def parse_display(text: str | None) -> tuple[int, ...] | None:
    """Parses the value of `--display`: a channel, or three for red, green and blue, from 1.

    Raises:
        UserError: The text has another form.

    Example:
        >>> parse_display("4,3,2")
        (4, 3, 2)
    """
    if text is None:
        return None
    parts = text.strip("[]").split(",")
    numbers = tuple(int(part) for part in parts if part.strip().isdecimal())
    if len(numbers) != len(parts) or len(parts) not in (1, 3) or 0 in numbers:
        raise UserError(
            f"--display {text}: expected the number of a channel, from 1, or of three for red, "
            "green and blue, such as 4,3,2"
        )
    return numbers


def print_nested_output_notes(console: Console, output: Path, inputs: Iterable[Path]) -> None:
    """Prints a note for each input folder that contains `output`."""
    from pix2pix_tf.utils.output_folder import nested_output_notes

    for note in nested_output_notes(output, inputs):
        print_line(console, note)


def print_loopback_note(console: Console, host: str) -> None:
    """Prints a note if a page is served at a loopback address, which others cannot reach."""
    from pix2pix_tf.web.loopback import is_loopback

    if is_loopback(host):
        print_line(
            console, "Reachable from this machine only: --host 0.0.0.0 opens it to the network"
        )


def start_tensorflow(devices: bool = True) -> None:
    """Starts TensorFlow for a command; it is imported as late as here since it takes seconds."""
    from pix2pix_tf.utils.runtime import start_tensorflow

    start_tensorflow(devices)


def add_commands(app: typer.Typer, commands: dict[str, Callable[..., None]]) -> None:
    """Registers commands by their names."""
    for name, command in commands.items():
        app.command(name)(command)
