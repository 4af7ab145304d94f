"""Every image of a dataset opened, before a training finds out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf.data.checking.inspection import ImageInfo, inspect_pair
from pix2pix_tf.data.checking.kinds import Kind, Kinds, kinds_of, other_sizes
from pix2pix_tf.data.checking.values import value_warnings
from pix2pix_tf.data.layout.layout import LayoutSetting, find_layout, why_not_trained
from pix2pix_tf.data.layout.pair_files import PairFiles
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.parallel import parallel_map


@dataclass(frozen=True)
class DatasetReport:
    """What `check_dataset` found.

    Attributes:
        layout: How the dataset lies on disk, in words.
        pairs: Sound pairs of each split; "" is the split of a folder without splits.
        kinds: How many sound files there are of each kind.
        problems: A sentence about everything that is wrong, with its path.
        notes: A sentence about what lies there and is no part of the dataset.
        warnings: A sentence about everything that can be read and seems not to be meant.
    """

    layout: str
    pairs: dict[str, int]
    kinds: Counter[Kind]
    problems: list[str]
    notes: list[str]
    warnings: list[str]


@dataclass(frozen=True)
class _Job:
    """What is opened; `counts` says whether it is part of the dataset."""

    split: str
    item: PairFiles | Path
    counts: bool


@dataclass(frozen=True)
class _Opened:
    job: _Job
    kinds: Kinds
    images: list[ImageInfo]
    problems: list[str]


def check_dataset(
    folder: str | Path,
    setting: LayoutSetting = "auto",
    advance: Callable[[int], None] = lambda total: None,
) -> DatasetReport:
    """Opens every image of a dataset fully, in parallel.

    Args:
        folder: The dataset.
        setting: How it lies on disk, see `find_layout`.
        advance: Called after each pair, or image without a pair, with the number of all.

    Raises:
        UserError: The folder is not there, has no images at all, or can be read in two ways.
    """
    layout = find_layout(folder, setting)
    whole = layout.kind == "photographs"
    jobs: list[_Job] = []
    problems = []
    for name, split in layout.splits.items():
        jobs += [_Job(name, pair.a if whole else pair, True) for pair in split.pairs]
        jobs += [_Job(name, path, False) for path in split.loose]
        problems += split.problems
    if not jobs:
        raise UserError("\n".join(problems))
    kinds: Kinds = {}
    files: dict[Path, tuple[str, ImageInfo]] = {}
    pairs = dict.fromkeys(layout.splits, 0)
    for opened in parallel_map(_open, jobs, advance):
        kinds.update(opened.kinds)
        if opened.job.counts and not opened.problems:
            files |= {
                path: (kind.side, image)
                for (path, kind), image in zip(opened.kinds.items(), opened.images, strict=True)
            }
        problems += opened.problems
        pairs[opened.job.split] += opened.job.counts and not opened.problems
    not_trained = why_not_trained(layout)
    warnings = [
        *([not_trained] if not_trained else []),
        *other_sizes(kinds),
        *value_warnings(files),
    ]
    return DatasetReport(
        layout.described, pairs, Counter(kinds.values()), problems, layout.notes, warnings
    )


def _open(job: _Job) -> _Opened:
    inspection = inspect_pair(job.item)
    photo = isinstance(job.item, Path) and job.counts
    kinds = kinds_of(job.split, job.item, inspection.images, photo)
    return _Opened(job, kinds, list(inspection.images.values()), inspection.problems)
