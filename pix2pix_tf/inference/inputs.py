"""Search for the images to translate, which a user names as files, folders and patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pix2pix_tf.data.input_source import InputForm, InputSource
from pix2pix_tf.images.formats import SUFFIXES_IN_WORDS
from pix2pix_tf.images.listing import Listing, image_name, list_folder, listing_notes
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.output_folder import (
    check_not_an_input,
    exclude_outputs,
    excluded_outputs_note,
    nested_output_notes,
)


@dataclass(frozen=True)
class Inputs:
    """Images to translate.

    Attributes:
        names: The name of each image without suffix, which its output takes.
        paths: The file of each image.
        form: How inputs are read from the files.
        notes: Sentences for the user about files that were left out and how the others are read.
    """

    names: list[str]
    paths: list[Path]
    form: InputForm
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Found:
    """The images that one pattern matches, or all files that are named one by one.

    Attributes:
        root: The folder that holds them, directly or in sub-folders.
        images: Name and file of each image.
        listing: All files of the folder, if the pattern is a folder.
    """

    root: Path
    images: list[tuple[str, Path]]
    listing: Listing | None = None


def find_inputs(
    patterns: Sequence[str],
    source: InputSource,
    *,
    output: Path | None = None,
    pairs: bool | None = None,
    derive: bool = False,
) -> Inputs:
    """Finds the images that files, folders and patterns name.

    Args:
        patterns: Files, folders (searched with all their sub-folders) or glob patterns.
        source: Reads inputs of the run from files.
        output: The output folder, whose files are not inputs.
        pairs: Whether the files are side-by-side pairs; for None see `InputSource.form`.
        derive: Whether the files are photographs from which inputs are derived, see
            `InputSource.form`.

    Returns:
        The images to translate.

    Raises:
        UserError: No image was found, two inputs have the same name, only some of them have the
            proportions of pairs, or the output folder is an input folder.
    """
    found = [_matches(pattern) for pattern in patterns if not Path(pattern).is_file()]
    files = [Path(pattern) for pattern in patterns if Path(pattern).is_file()]
    if files:  # usually the shell has expanded a single pattern into them
        root = Path(os.path.commonpath([path.absolute().parent for path in files]))
        found.append(_Found(root, [(image_name(path, path.parent), path) for path in files]))
    if output is not None:
        check_not_an_input(output, [Path(pattern) for pattern in patterns])
    kept = [_without_outputs(one, output) for one in found]
    images = _by_name(image for one in kept for image in one.images)
    left_out = sum(len(one.images) for one in found) - sum(len(one.images) for one in kept)
    notes = listing_notes([one.listing for one in kept if one.listing is not None])
    if output is not None:
        notes += [excluded_outputs_note(left_out, output)] if left_out else []
        notes += nested_output_notes(output, [Path(pattern) for pattern in patterns])
    if not images:
        raise UserError(
            f"{', '.join(patterns[:3])}: all of it lies in the output folder {output}; choose "
            "another --output"
        )
    names, paths = list(images), list(images.values())
    form = source.form(paths, pairs=pairs, derive=derive)
    notes += source.described(form, paths, by_itself=pairs is None)
    return Inputs(names, paths, form, notes)


def _without_outputs(found: _Found, output: Path | None) -> _Found:
    """Returns the images that do not lie in the output folder."""
    if output is None:
        return found
    kept = set(exclude_outputs([path for _, path in found.images], found.root, output))
    images = [(name, path) for name, path in found.images if path in kept]
    listing = found.listing
    if listing is not None:
        others, system, linked = (
            exclude_outputs(paths, found.root, output)
            for paths in (listing.others, listing.system, listing.linked_images)
        )
        listing = replace(listing, others=others, system=system, linked_images=linked)
    return _Found(found.root, images, listing)


def _by_name(images: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """Returns the images by name, each file once.

    Raises:
        UserError: Two different files have the same name.
    """
    named: dict[str, Path] = {}
    for name, path in images:
        other = named.setdefault(name, path)
        if other != path and not (path.exists() and other.exists() and path.samefile(other)):
            raise UserError(
                f"{path} and {other}: would both be written as {name}.png; translate them "
                "into different folders"
            )
    return named


def _matches(pattern: str) -> _Found:
    """Returns the images in a folder, or those that match a glob pattern.

    Raises:
        UserError: There are none.
    """
    path = Path(pattern)
    if path.is_dir():
        listing = list_folder(path)
        found = [(image_name(image, path), image) for image in listing.images]
        if not found:
            raise UserError(
                f"{path}: holds no image; looked for {SUFFIXES_IN_WORDS}, also in sub-folders"
            )
        return _Found(path, found, listing)
    folder, rest = _typed_folder(pattern)
    matches = sorted(glob.glob(rest, root_dir=folder, recursive=True))  # noqa: PTH207  Path.glob takes no absolute pattern
    files = [folder / match for match in matches if (folder / match).is_file()]
    if not files:
        raise UserError(
            f"{pattern}: no such file or folder in {Path.cwd()}, and as a pattern it matches no "
            "file"
        )
    return _Found(_root_of(folder, rest), [(image_name(file, file.parent), file) for file in files])


def _typed_folder(pattern: str) -> tuple[Path, str]:
    """Returns the longest existing folder that a pattern begins with, and the rest of the pattern.

    So `scans[1]/*.png` looks into a folder named `scans[1]` if there is one: brackets are a
    wildcard only if they are not part of an existing name.
    """
    parts = Path(pattern).parts
    folder, literal = Path(), 0
    while literal < len(parts) and (folder / parts[literal]).is_dir():
        folder, literal = folder / parts[literal], literal + 1
    return folder, str(Path(*parts[literal:]))


def _root_of(folder: Path, pattern: str) -> Path:
    """Returns the folder before the first part with a wildcard."""
    parts = Path(pattern).parts
    wild = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    return folder.joinpath(*parts[:wild])
