"""Check of a whole dataset that opens every image and reports all errors at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf.config.schema import DataConfig
from pix2pix_tf.data.checking.cache import InspectionCache
from pix2pix_tf.data.checking.check_pairs import refused_channels, refused_sizes
from pix2pix_tf.data.checking.inspection import ImageInfo, Inspection, inspect_pair, open_image
from pix2pix_tf.data.checking.kinds import Kind, Kinds, kinds_of, other_sizes
from pix2pix_tf.data.checking.nodata import georeference_notes, nodata_notes
from pix2pix_tf.data.checking.outside import given_ranges, range_warnings
from pix2pix_tf.data.checking.rescaled import rescaling_notes
from pix2pix_tf.data.checking.values import FileInfo, value_warnings
from pix2pix_tf.data.layout.layout import LayoutSetting, find_layout, why_not_trained
from pix2pix_tf.data.layout.pair_files import PairFiles
from pix2pix_tf.data.layout.pair_spec import pair_spec
from pix2pix_tf.data.native_scale import native_scale
from pix2pix_tf.images.image_file import Axes, Reading
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.parallel import parallel_map


@dataclass(frozen=True)
class DatasetReport:
    """The result of `check_dataset`.

    Attributes:
        layout: The layout of the dataset on disk, in words.
        pairs: The number of sound pairs of each split; a folder without splits has the split "".
        kinds: The number of sound files of each kind.
        problems: One sentence, with the path, for each error.
        notes: Sentences about files and folders that are not part of the dataset, values that stand
            for no data, and georeference.
        warnings: Sentences about images that can be read but look unintended.
    """

    layout: str
    pairs: dict[str, int]
    kinds: Counter[Kind]
    problems: list[str]
    notes: list[str]
    warnings: list[str]


def check_dataset(
    folder: str | Path,
    setting: LayoutSetting = "auto",
    advance: Callable[[int], None] = lambda total: None,
    data: DataConfig | None = None,
    *,
    axes: Axes | None = None,
) -> DatasetReport:
    """Opens every image of a dataset fully, in parallel.

    Sound images are remembered, so that a training does not open them again.

    Args:
        folder: The folder of the dataset.
        setting: The layout to look for, see `find_layout`.
        data: The section `data` of a config, whose channels and ranges of values are checked too.
        advance: Called after each pair, or image without a pair, with the total number of them.
        axes: The order of the axes of files that do not name them, see `images.axes`, if there is
            no config.

    Returns:
        The numbers of sound pairs and files, and all errors, notes and warnings.

    Raises:
        UserError: The folder does not exist, holds no images at all, or matches two layouts.
    """
    layout = find_layout(folder, setting)
    items: list[tuple[str, PairFiles | Path]] = []  # pairs, and images without a pair
    problems = []
    for name, split in layout.splits.items():
        items += [(name, pair) for pair in split.pairs]
        items += [(name, path) for path in split.loose]
        problems += split.problems
    if not items:
        raise UserError("\n".join(problems))
    kinds: Kinds = {}
    files: list[FileInfo] = []
    pairs = dict.fromkeys(layout.splits, 0)
    sound: list[tuple[PairFiles, Mapping[str, ImageInfo]]] = []
    spec = None if data is None else pair_spec(data)
    ranges = [] if data is None or spec is None else given_ranges(data, spec)
    scale = None if data is None else native_scale(data)

    cache = InspectionCache(layout.root)

    def opened(path: Path, reading: Reading) -> ImageInfo:
        stamp = cache.stamp(path)
        info = open_image(path, reading)
        cache.add(path, stamp, info, reading)
        return info

    def inspect(item: tuple[str, PairFiles | Path]) -> Inspection:
        if spec is not None and isinstance(item[1], PairFiles):
            return inspect_pair(item[1], spec.reading_of, opened)
        return inspect_pair(item[1], lambda side: Reading(axes=axes), opened)

    for (split_name, item), inspection in zip(
        items, parallel_map(inspect, items, advance), strict=True
    ):
        kinds |= kinds_of(split_name, item, inspection.images)
        if isinstance(item, PairFiles) and spec is not None:
            inspection.problems.extend(refused_channels(item, inspection.images, spec))
            if not inspection.problems:
                inspection.problems.extend(
                    refused_sizes(split_name, item, inspection.images, scale)
                )
        problems += inspection.problems
        if isinstance(item, PairFiles) and not inspection.problems:
            pairs[split_name] += 1
            sound.append((item, inspection.images))
            files += [
                FileInfo(item.sides[side], side, info) for side, info in inspection.images.items()
            ]
    not_trained = why_not_trained(layout)
    channels_of = None if spec is None else spec.channels_of
    warnings = [
        *([not_trained] if not_trained else []),
        *other_sizes(kinds),
        *value_warnings(files, channels_of, ranged=[one.side for one in ranges]),
    ]
    for one in ranges:
        try:
            warnings += range_warnings(sound, one, cache=cache)
        except UserError as error:
            problems.append(str(error))
    cache.close()
    notes = [*layout.notes, *nodata_notes(sound), *georeference_notes(sound)]
    notes += rescaling_notes(pair for pair, _ in sound)
    return DatasetReport(
        layout.described, pairs, Counter(kinds.values()), problems, notes, warnings
    )
