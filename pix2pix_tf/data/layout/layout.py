"""Detection of the layout of a dataset on disk, shared by all commands.

A root folder holds its pairs in exactly one of these layouts:

    SPLIT/*.png                     side by side: A is the left half of each file, B the right half
    SPLIT/A/*.png + SPLIT/B/*.png   two folders, within each split
    A/SPLIT/*.png + B/SPLIT/*.png   two folders, each with its splits
    SPLIT_A/*.png + SPLIT_B/*.png   two folders for each split (trainA + trainB)
    *.png                           side by side, without splits
    A/*.png + B/*.png               two folders, without splits

*.png stands for any image at any depth (`images.listing`). SPLIT is train or training;
val, valid, validation or dev; test or testing. A and B are the sides, two folders by any of the
names of `pix2pix_tf.images.folder_names`. Files whose paths are equal but for the suffix form a
pair: A/1.jpg goes with B/1.png. Images are taken for side-by-side pairs only if there are no such
folders and if their width is twice their height (or they have the proportions of two images of
`data.load_size` beside each other).

Whole photographs, from which inputs are derived, are any images with or without splits.

The root may also be a table of pairs, see `data.layout.table`.
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
from pix2pix_tf.data.layout.table import is_table, read_pair_table
from pix2pix_tf.images.folder_names import read_name
from pix2pix_tf.images.listing import Listing, list_entries, list_folders, listing_notes
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import pluralize, shorten_lines, shorten_list

# Kinds of layout, which a run records: one file per pair, two files per pair, photographs that
# inputs are derived from, or the embedded city.
LayoutKind = Literal["side_by_side", "folders", "photographs", "city"]


@dataclass(frozen=True)
class SplitFiles:
    """The files of one split.

    Attributes:
        pairs: The pairs, in natural order of their names.
        problems: One sentence for each reason why the split cannot be used.
        loose: The images that belong to no pair.
        folders: The folder of the split, or those of A and B.
    """

    pairs: list[PairFiles]
    problems: list[str] = field(default_factory=list)
    loose: list[Path] = field(default_factory=list)
    folders: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Layout:
    """The layout of a dataset on disk, and its files.

    Attributes:
        root: The folder of the dataset, or the table of its pairs.
        kind: One file per pair, two files per pair, or photographs.
        sides: The names of the folders of A and B, or of the columns of a table; None for one
            folder.
        is_table: Whether a table lists the pairs.
        splits: The files of each split under `train`, `val` and `test`; without splits, all files
            under "".
        notes: Sentences about files and folders that are not read.
    """

    root: Path
    kind: LayoutKind
    sides: tuple[str, str] | None
    splits: Mapping[str, SplitFiles]
    notes: list[str]
    is_table: bool = False

    def pairs(self, split: str) -> list[PairFiles]:
        """Returns the pairs of a split.

        Args:
            split: A key of `splits`.

        Returns:
            The pairs, in natural order of their names.

        Raises:
            UserError: The split has problems; the message names the first ones.
        """
        problems = self.splits[split].problems
        if problems:
            raise UserError("\n".join(shorten_lines(problems)))
        return self.splits[split].pairs

    @property
    def described(self) -> str:
        """The layout in words, for messages."""
        if self.is_table and self.sides:
            return f"table of pairs, {self.sides[0]} (A) and {self.sides[1]} (B)"
        if self.sides:
            return f"folders {self.sides[0]} (A) and {self.sides[1]} (B)"
        if not any(split.pairs for split in self.splits.values()):
            return "nothing that can be read"
        return "whole photographs" if self.kind == "photographs" else "side-by-side pairs"


def find_layout(
    root: str | Path, setting: LayoutSetting = "auto", load_size: Size = (1, 1)
) -> Layout:
    """Detects the layout of a dataset and lists its files.

    Errors within a split do not raise; they are listed in `SplitFiles.problems`.

    Args:
        root: The folder of the dataset, or a table of its pairs.
        setting: What to look for: `side_by_side` takes images of any proportions for pairs and
            gives folder names no meaning as sides, `folders` looks for the folders of A and B,
            `photographs` takes images whole. `auto` looks for the folders of A and B first, then
            for images that are twice as wide as high.
        load_size: `data.load_size`, height and width in pixels. Images with the proportions of two
            images of this size beside each other are side-by-side pairs too.

    Returns:
        The layout, with the files of each split.

    Raises:
        UserError: The folder does not exist, matches two layouts, or cannot be listed.

    Example:
        >>> layout = find_layout("sample")
        >>> layout.kind, {split: len(files.pairs) for split, files in layout.splits.items()}
        ('side_by_side', {'train': 4, 'val': 2})
    """
    root = Path(root)
    if is_table(root):
        return _layout_of_table(root, setting)
    root = existing_root(root)
    found = find_splits(root, setting)
    _refuse_shared_folders(found)
    kind, sides = _kind(found, setting)
    found = [_with_same_layout(split, sides) for split in found]
    all_listings = iter(list_folders([folder for split in found for folder in split.folders]))
    listings = [[next(all_listings) for _ in split.folders] for split in found]
    proportions = _proportions(kind, setting, load_size)
    splits = {
        split.split: replace(
            _read_split(split, listed, kind, setting, proportions), folders=split.folders
        )
        for split, listed in zip(found, listings, strict=True)
    }
    _refuse_shared_files([listing for listed in listings for listing in listed])
    return Layout(root, kind, sides, splits, _notes(root, found, listings))


def _layout_of_table(file: Path, setting: LayoutSetting) -> Layout:
    if setting in ("side_by_side", "photographs"):
        kind = "side-by-side pairs" if setting == "side_by_side" else "whole photographs"
        raise UserError(
            f"{file}: a table lists the two files of each pair, and {kind} are asked for: give "
            "their folder instead"
        )
    table = read_pair_table(file)
    splits = {name: SplitFiles(split.pairs, split.problems) for name, split in table.splits.items()}
    return Layout(file, "folders", table.sides, splits, table.notes, is_table=True)


def note_on_written_pairs(folder: Path) -> list[str]:
    """Returns notes on newly written side-by-side pairs that `auto` does not recognize as such.

    Args:
        folder: The folder that the pairs were written to.
    """
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
    """Explains why the splits of a dataset do not suffice for training; "" if they do."""
    split = next((split for split in ("train", "") if split in layout.splits), None)
    if split is not None:
        files = layout.splits[split]
        if "val" in layout.splits or files.problems or len(files.pairs) > 1:
            return ""
        return (
            f"{layout.root}: only 1 pair found ({files.pairs[0].name}); training needs at least "
            "two, one of them to validate on"
        )
    if layout.is_table:
        present = " and ".join(layout.splits)
        return f"{layout.root}: its rows are of {present}, and none is of the split train"
    present = " and ".join(f"{split}/" for split in layout.splits)
    return (
        f"{layout.root}: has {present} but no train/; put the training pairs into "
        f"{layout.root / 'train'}"
    )


def _refuse_shared_folders(splits: Sequence[SplitFolders]) -> None:
    """Raises an error if links give two splits, or both sides, the same folder."""
    by_target: dict[Path, Path] = {}
    for folder in (folder for split in splits for folder in split.folders):
        other = by_target.setdefault(folder.resolve(), folder)
        if other != folder:
            raise UserError(f"{other} and {folder} are the same folder, by a link: remove one.")


def _refuse_shared_files(listings: Sequence[Listing]) -> None:
    """Raises an error if links put the same file into two splits, or on both sides."""
    if not any(listing.links for listing in listings):
        return
    by_target: dict[Path, tuple[Listing, Path]] = {}
    for listing in listings:
        for path in listing.images:
            first, other = by_target.setdefault(path.resolve(), (listing, path))
            if first is not listing:
                raise UserError(f"{other} and {path} are the same file, by a link: remove one.")


def _kind(
    splits: Sequence[SplitFolders], setting: LayoutSetting
) -> tuple[LayoutKind, tuple[str, str] | None]:
    """Returns the layout, and the names of its sides, of the first split without a problem."""
    if setting == "photographs":
        return "photographs", None
    sides = next((split.sides for split in splits if not split.problem), None)
    return ("folders" if sides else "side_by_side"), sides


def _with_same_layout(split: SplitFolders, sides: tuple[str, str] | None) -> SplitFolders:
    """Adds a problem to a split whose layout differs from that of the first split."""
    if split.problem or _side_names(split.sides) == _side_names(sides):
        return split
    ways = [
        f"the folders {' and '.join(each)}" if each else "images" for each in (split.sides, sides)
    ]
    return replace(
        split,
        problem=f"{names(split.folders)} in {split.folders[0].parent}: holds {ways[0]}, where "
        f"another split has {ways[1]}: expected the same in all of them.",
    )


def _side_names(sides: tuple[str, str] | None) -> list[str]:
    return [read_name(side).side for side in sides or ()]


def _proportions(kind: LayoutKind, setting: LayoutSetting, load_size: Size) -> tuple[Size, ...]:
    if kind != "side_by_side" or setting == "side_by_side":
        return ()
    height, width = load_size
    return TWICE_THE_WIDTH if height == width else (*TWICE_THE_WIDTH, (height, 2 * width))


def _read_split(
    split: SplitFolders,
    listings: Sequence[Listing],
    kind: LayoutKind,
    setting: LayoutSetting,
    proportions: tuple[Size, ...],
) -> SplitFiles:
    """Returns the pairs of one split, or what keeps it from being used."""
    images = [path for listing in listings for path in listing.images]
    if split.problem:
        return SplitFiles([], [split.problem], images)
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
    root: Path, splits: Sequence[SplitFolders], split_listings: Sequence[Sequence[Listing]]
) -> list[str]:
    """Returns sentences about files and folders of the dataset that are not read."""
    used = {folder for split in splits for folder in split.folders}
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
    return notes + listing_notes([*listings, *(one for listed in split_listings for one in listed)])
