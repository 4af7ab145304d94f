"""How a dataset lies on disk: the one rule that says what a folder is, for every command.

A root folder holds its pairs in one of these ways, never in two at once:

    SPLIT/*.png                     side by side: A is the left half of each file, B the right half
    SPLIT/A/*.png + SPLIT/B/*.png   two folders, within each split
    A/SPLIT/*.png + B/SPLIT/*.png   two folders, each with its splits
    SPLIT_A/*.png + SPLIT_B/*.png   two folders for each split (trainA + trainB)
    *.png                           side by side, without splits
    A/*.png + B/*.png               two folders, without splits

*.png stands for any image at any depth (`images.listing`). SPLIT is train or training;
val, valid, validation or dev; test or testing. A and B are the sides, two folders by any of the
names of `pix2pix_tf.images.folder_names`. Files of the same path without suffix are a pair, so that
A/1.jpg goes with B/1.png. Only where no such folders are, and only if they are of twice the width
(or of twice the proportions of `data.load_size`), images are taken for side-by-side pairs.

Whole photographs, of which inputs are derived, are any images with or without splits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from pix2pix_tf.data.layout.errors import existing_root, names, no_images
from pix2pix_tf.data.layout.matching import by_name, match_listings, same_name
from pix2pix_tf.data.layout.pair_files import TWICE_THE_WIDTH, PairFiles, Size
from pix2pix_tf.data.layout.side_by_side import why_not_pooled, why_not_side_by_side
from pix2pix_tf.data.layout.split_folders import LayoutSetting, SplitFolders, find_splits
from pix2pix_tf.images.folder_names import read_name
from pix2pix_tf.images.listing import Listing, list_entries, list_folders, listing_notes
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import pluralize, shorten_lines, shorten_list

# How a dataset lies on disk, which a run remembers: one file a pair, two files a pair, photographs
# that inputs are derived from, or the embedded city.
LayoutKind = Literal["side_by_side", "folders", "photographs", "city"]


@dataclass(frozen=True)
class SplitFiles:
    """The files of one split.

    Attributes:
        pairs: The pairs, in natural order of their names.
        problems: A sentence about everything that keeps the split from being used.
        loose: The images that belong to no pair.
        folders: The folder of the split, or those of A and B.
    """

    pairs: list[PairFiles]
    problems: list[str] = field(default_factory=list)
    loose: list[Path] = field(default_factory=list)
    folders: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Layout:
    """How a dataset lies on disk.

    Attributes:
        root: The folder of the dataset.
        kind: One file a pair, two files a pair, or photographs.
        sides: The names of the folders of A and B; None where there is one folder.
        splits: The files of each split, by `train`, `val`, `test`; or of all by "" without splits.
        notes: Sentences about what lies there and is not read.
    """

    root: Path
    kind: LayoutKind
    sides: tuple[str, str] | None
    splits: Mapping[str, SplitFiles]
    notes: list[str]

    def pairs(self, split: str) -> list[PairFiles]:
        """The pairs of a split.

        Args:
            split: A key of `splits`.

        Raises:
            UserError: The split has problems; the first ones are named.
        """
        problems = self.splits[split].problems
        if problems:
            raise UserError("\n".join(shorten_lines(problems)))
        return self.splits[split].pairs

    @property
    def described(self) -> str:
        """How it lies on disk, in words."""
        if self.sides:
            return f"folders {self.sides[0]} (A) and {self.sides[1]} (B)"
        if not any(split.pairs for split in self.splits.values()):
            return "nothing that can be read"
        return "whole photographs" if self.kind == "photographs" else "side-by-side pairs"


def find_layout(
    root: str | Path, setting: LayoutSetting = "auto", load_size: Size = (1, 1)
) -> Layout:
    """Finds out how a dataset lies on disk, and lists it.

    What is wrong within a split is a problem of that split, see `SplitFiles`.

    Args:
        root: The folder of the dataset.
        setting: What to look for: `side_by_side` takes images of any proportions for pairs and
            folders of any name for ordinary ones, `folders` looks for two of them, `photographs`
            takes images whole. `auto` looks for two folders, then for images of twice the width.
        load_size: `data.load_size`, height and width. Images of twice its proportions are
            side-by-side pairs too.

    Raises:
        UserError: There is no such folder, it can be read in two ways, or cannot be listed.

    Example:
        >>> layout = find_layout("sample")
        >>> layout.kind, {split: len(files.pairs) for split, files in layout.splits.items()}
        ('side_by_side', {'train': 4, 'val': 2})
    """
    root = existing_root(Path(root))
    places = find_splits(root, setting)
    _refuse_shared_folders(places)
    kind, sides = _kind(places, setting)
    places = [_alike(place, sides) for place in places]
    listings = iter(list_folders([folder for place in places for folder in place.folders]))
    found = [[next(listings) for _ in place.folders] for place in places]
    proportions = _proportions(kind, setting, load_size)
    splits = {
        place.split: replace(
            _read(place, listed, kind, setting, proportions), folders=place.folders
        )
        for place, listed in zip(places, found, strict=True)
    }
    _refuse_shared_files([listing for listed in found for listing in listed])
    return Layout(root, kind, sides, splits, _notes(root, places, found))


def note_on_written_pairs(folder: Path) -> list[str]:
    """Notes about side-by-side pairs just written that are not recognized as such by themselves."""
    if not _why_not_side_by_side_pairs(folder, "auto"):
        return []
    problem = _why_not_side_by_side_pairs(folder, "side_by_side")
    if problem:
        return [f"before these pairs can be trained on: {problem}"]
    return [
        "by their proportions, or the names of their folders, these are not taken for side-by-side "
        "pairs: train on them with --set data.layout=side_by_side (data check and data split: "
        "--layout side_by_side)"
    ]


def _why_not_side_by_side_pairs(folder: Path, setting: LayoutSetting) -> str:
    try:
        layout = find_layout(folder, setting)
    except UserError as error:
        return str(error)
    if layout.kind != "side_by_side":
        return f"{folder}: they are taken for {layout.described}"
    return next((line for split in layout.splits.values() for line in split.problems), "")


def why_not_trained(layout: Layout) -> str:
    """Why a dataset cannot be trained on, though its files may all be sound; "" where it can."""
    split = next((split for split in ("train", "") if split in layout.splits), None)
    if split is not None:
        files = layout.splits[split]
        if "val" in layout.splits or files.problems or len(files.pairs) > 1:
            return ""
        return (
            f"{layout.root}: only 1 pair found ({files.pairs[0].name}); training needs at least "
            "two, one of them to validate on"
        )
    there = " and ".join(f"{split}/" for split in layout.splits)
    return (
        f"{layout.root}: has {there} but no train/; put the training pairs into "
        f"{layout.root / 'train'}"
    )


def _refuse_shared_folders(places: Sequence[SplitFolders]) -> None:
    """The same folder for two splits, or for both sides, by a link."""
    seen: dict[Path, Path] = {}
    for folder in (folder for place in places for folder in place.folders):
        other = seen.setdefault(folder.resolve(), folder)
        if other != folder:
            raise UserError(f"{other} and {folder} are the same folder, by a link: remove one.")


def _refuse_shared_files(listings: Sequence[Listing]) -> None:
    """The same file in two splits, or on both sides, by a link."""
    if not any(listing.links for listing in listings):
        return
    seen: dict[Path, tuple[Listing, Path]] = {}
    for listing in listings:
        for path in listing.images:
            first, other = seen.setdefault(path.resolve(), (listing, path))
            if first is not listing:
                raise UserError(f"{other} and {path} are the same file, by a link: remove one.")


def _kind(
    places: Sequence[SplitFolders], setting: LayoutSetting
) -> tuple[LayoutKind, tuple[str, str] | None]:
    """The layout of the first split that can be read."""
    if setting == "photographs":
        return "photographs", None
    sides = next((place.sides for place in places if not place.problem), None)
    return ("folders" if sides else "side_by_side"), sides


def _alike(place: SplitFolders, sides: tuple[str, str] | None) -> SplitFolders:
    """The folders of a split, with a problem where they differ from the layout of the first."""
    if place.problem or _folded(place.sides) == _folded(sides):
        return place
    ways = [
        f"the folders {' and '.join(each)}" if each else "images" for each in (place.sides, sides)
    ]
    return replace(
        place,
        problem=f"{names(place.folders)} in {place.folders[0].parent}: holds {ways[0]}, where "
        f"another split has {ways[1]}: expected the same in all of them.",
    )


def _folded(sides: tuple[str, str] | None) -> list[str]:
    return [read_name(side).side for side in sides or ()]


def _proportions(kind: LayoutKind, setting: LayoutSetting, load_size: Size) -> tuple[Size, ...]:
    if kind != "side_by_side" or setting == "side_by_side":
        return ()
    height, width = load_size
    return TWICE_THE_WIDTH if height == width else (*TWICE_THE_WIDTH, (height, 2 * width))


def _read(
    place: SplitFolders,
    listings: Sequence[Listing],
    kind: LayoutKind,
    setting: LayoutSetting,
    proportions: tuple[Size, ...],
) -> SplitFiles:
    """The pairs of one split."""
    images = [path for listing in listings for path in listing.images]
    if place.problem:
        return SplitFiles([], [place.problem], images)
    if not images:
        return SplitFiles([], [no_images(listings)])
    problem = next(filter(None, map(why_not_pooled, listings)), "")
    if not problem and kind == "side_by_side" and setting == "auto":
        problem = why_not_side_by_side(listings[0], proportions)
    if problem:
        return SplitFiles([], [problem], images)
    if len(listings) == 2:
        matched = match_listings(listings[0], listings[1])
        return SplitFiles(matched.pairs, matched.problems(), matched.loose)
    named, doubles = by_name(listings[0])
    is_photo = kind == "photographs"
    return SplitFiles(
        [PairFiles(name, path, None, proportions, is_photo) for name, path in named.items()],
        [same_name(path, other) for path, other in doubles],
        [path for path, _ in doubles],
    )


def _notes(
    root: Path, places: Sequence[SplitFolders], found: Sequence[Sequence[Listing]]
) -> list[str]:
    """Sentences about what lies in the dataset and is not read."""
    used = {folder for place in places for folder in place.folders}
    above = {parent for folder in used for parent in folder.parents}
    levels = sorted(level for level in above if level == root or level.is_relative_to(root))
    listings, folders, images = [], [], 0
    for level in levels:
        entries = list_entries(level)
        folders += [path for path in entries.folders if path not in used | above]
        images += len(entries.images)
        listings.append(Listing(level, others=entries.others, system=entries.system))
    left_out = []
    if folders:
        shown = shorten_list([path.relative_to(root).as_posix() for path in folders])
        left_out.append(f"{pluralize(len(folders), 'folder')} ({shown})")
    if images:
        left_out.append(f"{pluralize(images, 'image')} beside the folders that are read")
    notes = [f"left out: {' and '.join(left_out)}"] if left_out else []
    return notes + listing_notes([*listings, *(one for listed in found for one in listed)])
