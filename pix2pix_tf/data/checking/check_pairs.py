"""Check of all pairs before training: bad pairs raise an error or are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pix2pix_tf.data.checking.cache import InspectionCache
from pix2pix_tf.data.checking.inspection import ImageInfo, Inspection, inspect_pair, open_image
from pix2pix_tf.data.checking.kinds import Kinds, kinds_of
from pix2pix_tf.data.checking.nodata import georeference_notes, nodata_notes
from pix2pix_tf.data.checking.outside import (
    OutsideCounts,
    PairInfos,
    SideRange,
    range_warnings,
)
from pix2pix_tf.data.checking.rescaled import rescaling_notes
from pix2pix_tf.data.checking.values import FileInfo, value_warnings
from pix2pix_tf.data.layout.pair_files import PairFiles, SideTypes, split_sides
from pix2pix_tf.data.layout.pair_spec import PairSpec
from pix2pix_tf.data.native_scale import NativeScale
from pix2pix_tf.images.headers import ImageHeader
from pix2pix_tf.images.image_file import Reading
from pix2pix_tf.images.io import other_bands, refuse_other_channels
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.parallel import parallel_map
from pix2pix_tf.utils.text import NAMED_AT_MOST, pluralize


@dataclass(frozen=True)
class SkippedPair:
    """A pair that was left out.

    Attributes:
        split: The split it belongs to.
        name: The name of the pair.
        problems: One sentence, with the path, for each reason.
    """

    split: str
    name: str
    problems: tuple[str, ...]


@dataclass(frozen=True)
class CheckedPairs:
    """The result of `check_pairs`: the pairs that can be used, and what is known about them.

    Attributes:
        splits: The sound pairs of each split, in their order.
        dtypes: For each split, the data types of the images of each side (`A`, `B` or `photo`).
        skipped: The pairs that were left out.
        kinds: Size and type of each file of the sound pairs.
        warnings: Sentences about values that look unintended, are clipped, or stand for no data,
            and about georeference.
    """

    splits: dict[str, list[PairFiles]]
    dtypes: dict[str, SideTypes]
    skipped: list[SkippedPair]
    kinds: Kinds
    warnings: list[str] = field(default_factory=list)


def check_pairs(
    splits: Mapping[str, Sequence[PairFiles]],
    spec: PairSpec,
    root: Path,
    *,
    skip_bad: bool,
    flat_fraction: float | None = None,
    ranges: Sequence[SideRange] = (),
    scale: NativeScale | None = None,
    advance: Callable[[int], None] = lambda total: None,
) -> CheckedPairs:
    """Opens all images in parallel, except those that were sound before and have not changed.

    Args:
        splits: The pairs of each split.
        spec: The input and the target, with the number of channels that they are read with.
        root: The folder of the dataset.
        skip_bad: Whether bad pairs are left out; if not, they raise an error.
        flat_fraction: The fraction of images, in 0..1, above which those of a single colour are
            not named, see `value_warnings`.
        ranges: The ranges that the config gives; values outside are counted.
        scale: The scale that pairs are taken at; None if they are resized to one size.
        advance: Called after each pair that is opened, with the number of pairs to open.

    Returns:
        The pairs that can be used, the pairs that were left out, and warnings.

    Raises:
        UserError: A pair is bad and `skip_bad` is False, no pair of a split can be used, or no
            value lies in a range.
    """
    pairs_of_all = [pair for each in splits.values() for pair in each]
    inspections = _inspect_all(pairs_of_all, spec, root, advance)
    for split, pairs in splits.items():
        for pair in pairs:
            inspection = inspections[pair]
            inspection.problems.extend(refused_channels(pair, inspection.images, spec))
            if not inspection.problems:
                inspection.problems.extend(refused_sizes(split, pair, inspection.images, scale))
    bad = [
        SkippedPair(split, pair.name, tuple(inspections[pair].problems))
        for split, pairs in splits.items()
        for pair in pairs
        if inspections[pair].problems
    ]
    if bad and not skip_bad:
        raise UserError(all_that_is_bad(bad, len(inspections), root))
    sound = {
        split: [pair for pair in pairs if not inspections[pair].problems]
        for split, pairs in splits.items()
    }
    refuse_empty(sound, bad, root)
    kinds: Kinds = {}
    for split, pairs in sound.items():
        for pair in pairs:
            kinds |= kinds_of(split, pair, inspections[pair].images)
    images_of_pairs = [(pair, inspections[pair].images) for each in sound.values() for pair in each]
    cache = InspectionCache(root)
    warnings = content_warnings(images_of_pairs, spec, flat_fraction, ranges, cache=cache)
    cache.close()
    return CheckedPairs(
        sound,
        {split: _types(inspections[pair] for pair in pairs) for split, pairs in sound.items()},
        bad,
        kinds,
        warnings,
    )


def content_warnings(
    pairs: PairInfos,
    spec: PairSpec,
    flat_fraction: float | None,
    ranges: Sequence[SideRange],
    counts: Sequence[Iterable[OutsideCounts | None]] | None = None,
    cache: InspectionCache | None = None,
) -> list[str]:
    """Returns sentences about the contents of all pairs that look unintended, or are clipped.

    Args:
        pairs: The files of each pair, and what they hold by the keys of `PairFiles.sides`.
        spec: The input and the target.
        flat_fraction: See `value_warnings`.
        ranges: The ranges that the config gives.
        counts: For each range, the results of `count_pair` for each pair; None if they are to be
            counted.
        cache: Where counts are looked up and added to.

    Raises:
        UserError: No value lies in a range.
    """
    files = (
        FileInfo(pair.sides[side], side, info)
        for pair, images in pairs
        for side, info in images.items()
    )
    ranged = [one.side for one in ranges]
    warnings = value_warnings(files, spec.channels_of, flat_fraction, ranged)
    warnings += [*nodata_notes(pairs), *georeference_notes(pairs)]
    warnings += rescaling_notes(pair for pair, _ in pairs)
    for number, one in enumerate(ranges):
        warnings += range_warnings(pairs, one, None if counts is None else counts[number], cache)
    return warnings


def summarize_skipped(skipped: Sequence[SkippedPair]) -> list[str]:
    """Returns the reasons for the first pairs that were left out, and the number of the others.

    Args:
        skipped: The pairs that were left out.

    Returns:
        One sentence per reason.
    """
    lines = [problem for one in skipped[:NAMED_AT_MOST] for problem in one.problems]
    more = len(skipped) - NAMED_AT_MOST
    return [*lines, f"and {more} more"] if more > 0 else lines


def _inspect_all(
    pairs: Sequence[PairFiles], spec: PairSpec, root: Path, advance: Callable[[int], None]
) -> dict[PairFiles, Inspection]:
    """Inspects pairs, opening only files that are not in the cache."""
    cache = InspectionCache(root)

    def cached(path: Path, reading: Reading) -> ImageInfo:
        image = cache.get(path, reading)
        if image is None:
            raise UserError("not in the cache")
        return image

    inspections = {pair: inspect_pair(pair, spec.reading_of, cached) for pair in pairs}
    unknown = [pair for pair, inspection in inspections.items() if inspection.problems]
    found = parallel_map(lambda pair: inspect_cached(pair, spec, cache), unknown, advance)
    cache.close()
    return inspections | dict(zip(unknown, found, strict=True))


def inspect_cached(pair: PairFiles, spec: PairSpec, cache: InspectionCache) -> Inspection:
    """Inspects a pair, opening only files that are not in the cache; `cache.save` is not called.

    Args:
        pair: The files of the pair.
        spec: The input and the target, with the number of channels that they are read with.
        cache: What is known of files.
    """

    def opened(path: Path, reading: Reading) -> ImageInfo:
        image = cache.get(path, reading)
        if image is None:
            stamp = cache.stamp(path)
            image = open_image(path, reading)
            cache.add(path, stamp, image, reading)
        return image

    return inspect_pair(pair, spec.reading_of, opened)


def _types(inspections: Iterable[Inspection]) -> SideTypes:
    """Returns the data types of each side."""
    found: dict[str, set[np.dtype]] = {}
    for inspection in inspections:
        for side, image in split_sides(inspection.images).items():
            found.setdefault(side, set()).add(image.dtype)
    return found


def refused_channels(
    pair: PairFiles, images: Mapping[str, ImageInfo | ImageHeader], spec: PairSpec
) -> list[str]:
    """Returns sentences about files whose channels are not those that the config asks for.

    Args:
        pair: The files of a pair.
        images: What they hold, or what their headers say, by the keys of `PairFiles.sides`.
        spec: The input and the target, with the number of channels that they are read with.
    """
    problems = []
    for key, image in images.items():
        path, found, wanted = pair.sides[key], image.channels, spec.reading_of(key).channels
        if image.colour_mode == "bands" and found != wanted:
            problems.append(other_bands(path, found, wanted))
            continue
        try:
            for side in key.split("|"):
                refuse_other_channels(path, found, spec.channels_of(side))
        except UserError as error:
            problems.append(str(error))
    return problems


def refused_sizes(
    split: str,
    pair: PairFiles,
    images: Mapping[str, ImageInfo | ImageHeader],
    scale: NativeScale | None,
) -> list[str]:
    """Returns sentences about a pair of a size that cannot be used at the scale of a config.

    Args:
        split: The split of the pair.
        pair: The files of the pair, which fit together.
        images: What they hold, or what their headers say, by the keys of `PairFiles.sides`.
        scale: The scale that pairs are taken at; None if they are resized to one size.
    """
    if scale is None:
        return []
    sizes = {side: (image.height, image.width) for side, image in images.items()}
    return scale.problems(split, pair, sizes)


def refuse_empty(
    sound: Mapping[str, Sequence[PairFiles]], bad: Sequence[SkippedPair], root: Path
) -> None:
    """Raises an error if no pair of a split can be used."""
    for split, pairs in sound.items():
        if not pairs:
            of_split = [one for one in bad if one.split == split]
            all_bad = "the only pair" if len(of_split) == 1 else f"all {len(of_split)} pairs"
            verb = "is" if len(of_split) == 1 else "are"
            raise UserError(
                f"{root}: {all_bad} of {split} {verb} bad, and data.on_bad_image=skip leaves "
                f"none; the first: {of_split[0].problems[0]}"
            )


def all_that_is_bad(bad: Sequence[SkippedPair], count: int, root: Path) -> str:
    """Error message for a dataset with bad pairs that are not to be skipped.

    Args:
        bad: The bad pairs.
        count: The number of pairs that were looked at.
        root: The folder of the dataset.
    """
    lines = "\n".join(f"  {line}" for line in summarize_skipped(bad))
    return (
        f"{root}: {len(bad)} of {pluralize(count, 'pair')} cannot be used:\n{lines}\n"
        "Mend or remove them (`pix2pix-tf data check` names all), or train without them: "
        "--set data.on_bad_image=skip"
    )
