"""Checks for output folders within input folders, so that outputs are not read as inputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import pluralize


def check_not_an_input(output: Path, folders: Iterable[Path]) -> None:
    """Checks that an output folder is not an input folder, nor a link to one.

    Raises:
        UserError: The output folder is an input folder.
    """
    for folder in folders:
        if output.is_dir() and folder.is_dir() and output.samefile(folder):
            raise UserError(
                f"{output}: is the folder that is read ({folder}); choose another --output"
            )


def exclude_outputs(paths: Sequence[Path], root: Path, output: Path) -> list[Path]:
    """Removes the files that lie in an output folder within `root` from a list.

    If the output folder contains `root`, all files are kept. Links are followed.

    Args:
        paths: Files below `root`.
        root: An input folder.
        output: The output folder.

    Returns:
        The remaining files, in the same order.
    """
    if not output.is_dir() or _strictly_within(root, output):
        return list(paths)
    inside: dict[Path, bool] = {}

    def is_output(path: Path) -> bool:
        for folder in {path.parent, path.resolve().parent}:
            if folder not in inside:
                inside[folder] = _lies_in(folder, output)
            if inside[folder]:
                return True
        return False

    return [path for path in paths if not is_output(path)]


def excluded_outputs_note(count: int, output: Path) -> str:
    """Returns the note about `count` images that `exclude_outputs` removed."""
    lie = "lies" if count == 1 else "lie"
    return f"left out: {pluralize(count, 'image')} that {lie} in the output folder {output}"


def nested_output_notes(output: Path, folders: Iterable[Path]) -> list[str]:
    """Returns a note for each input folder that contains the new folder `output`."""
    return [
        f"{output} lies within {folder}: whatever else reads {folder} reads it too"
        for folder in folders
        if folder.is_dir() and _strictly_within(output, folder)
    ]


def _strictly_within(folder: Path, other: Path) -> bool:
    real = folder.resolve()
    return any(_same(parent, other) for parent in real.parents)


def _lies_in(folder: Path, other: Path) -> bool:
    real = folder.resolve()
    return any(_same(parent, other) for parent in (real, *real.parents))


def _same(folder: Path, other: Path) -> bool:
    """Compares folders by identity, since a folder can have several names on some systems."""
    try:
        return folder.samefile(other)
    except OSError:
        return False
