"""Matching of the images of folders, or of file patterns, by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf.data.layout.matching import nearly_mates
from pix2pix_tf.images.listing import (
    Listing,
    composed,
    image_name,
    list_folder,
    list_images,
    listing_notes,
)
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import shorten_list


@dataclass(frozen=True)
class MatchedImages:
    """Images of several folders or patterns that have the same names.

    Attributes:
        files: Files by name, one mapping for each place, in the order of the places.
        notes: Sentences about files in the folders that are not read.
    """

    files: list[dict[str, Path]]
    notes: list[str]


def match_images(places: Sequence[str | Path]) -> MatchedImages:
    """Matches the images of several places by their names without suffix.

    Args:
        places: Folders, searched with their sub-folders, or patterns with one `*`, which matches
            the name of an image, such as `results/*_fake_B.png`.

    Raises:
        UserError: A place has no image, two images of one place have the same name, or a name of
            one place is missing in another.
    """
    listed = [_list_place(str(place)) for place in places]
    for other in listed[1:]:
        _check_same_names(listed[0], other)
        _check_same_names(other, listed[0])
    listings: Mapping[str, Listing] = {
        place.text: place.listing for place in listed if place.listing is not None
    }
    return MatchedImages([place.files for place in listed], listing_notes(list(listings.values())))


@dataclass(frozen=True)
class _Place:
    """A folder or a pattern.

    Attributes:
        text: The place as it was given.
        files: Files by name: their paths within a folder without suffix, or what the `*` of a
            pattern matches.
        listing: All files in the folder, None for a pattern.
    """

    text: str
    files: dict[str, Path]
    listing: Listing | None


def _list_place(place: str) -> _Place:
    folder = Path(place)
    listing = list_folder(folder) if folder.is_dir() else None
    if listing is None:
        named_paths = _matching(place)
    else:
        named_paths = ((image_name(path, folder), path) for path in listing.images)
    files: dict[str, Path] = {}
    for name, path in named_paths:
        if name in files:
            raise UserError(f"{path} and {files[name]}: both are called {name}; keep one of them")
        files[name] = path
    if not files:
        raise UserError(f"{place}: no image there; expected a folder of images or a pattern")
    return _Place(place, files, listing)


def _matching(pattern: str) -> Iterable[tuple[str, Path]]:
    """Returns the files that match a pattern, each with what its `*` matches."""
    path = Path(pattern)
    if pattern.count("*") != 1 or "*" not in path.name:
        found = "is a file" if path.is_file() else f"no such folder in {Path.cwd()}"
        raise UserError(
            f"{pattern}: {found}; expected a folder, or a pattern of files with one * in its last "
            "part, which stands for the images' names"
        )
    before, after = composed(path.name).split("*")
    expression = re.compile(f"{re.escape(before)}(.+){re.escape(after)}")
    if not path.parent.is_dir():
        raise UserError(f"{path.parent}: no such folder in {Path.cwd()}")
    for image in list_images(path.parent):
        match = expression.fullmatch(composed(image.name))
        if match and image.parent == path.parent:
            yield match[1], image


def _check_same_names(place: _Place, other: _Place) -> None:
    missing = [name for name in place.files if name not in other.files]
    if not missing:
        return
    hints = nearly_mates(missing, other.listing) if other.listing is not None else []
    hint = next((f" ({hint})" for hint in hints if hint), "")
    raise UserError(
        f"{shorten_list([str(place.files[name]) for name in missing])}: no image of that name in "
        f"{other.text}{hint}; images are matched by their names without suffix"
    )
