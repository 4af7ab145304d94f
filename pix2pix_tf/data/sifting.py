"""Before a training: every picture opened, bad pairs refused by name or left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf.config import DataConfig
from pix2pix_tf.data.files import PairFiles
from pix2pix_tf.data.judging import Judged, Picture, judge, open_picture
from pix2pix_tf.data.kinds import Kinds, kinds_of
from pix2pix_tf.data.known import KnownFiles
from pix2pix_tf.data.parallel import in_parallel
from pix2pix_tf.errors import UserError

NAMED_AT_MOST = 10


@dataclass(frozen=True)
class Skipped:
    """A pair left out: its split, its name, and why, a sentence with its path for each reason."""

    split: str
    name: str
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Sifted:
    """What is left of the splits.

    Attributes:
        splits: Sound pairs of each, in their order.
        deep: Whether any picture of a split's sound pairs has 16 bits.
        skipped: The others.
        kinds: Size and type of each file of the sound pairs.
    """

    splits: dict[str, list[PairFiles]]
    deep: dict[str, bool]
    skipped: list[Skipped]
    kinds: Kinds


def sift(
    splits: dict[str, list[PairFiles]],
    data: DataConfig,
    root: Path,
    advance: Callable[[int], None] = lambda total: None,
) -> Sifted:
    """Opens every picture, in parallel, but those that were sound before and have not changed.

    Args:
        splits: Pairs of each split.
        data: Says which files hold pairs, and whether bad ones stop or are left out.
        root: The dataset.
        advance: Called after each pair that is opened with the number of all of them.

    Raises:
        UserError: A bad picture and `data.on_bad_image: stop`; or nothing is left of a split.
    """
    known = KnownFiles(root)
    every = [pair for pairs in splits.values() for pair in pairs]
    judged = _judged(every, data, known, advance)
    known.save()
    bad = [
        Skipped(split, pair.name, tuple(judged[pair].problems))
        for split, pairs in splits.items()
        for pair in pairs
        if judged[pair].problems
    ]
    if bad and data.on_bad_image == "stop":
        raise UserError(_all_that_is_bad(bad, len(every), root))
    left = {
        split: [pair for pair in pairs if not judged[pair].problems]
        for split, pairs in splits.items()
    }
    for split, pairs in left.items():
        if not pairs:
            count = sum(one.split == split for one in bad)
            raise UserError(
                f"{root}: all {count} pairs of {split} are bad, and data.on_bad_image=skip leaves "
                f"none; the first: {bad[[one.split for one in bad].index(split)].problems[0]}"
            )
    deep = {
        split: any(
            picture.bits == 16 for pair in pairs for picture in judged[pair].pictures.values()
        )
        for split, pairs in left.items()
    }
    kinds: Kinds = {}
    for split, pairs in left.items():
        for pair in pairs:
            item = _item(pair, data)
            kinds |= kinds_of(split, item, judged[pair].pictures, data.from_photographs)
    return Sifted(left, deep, bad, kinds)


def some_skipped(skipped: Sequence[Skipped]) -> list[str]:
    """Sentences about the first of them and how many more there are, to be read by people."""
    lines = [problem for one in skipped[:NAMED_AT_MOST] for problem in one.problems]
    more = len(skipped) - NAMED_AT_MOST
    return [*lines, f"and {more} more"] if more > 0 else lines


def _judged(
    pairs: Sequence[PairFiles],
    data: DataConfig,
    known: KnownFiles,
    advance: Callable[[int], None],
) -> dict[PairFiles, Judged]:
    def recall(path: Path) -> Picture:
        picture = known.get(path)
        if picture is None:
            raise UserError("not known")
        return picture

    def look(path: Path) -> Picture:
        picture = known.get(path)
        if picture is None:
            stamp = known.stamp(path)
            picture = open_picture(path)
            known.add(path, stamp, picture)
        return picture

    judged = {pair: judge(_item(pair, data), recall) for pair in pairs}
    unsure = [pair for pair, found in judged.items() if found.problems]
    opened = in_parallel(lambda pair: judge(_item(pair, data), look), unsure, advance)
    return {**judged, **dict(zip(unsure, opened, strict=True))}


def _item(pair: PairFiles, data: DataConfig) -> PairFiles | Path:
    """What is opened of a pair: its one file alone where it is a photograph."""
    return pair.a if data.from_photographs else pair


def _all_that_is_bad(bad: Sequence[Skipped], count: int, root: Path) -> str:
    lines = "\n".join(f"  {line}" for line in some_skipped(bad))
    return (
        f"{root}: {len(bad)} of {count} pairs cannot be used:\n{lines}\n"
        "Mend or remove them (`pix2pix-tf data check` names all), or train without them: "
        "--set data.on_bad_image=skip"
    )
