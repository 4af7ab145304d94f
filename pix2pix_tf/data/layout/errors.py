"""Error messages about dataset folders that do not exist or hold no images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pix2pix_tf.images.folder_names import KNOWN_SIDES
from pix2pix_tf.images.formats import SUFFIXES_IN_WORDS
from pix2pix_tf.images.listing import (
    Entries,
    Listing,
    by_suffix,
    list_entries,
)
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import NAMED_AT_MOST, pluralize, shorten_list

ACCEPTED = (
    "Accepted are images of twice the width, A left and B right (SPLIT/*.png or *.png), or two "
    f"folders of like-named images ({KNOWN_SIDES}) as SPLIT/A + SPLIT/B, A/SPLIT + B/SPLIT, A + B "
    "or SPLIT_A + SPLIT_B."
)


def existing_root(root: Path) -> Path:
    """Returns the folder if it exists.

    Raises:
        UserError: The path is not a folder; the message names the nearest folder that exists.
    """
    if root.is_dir():
        return root
    looked_for = root.absolute()
    if root.exists():
        raise UserError(f"{looked_for} is a file, not a folder of image pairs.\n{ACCEPTED}")
    parent = next((folder for folder in looked_for.parents if folder.is_dir()), Path.cwd())
    raise UserError(
        f"There is no folder {looked_for}.\n"
        f"The nearest that exists is {parent}, with {_contents(parent)}.\n{ACCEPTED}"
    )


def no_images(listings: Sequence[Listing]) -> str:
    """Error message for folders that hold no images at all."""
    found = "; ".join(
        f"{listing.folder.absolute()} has {_instead(listing)}" for listing in listings
    )
    return (
        f"No image pairs were found: {found}. Files must end in {SUFFIXES_IN_WORDS}: "
        "convert them, or name another folder."
    )


def _instead(listing: Listing) -> str:
    """Describes what a folder without images holds: "12 files (8 .txt, 4 .mat)"."""
    if listing.others:
        return f"{pluralize(len(listing.others), 'file')} ({by_suffix(listing.others)})"
    folders = list_entries(listing.folder).folders
    if folders:
        return f"only folders without images ({shorten_list([folder.name for folder in folders])})"
    return "nothing in it"


def _contents(folder: Path) -> str:
    """Describes the direct content of a folder; sub-folders that hold images are marked."""
    entries = _entries_if_readable(folder)
    names = [folder.name for folder in entries.folders]
    shown = [
        f"{child.name} (images)" if _entries_if_readable(child).images else child.name
        for child in entries.folders[:NAMED_AT_MOST]  # listing more of them could take long
    ]
    found = [f"the sub-folders {shorten_list(shown + names[NAMED_AT_MOST:])}"] if names else []
    if entries.images:
        found.append(pluralize(len(entries.images), "image"))
    return " and ".join(found) or "neither sub-folders nor images"


def _entries_if_readable(folder: Path) -> Entries:
    try:
        return list_entries(folder)
    except UserError:  # the entries only add a hint to another error message
        return Entries([], [], [], [])


def or_sides(folders: Sequence[Path]) -> str:
    """Returns advice in case the folders are the sides A and B; "" for fewer than two folders."""
    if len(folders) < 2:
        return ""
    first, second = folders[:2]
    return (
        f" If {first.name} and {second.name} are the two sides of the pairs, rename them to A and "
        f"B, or: {data_pair(first, second)}."
    )


def data_pair(a: Path, b: Path) -> str:
    """Command line that combines two folders into side-by-side pairs."""
    return f"`pix2pix-tf data pair --a {a} --b {b} --output DIR`"


def names(paths: Iterable[Path]) -> str:
    """Joins the names of files or folders; of four or more, a list that may be shortened."""
    every = [path.name for path in paths]
    return " and ".join(", ".join(every).rsplit(", ", 1)) if len(every) < 4 else shorten_list(every)
