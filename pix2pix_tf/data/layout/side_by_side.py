"""Checks whether the images below a folder are one set, and whether they are side-by-side pairs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from pix2pix_tf.data.layout.errors import ACCEPTED, names, or_sides
from pix2pix_tf.data.layout.pair_files import Size, alike
from pix2pix_tf.images.folder_names import SPLITS, couples, read_name, without_other
from pix2pix_tf.images.io import image_size
from pix2pix_tf.images.listing import Listing, image_name
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import pluralize, shorten_list

_HEADERS_AT_MOST = 100  # how many are read to see whether images are twice as wide as high


def why_not_pooled(listing: Listing) -> str:
    """Explains why the images of a folder cannot be used as one set; "" if they can.

    They cannot if the folder lies above the root of the dataset or holds folders that are named
    like splits, because images of several splits would be mixed.
    """
    for folder, within in _tree(listing).items():
        for path in within:
            if read_name(path.name).split:
                return (
                    f"{path} has the name of a split within {listing.folder}, whose images would "
                    f"all be mixed: give {folder} as the root, or rename that folder."
                    + or_sides(_tree(listing).get(listing.folder, []))
                )
        hinted = {split: path for path in within for split in _hinted_splits(path.name)}
        if len(hinted) > 1:
            return (
                f"{names(hinted.values())} in {folder} look like splits, which would be mixed: "
                f"rename them to {', '.join(split for split in SPLITS if split in hinted)}, or so "
                "that they do not"
            )
    return ""


def _hinted_splits(name: str) -> set[str]:
    """Returns the splits named in parts of a name: `train` for facades_train and train2017."""
    return {read_name(word).split for word in re.split(r"[^a-z]+", name.lower()) if word} - {""}


def why_not_side_by_side(listing: Listing, proportions: tuple[Size, ...]) -> str:
    """Explains why the images of a folder cannot be side-by-side pairs; "" if they can.

    Args:
        listing: The images of the folder.
        proportions: The accepted proportions of side-by-side pairs, as (height, width).
    """
    tree = _tree(listing)
    for folder, within in tree.items():
        sides = {read_name(path.name).side: path for path in within}
        for a, b in couples(sides):
            return (
                f"{sides[a]} and {sides[b].name} are two sides of pairs by their names, deeper in "
                f"{listing.folder}: give {folder} as the root, or rename them."
            )
        alone = without_other(sides)
        if alone:
            return (
                f"{sides[alone]} is one side of pairs by its name, deeper in {listing.folder}: "
                f"give {folder} as the root, or rename it."
            )
    sizes = _some_sizes(listing.images)
    misfits = [s for s in sizes if not any(alike(s, each) for each in proportions)]
    top = _branching(tree, listing.folder)
    if 2 * len(misfits) > len(sizes):
        return _not_twice_as_wide(listing, sizes, top)
    twins = _twins(listing, tree)
    if twins:
        return (
            f"{listing.folder}: the folders {names(twins)} hold images of the same names, so that "
            "these may be side-by-side pairs, or the two sides of pairs: say that they are "
            "side-by-side pairs by data.layout=side_by_side (--layout side_by_side)."
            + or_sides(twins)
        )
    return ""


def _not_twice_as_wide(listing: Listing, sizes: Sequence[Size], folders: Sequence[Path]) -> str:
    shapes = Counter(f"{width}×{height}" for height, width in sizes)
    shown = shorten_list([f"{shape} ({number})" for shape, number in shapes.most_common()])
    within = f" in the folders {names(folders)}" if folders else ""
    images = pluralize(len(listing.images), "image")
    return (
        f"{listing.folder}: {images}{within}, most of them not twice "
        f"as wide as high (width×height: {shown}), so that they are no side-by-side pairs."
        + or_sides(folders)
        + f" {ACCEPTED} Side-by-side pairs of other proportions: data.layout=side_by_side "
        "(--layout side_by_side). Whole photographs, to derive inputs from: data.derive (--layout "
        "photographs)."
    )


def _some_sizes(images: Sequence[Path]) -> list[Size]:
    """Returns height and width of evenly spaced images; those that cannot be read are ignored."""
    step = max(1, len(images) // _HEADERS_AT_MOST)
    sizes = []
    for path in images[::step]:
        try:
            sizes.append(image_size(path))
        except UserError:  # it is reported when all images are opened
            continue
    return sizes


def _tree(listing: Listing) -> dict[Path, list[Path]]:
    """Maps each folder with images at any depth, including the root, to its sub-folders."""
    tree: dict[Path, list[Path]] = {listing.folder: []}

    def add(folder: Path) -> None:
        if folder not in tree:
            tree[folder] = []
            add(folder.parent)
            tree[folder.parent].append(folder)

    for folder in listing.folders():
        add(folder)
    return tree


def _branching(tree: Mapping[Path, list[Path]], top: Path) -> list[Path]:
    """Returns the folders of the first level that has more than one folder."""
    within = tree[top]
    return _branching(tree, within[0]) if len(within) == 1 else within


def _twins(listing: Listing, tree: Mapping[Path, list[Path]]) -> list[Path]:
    """Returns sibling folders if most of their images share their name with one in another."""
    within = _branching(tree, listing.folder)
    if len(within) < 2:
        return []
    beginnings = [f"{image_name(folder / '_', listing.folder)[:-1]}" for folder in within]
    names: Counter[str] = Counter()
    cuts: dict[str, int] = {}  # how many characters are cut off the names in a folder
    for name in listing.names:
        folder = name[: name.rfind("/") + 1]
        if folder not in cuts:
            inside = (len(beginning) for beginning in beginnings if folder.startswith(beginning))
            cuts[folder] = next(inside, 0)
        if cuts[folder]:
            names[name[cuts[folder] :]] += 1
    shared = sum(number for number in names.values() if number > 1)
    return list(within) if 2 * shared > names.total() else []
