"""Every picture of a dataset opened, before a training finds out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pix2pix_tf.data.files import (
    SPLITS,
    PairFiles,
    find_flat,
    find_split,
    list_images,
)
from pix2pix_tf.data.judging import judge
from pix2pix_tf.data.matching import by_name, match, same_name
from pix2pix_tf.data.parallel import in_parallel
from pix2pix_tf.errors import UserError

_CHANNELS = {1: "grey", 2: "grey + alpha", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True, order=True)
class Kind:
    """What pictures can have in common.

    side: `A|B` for a side-by-side file, else `A` or `B`, or `?` where the layout is broken.
    """

    split: str
    side: str
    height: int
    width: int
    bits: int
    channels: int

    @property
    def type(self) -> str:
        """For instance `8 bit RGB`."""
        return f"{self.bits} bit {_CHANNELS[self.channels]}"


@dataclass(frozen=True)
class Checked:
    """What `check` found.

    Attributes:
        pairs: Sound pairs of each split; "" is the split of a folder without splits.
        kinds: How many sound files there are of each kind.
        problems: A sentence about everything that is wrong, with its path.
        notes: A sentence about what lies there and is no part of the dataset.
    """

    pairs: dict[str, int]
    kinds: Counter[Kind]
    problems: list[str]
    notes: list[str]


@dataclass
class _Split:
    """One split: what there is to open, and what is wrong before anything is opened."""

    name: str
    pairs: list[PairFiles] = field(default_factory=list)
    loose: list[Path] = field(default_factory=list)  # pictures that belong to no pair
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Opened:
    split: str
    is_pair: bool
    kinds: list[Kind]
    problems: list[str]


def check(folder: str | Path, advance: Callable[[int], None] = lambda total: None) -> Checked:
    """Opens every picture of a dataset fully, in parallel.

    Layouts, splits and what makes a pair are those of `pix2pix_tf.data.files`.

    Args:
        folder: The dataset.
        advance: Called after each pair, or picture without a pair, with the number of all.

    Raises:
        UserError: The folder is not there or has no pictures at all.
    """
    root = Path(folder)
    splits = _splits(root)
    jobs: list[tuple[str, PairFiles | Path]] = []
    for split in splits:
        jobs += [(split.name, pair) for pair in split.pairs]
        jobs += [(split.name, path) for path in split.loose]
    kinds: Counter[Kind] = Counter()
    problems = [problem for split in splits for problem in split.problems]
    pairs = {split.name: 0 for split in splits}
    for opened in in_parallel(_open, jobs, advance):
        kinds.update(opened.kinds)
        problems += opened.problems
        pairs[opened.split] += opened.is_pair and not opened.problems
    return Checked(pairs, kinds, problems, _notes(root, splits))


def _splits(root: Path) -> list[_Split]:
    if not root.is_dir():
        find_flat(root)  # says so, and what is there instead
    found = [split for name in SPLITS if (split := _split(root, name)) is not None]
    if found:
        return found
    flat = _split(root, "")
    assert flat is not None  # there is always one, if only with a problem
    if not flat.pairs and not flat.loose:
        raise UserError(flat.problems[0])
    return [flat]


def _split(root: Path, name: str) -> _Split | None:
    """One split as `find_split` finds it; where that refuses, all there is with all reasons."""
    try:
        pairs = find_split(root, name) if name else find_flat(root)
        return None if pairs is None else _Split(name, pairs)
    except UserError as error:
        reason = str(error)
    couples = [(root / name / "A", root / name / "B")]
    if name:
        couples.append((root / "A" / name, root / "B" / name))
    whole = [couple for couple in couples if all(folder.is_dir() for folder in couple)]
    folders = {folder for couple in couples for folder in couple if folder.is_dir()}
    if (root / name).is_dir():
        folders = {root / name, *(f for f in folders if not f.is_relative_to(root / name))}
    pictures = [path for folder in sorted(folders) for path in list_images(folder)]
    if len(whole) == 1:
        matched = match(*whole[0])
        problems = matched.problems(*whole[0])
        inside = len(matched.pairs) * 2 + len(matched.only_a + matched.only_b + matched.doubles)
        if problems and inside == len(pictures):  # there is no second layout
            loose = matched.only_a + matched.only_b + matched.doubles
            return _Split(name, matched.pairs, loose, problems)
    elif not any(couple[side].is_dir() for couple in couples for side in (0, 1)):
        named, doubles = by_name(root / name) if (root / name).is_dir() else ({}, [])
        if doubles:
            sound = [PairFiles(key, path, None) for key, path in named.items()]
            return _Split(name, sound, doubles, [same_name(path) for path in doubles])
    return _Split(name, [], pictures, [reason])


def _open(job: tuple[str, PairFiles | Path]) -> _Opened:
    split, item = job
    judged = judge(item)
    kinds = [
        Kind(split, side, picture.height, picture.width, picture.bits, picture.channels)
        for side, picture in judged.pictures.items()
    ]
    return _Opened(split, isinstance(item, PairFiles), kinds, judged.problems)


def _notes(root: Path, splits: list[_Split]) -> list[str]:
    """About pictures below the folder that belong to no split."""
    seen = {path for split in splits for path in split.loose}
    for split in splits:
        for pair in split.pairs:
            seen.add(pair.a)
            if pair.b is not None:
                seen.add(pair.b)
    outside: Counter[Path] = Counter()
    for path in list_images(root):
        if path not in seen:
            outside[path.relative_to(root).parent] += 1
    return [
        f"{root / parent} has "
        + ("1 picture that belongs" if count == 1 else f"{count} pictures that belong")
        + " to no split: not opened"
        for parent, count in sorted(outside.items())
    ]
