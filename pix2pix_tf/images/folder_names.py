"""Names of folders that say which split, or which side of the pairs, lies in them.

Upper and lower case, and what separates words, make no difference.
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

# Names of A, and those of B that each of them goes with.
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
_EXPECTS_BOTH = {"a", "b"}  # names that mean nothing without the other
_ABBREVIATED = {"a", "b", "x", "y"}  # written without a separator too: trainA

KNOWN_SIDES = "A + B, input + target, source + target, x + y, images + masks, before + after ..."


@dataclass(frozen=True)
class FolderName:
    """What the name of a folder says: a split, a side, both (trainA) or nothing.

    Attributes:
        split: One of `SPLITS`, or "".
        side: The name of a side in lower case, or "".
    """

    split: str = ""
    side: str = ""


def read_name(name: str) -> FolderName:
    """What the name of a folder says about its content.

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
    """One of `SPLITS` for any of its names in any case; another name as it is."""
    found = read_name(typed)
    return found.split if found.split and not found.side else typed


def renamed(name: str, split: str) -> str:
    """The name of a folder for another split; a name without a split stays as it is.

    Example:
        >>> renamed("train_images", "val")
        'val_images'
    """
    written = read_name(name).split
    if not written:
        return name
    aliases = sorted(
        (alias for alias, of in _SPLIT_NAMES.items() if of == written), key=len, reverse=True
    )
    words = "|".join(aliases)
    return re.sub(f"^({words})|({words})$", split, name, count=1, flags=re.IGNORECASE)


def couples(sides: Collection[str]) -> list[tuple[str, str]]:
    """The sides among these names that go together, A first."""
    return [
        (a, b)
        for names_a, names_b in _COUPLES
        for a in names_a.split()
        for b in names_b.split()
        if a in sides and b in sides
    ]


def without_other(sides: Collection[str]) -> str | None:
    """A or B where only one of the two is among these names, else None."""
    alone = _EXPECTS_BOTH & set(sides)
    return alone.pop() if len(alone) == 1 else None
