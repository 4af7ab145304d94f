"""Matching of the images of two folders by name, and the images that do not match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf.data.layout.pair_files import PairFiles
from pix2pix_tf.images.formats import without_suffix
from pix2pix_tf.images.listing import Listing, image_name, list_folders


@dataclass(frozen=True)
class Matched:
    """The images of two folders, matched by name.

    Attributes:
        a: The listing of the first folder.
        b: The listing of the second folder.
        pairs: The pairs, in natural order of their names.
        only_a: The images of A without a counterpart in B.
        only_b: The images of B without a counterpart in A.
        doubles: The images that share their name with an earlier image of their folder, each with
            that earlier image.
    """

    a: Listing
    b: Listing
    pairs: list[PairFiles]
    only_a: list[Path]
    only_b: list[Path]
    doubles: list[tuple[Path, Path]]

    @property
    def loose(self) -> list[Path]:
        """The images that belong to no pair."""
        return self.only_a + self.only_b + [path for path, _ in self.doubles]

    def problems(self) -> list[str]:
        """Returns one sentence per image that does not match, or one for all if none matches."""
        doubles = [same_name(path, other) for path, other in self.doubles]
        if self.only_a and self.only_b and not self.pairs:
            return [
                f"none of the {len(self.only_a)} images of {self.a.folder} (such as "
                f"{image_name(self.only_a[0], self.a.folder)}) has the name of one of the "
                f"{len(self.only_b)} of {self.b.folder} (such as "
                f"{image_name(self.only_b[0], self.b.folder)}): pairs have the same path without "
                "suffix on both sides; folders that are not paired cannot be trained on",
                *doubles,
            ]
        return [
            *_without_mate(self.a, self.only_a, self.b),
            *_without_mate(self.b, self.only_b, self.a),
            *doubles,
        ]


def match(folder_a: Path, folder_b: Path) -> Matched:
    """Matches the images of two folders, at any depth, by name (see `image_name`).

    Args:
        folder_a: The folder of the images A.
        folder_b: The folder of the images B.

    Raises:
        UserError: A folder cannot be listed.
    """
    return match_listings(*list_folders([folder_a, folder_b]))


def match_listings(a: Listing, b: Listing) -> Matched:
    """Matches the images of two listings by name."""
    named_a, doubles_a = by_name(a)
    named_b, doubles_b = by_name(b)
    return Matched(
        a=a,
        b=b,
        pairs=[
            PairFiles(name, path, named_b[name])
            for name, path in named_a.items()
            if name in named_b
        ],
        only_a=[path for name, path in named_a.items() if name not in named_b],
        only_b=[path for name, path in named_b.items() if name not in named_a],
        doubles=doubles_a + doubles_b,
    )


def by_name(listing: Listing) -> tuple[dict[str, Path], list[tuple[Path, Path]]]:
    """Maps names to images, and lists images with the name of an earlier one, each with that one.

    Args:
        listing: The images of a folder.

    Returns:
        The images by name, and (image, earlier image of the same name) for all others.
    """
    named: dict[str, Path] = {}
    doubles = []
    for path, name in zip(listing.images, listing.names, strict=True):
        if name in named:
            doubles.append((path, named[name]))
        else:
            named[name] = path
    return named, doubles


def same_name(path: Path, other: Path) -> str:
    """Error message for an image that has the same name without suffix as another."""
    if without_suffix(str(path)) == without_suffix(str(other)):
        return f"{path} has the same name without suffix as {other.name}: remove one of them"
    return (
        f"{path} and {other} have names that look the same, with accents stored in two ways (NFC "
        "and NFD): rename or remove one of them"
    )


def _without_mate(listing: Listing, paths: list[Path], others: Listing) -> list[str]:
    hints = nearly_mates([image_name(path, listing.folder) for path in paths], others)
    return [
        f"{path} has no mate in {others.folder}{f': {hint}' if hint else ''}"
        for path, hint in zip(paths, hints, strict=True)
    ]


def nearly_mates(names: Sequence[str], others: Listing) -> list[str]:
    """Returns a hint for each name that differs from a file only in suffix or case; else "".

    Args:
        names: Names of images that have no counterpart.
        others: The files of the other side.
    """
    unread: dict[str, Path] = {}
    by_case: dict[str, Path] = {}
    if names:
        unread = {image_name(path, others.folder): path for path in others.others}
        by_case = {image_name(path, others.folder).lower(): path for path in others.images}
    return [_hint(name, unread, by_case) for name in names]


def _hint(name: str, unread: Mapping[str, Path], by_case: Mapping[str, Path]) -> str:
    if name in unread:
        path = unread[name]
        return f"{path.name} is there, but files ending {path.suffix or 'so'} are not read"
    if name.lower() in by_case:
        return f"{by_case[name.lower()].name} differs in upper and lower case"
    return ""
