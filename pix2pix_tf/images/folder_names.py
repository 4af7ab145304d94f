"""Folder names that stand for a split or for a side of the pairs.

Upper and lower case and the separators of words make no difference.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

SPLITS = ("train", "val", "test")
_SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}

# Names of A, each with the names of B that it can be combined with.
_COUPLES = (
    ("a", "b"),
    ("image_a imagea", "image_b imageb"),
    ("images_a imagesa", "images_b imagesb"),
    ("img_a imga", "img_b imgb"),
    ("domain_a domaina", "domain_b domainb"),
    ("side_a sidea", "side_b sideb"),
    ("x", "y"),
    ("input inputs", "target targets output outputs"),
    ("source sources src", "target targets tgt trg dst destination"),
    (
        "image images img imgs photo photos",
        "mask masks label labels annotation annotations segmentation segmentations gt ground_truth "
        "groundtruth",
    ),
    ("photo photos", "sketch sketches drawing drawings edges"),
    ("before", "after"),
    ("left", "right"),
    ("low lq lr", "high hq hr gt"),
    ("noisy", "clean gt"),
    ("blur blurred blurry", "sharp gt"),
)
_SIDE_NAMES = {name for couple in _COUPLES for names in couple for name in names.split()}
_EXPECTS_BOTH = {"a", "b"}  # names that need a folder of the other name
_ABBREVIATED = {"a", "b", "x", "y"}  # also recognized without a separator: trainA

KNOWN_SIDES = "A + B, input + target, source + target, x + y, images + masks, before + after ..."


@dataclass(frozen=True)
class FolderName:
    """The meaning of a folder's name: a split, a side, both (trainA) or neither.

    Attributes:
        split: One of `SPLITS`, or "".
        side: The name of a side in lower case, or "".
    """

    split: str = ""
    side: str = ""


def read_name(name: str) -> FolderName:
    """Returns the split and the side that a folder's name stands for.

    Example:
        >>> read_name("Training"), read_name("trainA")
        (FolderName(split='train', side=''), FolderName(split='train', side='a'))
    """
    folded = re.sub(r"[-_. ]+", "_", unicodedata.normalize("NFC", name).casefold()).strip("_")
    if folded in _SPLIT_NAMES:
        return FolderName(split=_SPLIT_NAMES[folded])
    if folded in _SIDE_NAMES:
        return FolderName(side=folded)
    for written, split in _SPLIT_NAMES.items():
        after, before = folded.removeprefix(written), folded.removesuffix(written)
        for rest, bare in ((after, after.lstrip("_")), (before, before.rstrip("_"))):
            separated = rest != bare or (rest == after and bare in _ABBREVIATED)
            if rest != folded and bare in _SIDE_NAMES and separated:
                return FolderName(split, bare)
    return FolderName()


def split_named(typed: str) -> str:
    """Returns the split for any of its names in any case; other names are returned unchanged."""
    name = read_name(typed)
    return name.split if name.split and not name.side else typed


def renamed(name: str, split: str) -> str:
    """Replaces the split in a folder's name; a name without a split is returned unchanged.

    Args:
        name: The name.
        split: The new split, one of `SPLITS`.

    Example:
        >>> renamed("train_images", "val")
        'val_images'
    """
    old_split = read_name(name).split
    if not old_split:
        return name
    aliases = sorted(
        (alias for alias, meaning in _SPLIT_NAMES.items() if meaning == old_split),
        key=len,
        reverse=True,
    )
    words = "|".join(aliases)
    return re.sub(f"^({words})|({words})$", split, name, count=1, flags=re.IGNORECASE)


def couples(sides: Collection[str]) -> list[tuple[str, str]]:
    """Returns all combinations (A, B) of names of sides that belong together."""
    return [
        (a, b)
        for names_a, names_b in _COUPLES
        for a in names_a.split()
        for b in names_b.split()
        if a in sides and b in sides
    ]


def without_other(sides: Collection[str]) -> str | None:
    """Returns `a` or `b` if only one of the two is among the names of sides, else None."""
    alone = _EXPECTS_BOTH & set(sides)
    return alone.pop() if len(alone) == 1 else None
