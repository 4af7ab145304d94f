"""Before a training: every image opened, bad pairs refused by name or left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pix2pix_tf.config.schema import DataConfig
from pix2pix_tf.data.checking.cache import InspectionCache
from pix2pix_tf.data.checking.inspection import ImageInfo, Inspection, inspect_pair, open_image
from pix2pix_tf.data.checking.kinds import Kinds, kinds_of
from pix2pix_tf.data.checking.values import value_warnings
from pix2pix_tf.data.layout.pair_files import PairFiles
from pix2pix_tf.images.io import other_bands
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.parallel import parallel_map

NAMED_AT_MOST = 10


@dataclass(frozen=True)
class SkippedPair:
    """A pair left out: its split, its name, and why, a sentence with its path for each reason."""

    split: str
    name: str
    problems: tuple[str, ...]


@dataclass(frozen=True)
class CheckedPairs:
    """What is left of the splits.

    Attributes:
        splits: Sound pairs of each, in their order.
        is_16bit: Whether any image of a split's sound pairs has 16 bits.
        skipped: The others.
        kinds: Size and type of each file of the sound pairs.
        warnings: Sentences about values that look as if they were not meant.
    """

    splits: dict[str, list[PairFiles]]
    is_16bit: dict[str, bool]
    skipped: list[SkippedPair]
    kinds: Kinds
    warnings: list[str] = field(default_factory=list)


def check_pairs(
    splits: dict[str, list[PairFiles]],
    data: DataConfig,
    root: Path,
    advance: Callable[[int], None] = lambda total: None,
    flat_fraction: float | None = None,
) -> CheckedPairs:
    """Opens every image, in parallel, but those that were sound before and have not changed.

    Args:
        splits: Pairs of each split.
        data: Says which files hold pairs, and whether bad ones stop or are left out.
        root: The dataset.
        advance: Called after each pair that is opened with the number of all of them.
        flat_fraction: See `value_warnings`.

    Raises:
        UserError: A bad image and `data.on_bad_image: stop`; or nothing is left of a split.
    """
    cache = InspectionCache(root)
    every = [pair for pairs in splits.values() for pair in pairs]
    inspections = _inspect_all(every, data, cache, advance)
    cache.save()
    bad = [
        SkippedPair(split, pair.name, tuple(inspections[pair].problems))
        for split, pairs in splits.items()
        for pair in pairs
        if inspections[pair].problems
    ]
    if bad and data.on_bad_image == "stop":
        raise UserError(_all_that_is_bad(bad, len(every), root))
    left = {
        split: [pair for pair in pairs if not inspections[pair].problems]
        for split, pairs in splits.items()
    }
    for split, pairs in left.items():
        if not pairs:
            count = sum(one.split == split for one in bad)
            raise UserError(
                f"{root}: all {count} pairs of {split} are bad, and data.on_bad_image=skip leaves "
                f"none; the first: {bad[[one.split for one in bad].index(split)].problems[0]}"
            )
    is_16bit = {
        split: any(
            image.bits == 16 for pair in pairs for image in inspections[pair].images.values()
        )
        for split, pairs in left.items()
    }
    kinds: Kinds = {}
    files: dict[Path, tuple[str, ImageInfo]] = {}
    for split, pairs in left.items():
        for pair in pairs:
            item, images = _item(pair, data), inspections[pair].images
            found = kinds_of(split, item, images, data.from_photographs)
            kinds |= found
            files |= {
                path: (kind.side, image)
                for (path, kind), image in zip(found.items(), images.values(), strict=True)
            }
    warnings = value_warnings(files, _channels(data), flat_fraction)
    return CheckedPairs(left, is_16bit, bad, kinds, warnings)


def _channels(data: DataConfig) -> dict[str, int]:
    """How many channels each side is read with."""
    channels = data.image_channels
    if data.derive != "pair":
        return dict.fromkeys(("A", "B", "photo"), channels[1])
    return dict(zip("AB", channels if data.direction == "AtoB" else channels[::-1], strict=True))


def _refused_bands(pair: PairFiles, images: Mapping[str, ImageInfo], data: DataConfig) -> list[str]:
    """Sentences about files of bands that are no colours and cannot be read with these channels."""
    channels = _channels(data)
    wanted = {**channels, "A|B": channels["A"] if channels["A"] == channels["B"] else None}
    if data.derive != "pair":
        wanted = {}
    return [
        other_bands(pair.sides.get(side, pair.a), image.channels)
        for side, image in images.items()
        if image.colour_mode == "bands" and image.channels != wanted.get(side)
    ]


def summarize_skipped(skipped: Sequence[SkippedPair]) -> list[str]:
    """Sentences about the first of them and how many more there are, to be read by people."""
    lines = [problem for one in skipped[:NAMED_AT_MOST] for problem in one.problems]
    more = len(skipped) - NAMED_AT_MOST
    return [*lines, f"and {more} more"] if more > 0 else lines


def _inspect_all(
    pairs: Sequence[PairFiles],
    data: DataConfig,
    cache: InspectionCache,
    advance: Callable[[int], None],
) -> dict[PairFiles, Inspection]:
    def recall(path: Path) -> ImageInfo:
        image = cache.get(path)
        if image is None:
            raise UserError("not known")
        return image

    def look_up(path: Path) -> ImageInfo:
        image = cache.get(path)
        if image is None:
            stamp = cache.stamp(path)
            image = open_image(path)
            cache.add(path, stamp, image)
        return image

    inspections = {pair: inspect_pair(_item(pair, data), recall) for pair in pairs}
    unsure = [pair for pair, found in inspections.items() if found.problems]
    opened = parallel_map(lambda pair: inspect_pair(_item(pair, data), look_up), unsure, advance)
    inspections |= dict(zip(unsure, opened, strict=True))
    for pair, found in inspections.items():
        found.problems.extend(_refused_bands(pair, found.images, data))
    return inspections


def _item(pair: PairFiles, data: DataConfig) -> PairFiles | Path:
    """What is opened of a pair: its one file alone where it is a photograph."""
    return pair.a if data.from_photographs else pair


def _all_that_is_bad(bad: Sequence[SkippedPair], count: int, root: Path) -> str:
    lines = "\n".join(f"  {line}" for line in summarize_skipped(bad))
    return (
        f"{root}: {len(bad)} of {count} pairs cannot be used:\n{lines}\n"
        "Mend or remove them (`pix2pix-tf data check` names all), or train without them: "
        "--set data.on_bad_image=skip"
    )
