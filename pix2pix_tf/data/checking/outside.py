"""Values of images outside `data.input_range` and `data.target_range`, which are clipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.config.schema import DataConfig, format_range
from pix2pix_tf.data.checking.cache import InspectionCache
from pix2pix_tf.data.checking.inspection import ImageInfo, ranges_of_side
from pix2pix_tf.data.layout.pair_files import PairFiles, read_side, split_sides
from pix2pix_tf.data.layout.pair_spec import PairSpec
from pix2pix_tf.images.value_range import ValueRange, given_range
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.parallel import parallel_map
from pix2pix_tf.utils.text import pluralize, shorten_list

_NAMED_AT_MOST = 5
PairInfos = Sequence[tuple[PairFiles, Mapping[str, ImageInfo]]]


@dataclass(frozen=True)
class SideRange:
    """The range that a config gives for the values of one side.

    Attributes:
        side: `A` or `B`.
        spec: The input and the target, with the number of channels that they are read with.
        setting: Key and value of the config, such as `data.input_range=[0, 4095]`.
        values: The range.
    """

    side: str
    spec: PairSpec
    setting: str
    values: ValueRange

    @property
    def channels(self) -> int:
        """The number of channels that the side is read with."""
        return self.spec.channels_of(self.side)

    def key(self, files: PairFiles) -> str:
        """Returns what the values of a file outside the range depend on beside the file."""
        side = self.side if files.b is not None else "A|B"
        reading = tuple(self.spec.reading_of(side))
        return repr((self.side, self.channels, reading, self.values.low, self.values.high))


@dataclass(frozen=True)
class OutsideCounts:
    """Values of one image outside a range.

    Attributes:
        path: The file.
        outside: Their number in each channel, int64 [C].
        values: The number of values of a channel, or of each, that do not stand for no data.
    """

    path: Path
    outside: np.ndarray
    values: int | np.ndarray


def given_ranges(data: DataConfig, spec: PairSpec) -> list[SideRange]:
    """Returns the ranges that a config gives as numbers for the values of the sides.

    Args:
        data: The section `data` of the config.
        spec: The input and the target by that config.
    """
    found = []
    for role, side in (("input", spec.input), ("target", spec.target)):
        setting = getattr(data, f"{role}_range")
        if side is not None and not isinstance(setting, str):
            text = f"data.{role}_range"
            if not isinstance(setting[0], tuple):  # of many channels it fills several lines
                text += f"={format_range(setting)}"
            found.append(SideRange(side.name, spec, text, given_range(setting)))
    return found


def range_warnings(
    pairs: PairInfos,
    given: SideRange,
    counts: Iterable[OutsideCounts | None] | None = None,
    cache: InspectionCache | None = None,
) -> list[str]:
    """Returns sentences about files whose values the range of their side may not be meant for.

    Args:
        pairs: The files of each pair, and what they hold by the keys of `PairFiles.sides`.
        given: The side and its range.
        counts: The results of `count_pair` for each pair; None if they are to be counted.
        cache: Where counts are looked up and added to.

    Raises:
        UserError: No value of a channel lies in the range.
    """
    if counts is None:
        counts = parallel_map(lambda pair: count_pair(*pair, given, cache), pairs)
    return list(filter(None, [_mixed_types(pairs, given), _outside(len(pairs), given, counts)]))


def _mixed_types(pairs: PairInfos, given: SideRange) -> str | None:
    """Returns a sentence about files of several types, whose numbers one range is for."""
    types = Counter(str(split_sides(infos)[given.side].dtype) for _, infos in pairs)
    if len(types) < 2:
        return None
    names = ", ".join(f"{name} ({count})" for name, count in types.most_common())
    return (
        f"{given.setting}: images of {given.side} are of several types, {names}, and the values of "
        "all are taken as they are: where some were scaled to 8 bits, say, convert them first"
    )


def count_pair(
    files: PairFiles,
    infos: Mapping[str, ImageInfo],
    given: SideRange,
    cache: InspectionCache | None = None,
) -> OutsideCounts | None:
    """Counts the values of one side of a pair that lie outside its range.

    The file is only read if it can have such values, by its smallest and largest, and if they were
    not counted before.

    Args:
        files: The files of the pair.
        infos: What they hold, by the keys of `PairFiles.sides`.
        given: The side and its range.
        cache: Where counts are looked up and added to.

    Returns:
        The counts; None if there are no such values.

    Raises:
        UserError: The file cannot be read.
    """
    if _lies_inside(infos, given):
        return None
    path, key = files.a if files.b is None else files.sides[given.side], given.key(files)
    stamp = None if cache is None else cache.stamp(path)
    known = None if cache is None else cache.counts(path, key)
    if known is not None:
        return OutsideCounts(path, np.array(known[0]), np.array(known[1]))
    _, image, missing = read_side(files, given.side, given.spec)
    absent = 0 if missing is None else np.count_nonzero(missing, axis=(0, 1))
    outside, values = given.values.count_outside(image), image[..., 0].size - absent
    if cache is not None:
        cache.add_counts(path, stamp, key, outside.tolist(), np.asarray(values).tolist())
    return OutsideCounts(path, outside, values)


def _outside(total: int, given: SideRange, counts: Iterable[OutsideCounts | None]) -> str | None:
    """Returns a sentence with the number of values outside and the first files, if there are any.

    Args:
        total: The number of pairs.
        given: The side and its range.
        counts: The results of `count_pair`.

    Raises:
        UserError: No value of a channel lies in the range.
    """
    found = [one for one in counts if one is not None and one.outside.any()]
    found.sort(key=lambda one: str(one.path))
    if not found:
        return None
    if len(found) == total:
        _refuse_empty_channels(found, given)
    number = sum(int(each.outside.sum()) for each in found)
    names = [f"{each.path} ({each.outside.sum():,})" for each in found]
    lie, are = ("lies", "is") if number == 1 else ("lie", "are")
    return (
        f"{given.setting}: {number:,} {'value' if number == 1 else 'values'} of {given.side} {lie} "
        f"outside and {are} clipped, in {len(found)} of {pluralize(total, 'image')}: "
        f"{shorten_list(names, _NAMED_AT_MOST)}"
    )


def _lies_inside(infos: Mapping[str, ImageInfo], given: SideRange) -> bool:
    """Whether all values of a side are known to lie in its range without reading the file."""
    limits = ranges_of_side(infos, given.side)
    if len(limits) != given.channels:  # the channels are converted when they are read
        return False
    corners = np.array(limits, np.float64).T[:, np.newaxis, np.newaxis]  # [2, 1, 1, C]
    return not any(given.values.count_outside(corner).any() for corner in corners)


def _refuse_empty_channels(counts: Sequence[OutsideCounts], given: SideRange) -> None:
    """Raises an error if all values of a channel lie outside, of all images of the side."""
    outside = np.sum([each.outside for each in counts], axis=0)
    inside = np.sum([each.values - each.outside for each in counts], axis=0)
    empty = np.flatnonzero((inside == 0) & (outside > 0))
    if not len(empty):
        return
    channel = "" if len(inside) == 1 else f"channel {empty[0] + 1} of "
    raise UserError(
        f"{given.setting}: no value of {channel}{given.side} lies in it "
        f"({pluralize(len(counts), 'image')}, the first is {counts[0].path}); give the smallest "
        "and the largest value that matters, in the numbers of the files"
    )
