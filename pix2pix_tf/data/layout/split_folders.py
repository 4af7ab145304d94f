"""Detection of the folders of splits and sides of a dataset by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pix2pix_tf.data.layout.errors import ACCEPTED, data_pair, names
from pix2pix_tf.images.folder_names import KNOWN_SIDES, SPLITS, couples, read_name, without_other
from pix2pix_tf.images.listing import Entries, list_entries
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import pluralize

LayoutSetting = Literal["auto", "side_by_side", "folders", "photographs"]


@dataclass(frozen=True)
class SplitFolders:
    """The folders of one split.

    Attributes:
        split: One of `SPLITS`, or "" for a dataset without splits.
        folders: One folder, or the folders of A and B.
        sides: The names of the folders of A and B; None for one folder.
        problem: Why the split cannot be read; "" if it can.
    """

    split: str
    folders: tuple[Path, ...]
    sides: tuple[str, str] | None = None
    problem: str = ""


class Level:
    """A folder, and the folders in it that are named for splits and sides.

    Args:
        folder: The folder.
        sided: Whether folder names that stand for sides are recognized.

    Attributes:
        folder: The folder.
        entries: Its direct content.
        splits: The folders that are named for a split, by split.
        sides: The folders that are named for a side, by the name of the side.
        split_sides: The folders that are named for both (trainA), by split, then by side.
    """

    def __init__(self, folder: Path, sided: bool) -> None:
        self.folder = folder
        self.entries: Entries = list_entries(folder)
        self.splits: dict[str, Path] = {}
        self.sides: dict[str, Path] = {}
        self.split_sides: dict[str, dict[str, Path]] = {}
        for path in self.entries.folders:
            name = read_name(path.name)
            if name.split and name.side and sided:
                _add(self.split_sides.setdefault(name.split, {}), name.side, path)
            elif name.split and not name.side:
                _add(self.splits, name.split, path)
            elif name.side and not name.split and sided:
                _add(self.sides, name.side, path)

    @property
    def all_split_sides(self) -> list[Path]:
        """The folders that are named for both a split and a side, of all splits."""
        return [path for sides in self.split_sides.values() for path in sides.values()]

    def couple(self, sides: Mapping[str, Path]) -> tuple[Path, Path] | None:
        """Returns the folders of A and B among folders that are named for sides.

        Args:
            sides: Folders by the name of their side.

        Returns:
            The folder of A and the folder of B; None if there are none.

        Raises:
            UserError: Several folders could be the two sides, or the folder of one side is missing.
        """
        found = couples(sides)
        if len(found) > 1:
            ways = " and ".join(f"{sides[a].name} + {sides[b].name}" for a, b in found)
            a, b = (sides[side] for side in found[0])
            raise UserError(
                f"{self.folder}: {ways} could each be the two sides of the pairs: remove or rename "
                f"what is not, or combine two of them: {data_pair(a, b)}"
            )
        alone = without_other(sides)
        if alone and not found:
            other = sides[alone].with_name(_counterpart(sides[alone].name))
            raise UserError(_no_counterpart(sides[alone], other))
        return (sides[found[0][0]], sides[found[0][1]]) if found else None


def _add(named: dict[str, Path], name: str, path: Path) -> None:
    other = named.setdefault(name, path)
    if other == path:
        return
    if other.samefile(path):  # a link beside its target
        named[name] = other if path.is_symlink() else path
        return
    raise UserError(
        f"{other} and {path.name} are two folders for the same images, by their names: merge them "
        "or rename one."
    )


def _counterpart(name: str) -> str:
    """Replaces a final A of a name by B and B by A, keeping its case: trainA for trainB."""
    return name[:-1] + {"a": "b", "b": "a", "A": "B", "B": "A"}.get(name[-1], "")


def _no_counterpart(present: Path, missing: Path) -> str:
    return f"{present} is there but its counterpart {missing} is not: A and B go together."


def find_splits(root: Path, setting: LayoutSetting) -> list[SplitFolders]:
    """Finds the folders of each split by their names.

    Args:
        root: The folder of the dataset.
        setting: The layout to look for, see `layout.find_layout`.

    Returns:
        The folders of each split, or those of a dataset without splits.

    Raises:
        UserError: The folder matches two layouts, or does not hold the folders that the setting
            asks for.
    """
    sided = setting in ("auto", "folders")
    level = Level(root, sided)
    if not sided:
        _refuse_split_sides(root)
    couple = level.couple(level.sides)
    coupled_splits = any(couples(sides) for sides in level.split_sides.values())
    _refuse_two_layouts(level, couple, coupled_splits)
    if coupled_splits or (level.split_sides and not level.splits and not couple):
        return _coupled_splits(level)
    if level.splits:
        return [
            _within_split(split, level.splits[split], setting, sided)
            for split in SPLITS
            if split in level.splits
        ]
    if couple:
        return _splits_of_sides(*couple)
    if setting == "folders":
        raise UserError(f"{root}: no two folders of known names ({KNOWN_SIDES}). {ACCEPTED}")
    return [SplitFolders("", (root,))]


def _refuse_split_sides(root: Path) -> None:
    """Raises an error for folders such as trainA where whole images are read.

    Whole images have no sides, so that the images of trainA and testA would be mixed.
    """
    both = Level(root, sided=True).all_split_sides
    if both:
        raise UserError(
            f"{root}: has folders of one split and one side ({names(both)}), where images are to "
            "be taken whole: put those of each split into a folder of its name (train, val, test)."
        )


def _refuse_two_layouts(
    level: Level, couple: tuple[Path, Path] | None, coupled_splits: bool
) -> None:
    present = []
    if level.splits:
        present.append(f"the folders of splits {names(level.splits.values())}")
    if couple:
        present.append(f"the folders {names(couple)}")
        if level.entries.images and not any(Level(each, sided=False).splits for each in couple):
            present.append(f"{pluralize(len(level.entries.images), 'image')} beside them")
    if coupled_splits:
        present.append(f"the folders {names(level.all_split_sides)}")
    if len(present) > 1:
        raise UserError(
            f"{level.folder}: pairs are there in two layouts, {' and '.join(present[:2])}: remove "
            "one of them."
        )


def _coupled_splits(level: Level) -> list[SplitFolders]:
    """Returns the splits in folders such as trainA + trainB."""
    splits = []
    for split in SPLITS:
        sides = level.split_sides.get(split, {})
        if not sides:
            continue
        try:
            couple = level.couple(sides)
        except UserError as error:
            splits.append(SplitFolders(split, tuple(sides.values()), problem=str(error)))
            continue
        if couple is None:
            problem = (
                f"{names(sides.values())} in {level.folder}: named for one side of {split}, but "
                f"the other side is not there; side-by-side pairs lie in {level.folder / split}"
            )
            splits.append(SplitFolders(split, tuple(sides.values()), problem=problem))
        else:
            splits.append(_coupled(split, couple))
    return splits


def _within_split(split: str, folder: Path, setting: LayoutSetting, sided: bool) -> SplitFolders:
    try:
        level = Level(folder, sided)
        couple = level.couple(level.sides)
    except UserError as error:
        return SplitFolders(split, (folder,), problem=str(error))
    problem = ""
    if couple and level.entries.images:
        images = pluralize(len(level.entries.images), "image")
        problem = (
            f"{folder}: pairs are there in two layouts, {images} and the folders {names(couple)} "
            "beside them: remove one of them."
        )
    elif couple:
        return _coupled(split, couple)
    elif setting == "folders":
        problem = f"{folder}: no two folders of known names ({KNOWN_SIDES})."
    return SplitFolders(split, (folder,), problem=problem)


def _splits_of_sides(a: Path, b: Path) -> list[SplitFolders]:
    splits_a, splits_b = Level(a, sided=False).splits, Level(b, sided=False).splits
    if not splits_a and not splits_b:
        return [_coupled("", (a, b))]
    splits = []
    for split in SPLITS:
        in_a, in_b = splits_a.get(split), splits_b.get(split)
        if in_a and in_b:
            splits.append(SplitFolders(split, (in_a, in_b), (a.name, b.name)))
        elif in_a or in_b:
            present, missing = (in_a, b) if in_a else (in_b, a)
            assert present is not None
            problem = _no_counterpart(present, missing / present.name)
            splits.append(SplitFolders(split, (present,), problem=problem))
    return splits


def _coupled(split: str, couple: tuple[Path, Path]) -> SplitFolders:
    return SplitFolders(split, couple, (couple[0].name, couple[1].name))
