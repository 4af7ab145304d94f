"""Training, validation and test pairs of a config.

`open_pairs` has these steps: the config names a folder, `layout` finds the files of each split in
it, `checking` opens them if that is requested, and `source` reads the remaining pairs as `Pairs`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.filesize import decimal

from pix2pix_tf.config.schema import Config, DataConfig
from pix2pix_tf.data.checking.check_pairs import CheckedPairs, SkippedPair, check_pairs
from pix2pix_tf.data.checking.kinds import Kinds, describe, other_sizes
from pix2pix_tf.data.checking.pending import ContentTask, PendingPairs, check_large, is_large
from pix2pix_tf.data.derived.inputs import note_on_16bit
from pix2pix_tf.data.held_out import held_out
from pix2pix_tf.data.layout.errors import existing_root
from pix2pix_tf.data.layout.layout import Layout, LayoutKind, find_layout, why_not_trained
from pix2pix_tf.data.layout.pair_files import PairFiles, SideTypes, Size, side_types
from pix2pix_tf.data.layout.table import ROLES, is_table
from pix2pix_tf.data.native_scale import native_scale
from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.data.source import Pair, PairSource
from pix2pix_tf.datasets.sample import FIRST_VALIDATION_SEED
from pix2pix_tf.datasets.sample_city import render_city
from pix2pix_tf.images.image_file import ANY_READING, Reading
from pix2pix_tf.images.io import decode_image, image_size
from pix2pix_tf.images.unreadable import report_all_unreadable
from pix2pix_tf.images.value_range import UINT8
from pix2pix_tf.utils.errors import UserError, raise_problems
from pix2pix_tf.utils.system import total_memory
from pix2pix_tf.utils.text import pluralize

Advance = Callable[[int], None]
# Shares of the memory that decoded pairs may take; networks and TensorFlow need the rest.
_AUTO_AT_MOST, _ALL_AT_MOST = 0.5, 0.7
_HELD_OUT_AT_MOST = 2000  # validation pairs that are scored in a reasonable time


@dataclass(frozen=True)
class OpenedPairs:
    """The result of `open_pairs`.

    Attributes:
        train: The training pairs, at `data.load_size` or their own size, see `data.scale`.
        val: The validation pairs, at `data.crop_size` or their own size.
        found: A sentence for the user with layout, numbers of pairs, sizes and types.
        layout: The layout of the dataset on disk.
        skipped: The bad pairs that were left out.
        notes: Sentences for the user about images that look unintended.
        reading: How the files of side-by-side pairs are read.
    """

    train: Pairs
    val: Pairs
    found: str
    layout: LayoutKind
    skipped: Sequence[SkippedPair] = ()
    notes: Sequence[str] = ()
    reading: Reading = ANY_READING


def open_pairs(
    config: Config, *, check: bool = False, advance: Advance = lambda total: None
) -> OpenedPairs:
    """Finds the training and the validation pairs of a config.

    Training pairs have the size `data.load_size`, validation pairs `data.crop_size`; or both have
    sizes of their own, see `data.scale`. Without a val split, about `data.validation_fraction` of
    the training pairs are held out, each by its name and `data.split_seed` alone (see `held_out`),
    so that adding or damaging a file does not move others between the splits.

    Args:
        config: The config of the experiment.
        check: Whether to open every image first, so that a bad one does not stop training later;
            of a large dataset (`data.checking.pending`) the headers and a sample. With
            `data.on_bad_image: skip` this is always done, since the result decides which pairs
            there are.
        advance: Called after each pair that is opened first, with the total number of them.

    Returns:
        The pairs, which are read on access, and messages about them for the user.

    Raises:
        UserError: The dataset does not exist, files have no counterpart, images are bad, headers
            cannot be read, or the cache does not fit in memory.

    Example:
        >>> from pix2pix_tf import load_config
        >>> opened = open_pairs(load_config("sample.yaml"))
        >>> len(opened.train), len(opened.val), opened.layout
        (4, 2, 'side_by_side')
        >>> image, target = opened.val[0]
        >>> image.shape, target.shape
        ((16, 16, 3), (16, 16, 3))
    """
    if config.data.dataset == "sample":
        opened = _open_city(config)
    else:
        opened = _open_files(config, check, advance)
    kept = _keep_in_memory([opened.val, opened.train], config.data)
    return replace(opened, found=f"{opened.found}; {kept}")


def open_split(config: Config, split: str) -> Pairs:
    """Opens the pairs of one split at `data.crop_size`, or their own size, see `data.scale`.

    Args:
        config: The config of the experiment.
        split: `val` or `train`, divided as in training, so that no pair is in both; or `test`.

    Returns:
        The pairs, which are read on access.

    Raises:
        UserError: The dataset does not exist or has no such split.
    """
    if split == "val":
        return open_pairs(config).val
    if config.data.dataset == "sample":
        raise UserError(f"split {split}: the embedded sample is evaluated on its split val")
    layout = dataset_layout(config.data)
    if split == "train":
        files = _training_splits(layout, config.data)["train"]
    elif split in layout.splits:
        files = layout.pairs(split)
    else:
        there = ", ".join(filter(None, layout.splits)) or "no splits"
        place = f"row of it in {layout.root}" if layout.is_table else f"{layout.root / split}"
        raise UserError(f"split {split}: there is no {place}; there are: {there}")
    data = config.data
    source = PairSource(config)
    pairs = _pairs_of_files(files, source, _sizes(files, source, data) or data.crop_size)
    _keep_in_memory([pairs], data)
    return pairs


def training_files(data: DataConfig) -> list[PairFiles]:
    """Returns the files of the training pairs, of which none is opened.

    Raises:
        UserError: The dataset does not exist, or has no training pairs.
    """
    return _training_splits(dataset_layout(data), data)["train"]


def dataset_layout(data: DataConfig) -> Layout:
    """Detects the layout of the dataset of a config.

    Raises:
        UserError: The dataset does not exist, or matches two layouts.
    """
    setting = "photographs" if data.from_photographs else data.layout
    root = data_root(data)
    layout = find_layout(root if is_table(root) else _existing_root(data), setting, data.load_size)
    if layout.is_table and layout.sides == ROLES and data.direction == "BtoA":
        raise UserError(
            f"data.direction=BtoA: {root} has columns input and target, and would be read the "
            "other way round: set data.direction=AtoB, or call the columns A and B"
        )
    return layout


def data_root(data: DataConfig) -> Path:
    """Returns the folder, or the table, of the pairs.

    It is `data.root`, or datasets/NAME in the working directory.
    """
    return Path(data.root) if data.root is not None else Path("datasets") / str(data.dataset)


def _open_city(config: Config) -> OpenedPairs:
    """Opens the embedded sample city, whose pairs are drawn on access."""
    data, source = config.data, PairSource(config)
    if data.image_channels != (3, 3):
        raise UserError(
            "data.input_channels, data.target_channels: the embedded sample has 3 channels a side"
        )

    values = source.values({"A": {UINT8}, "B": {UINT8}})

    def pairs(
        first_seed: int, count: int, size: tuple[int, int], *, training: bool = False
    ) -> Pairs:
        def read(index: int) -> Pair:
            city = render_city(first_seed + index, *size)
            return source.directed(city.aerial, city.street_map)

        names = [f"city-{first_seed + index}" for index in range(count)]
        derive = source.derive_on_reading(training=training)
        return Pairs(names, read, size, values, derive)

    return OpenedPairs(
        train=pairs(0, data.sample_train, data.load_size, training=True),
        val=pairs(FIRST_VALIDATION_SEED, data.sample_val, data.crop_size),
        found=f"the embedded sample city: {_counts(data.sample_train, data.sample_val)}",
        layout="city",
    )


def _open_files(config: Config, check: bool, advance: Advance) -> OpenedPairs:
    """Opens a dataset on disk: config → layout → source → pairs."""
    data = config.data
    layout = dataset_layout(data)
    splits = _training_splits(layout, data)
    source = PairSource(config)
    checked = CheckedPairs(splits, {}, [], {})
    pending = None
    checks = check or data.on_bad_image == "skip"
    if checks and is_large(splits):
        task = ContentTask(
            layout.root,
            source.spec,
            tuple(source.ranges),
            native_scale(data),
            config.warnings.flat_fraction,
            skip_bad=data.on_bad_image == "skip",
        )
        checked, pending = check_large(splits, task, advance)
    elif checks:
        checked = check_pairs(
            splits,
            source.spec,
            layout.root,
            skip_bad=data.on_bad_image == "skip",
            flat_fraction=config.warnings.flat_fraction,
            ranges=source.ranges,
            scale=native_scale(data),
            advance=advance,
        )

    def pairs(split: str, size: tuple[int, int]) -> Pairs:
        return _pairs_of_files(
            checked.splits[split],
            source,
            _sizes(checked.splits[split], source, data, checked.kinds) or size,
            types=checked.dtypes.get(split),
            training=split == "train",
            pending=pending if split == "train" else None,
        )

    notes = [*(other_sizes(checked.kinds) if data.scale == "resize" else ()), *checked.warnings]
    notes += _many_held_out(layout, splits)
    if source.derivation is not None:
        notes += note_on_16bit(sum(kind.dtype == "uint16" for kind in checked.kinds.values()))
    return OpenedPairs(
        train=pairs("train", data.load_size),
        val=pairs("val", data.crop_size),
        found=_found(layout, checked),
        layout=layout.kind,
        skipped=checked.skipped,
        notes=notes,
        reading=source.spec.reading_of("A|B") if layout.kind == "side_by_side" else ANY_READING,
    )


def _training_splits(layout: Layout, data: DataConfig) -> dict[str, list[PairFiles]]:
    """Returns training and validation pairs, by their folders or, without val/, by `held_out`."""
    problem = why_not_trained(layout)
    if problem:
        raise UserError(problem)
    every = layout.pairs("train" if "train" in layout.splits else "")
    if "val" in layout.splits:
        return {"train": every, "val": layout.pairs("val")}
    chosen = held_out([pair.name for pair in every], data.validation_fraction, data.split_seed)
    return {
        "train": [pair for pair in every if pair.name not in chosen],
        "val": [pair for pair in every if pair.name in chosen],
    }


def _pairs_of_files(
    files: Sequence[PairFiles],
    source: PairSource,
    size: Size | Sequence[Size],
    *,
    types: SideTypes | None = None,
    training: bool = False,
    pending: PendingPairs | None = None,
) -> Pairs:
    """Returns pairs that are read from files.

    Args:
        files: The files of each pair.
        source: Reads input and target from the files of a pair.
        size: Height and width in pixels that images are resized to, or those of each pair.
        types: The data types of the files of each side; None to read the headers of all files.
        training: Whether these are training pairs, see `PairSource.derive_on_reading`.
        pending: The pairs among them whose contents have not been opened.
    """
    paths = [(pair.a,) if pair.b is None else (pair.a, pair.b) for pair in files]
    if types is None:
        readings = {
            path: source.spec.reading_of(side)
            for pair in files
            for side, path in pair.sides.items()
        }

        def read(path: Path) -> None:
            decode_image(path, *readings[path])

        with report_all_unreadable(list(readings), read):
            types = side_types(files, source.spec)
    return Pairs(
        [pair.name for pair in files],
        lambda index: source.read(files[index]),
        size,
        source.values(types),
        source.derive_on_reading(training=training),
        paths,
        read_window=(lambda index, window: source.window(files[index], window))
        if source.at_own_size
        else None,
        pending=pending,
    )


def _sizes(
    files: Sequence[PairFiles], source: PairSource, data: DataConfig, kinds: Kinds | None = None
) -> list[Size] | None:
    """Returns the size of each pair, if they are not resized to one size.

    Args:
        files: The files of each pair.
        source: Reads input and target from the files of a pair.
        data: The data config.
        kinds: What is known about files; the headers of others are read.

    Returns:
        Height and width of each pair at `data.scale`; None if it is `resize`.

    Raises:
        UserError: A header cannot be read, or the two images of a pair have different sizes.
    """
    scale = native_scale(data)
    if scale is None:
        return None

    def size_of(side: str, path: Path) -> Size:
        kind = kinds.get(str(path)) if kinds else None
        if kind is not None:
            return kind.height, kind.width
        return image_size(path, *source.spec.reading_of(side))

    sizes = []
    for pair in files:
        of_files = {side: size_of(side, path) for side, path in pair.sides.items()}
        raise_problems(scale.problems("val", pair, of_files))
        sizes.append(scale.size_of(pair, of_files))
    return sizes


def _existing_root(data: DataConfig) -> Path:
    root = data_root(data)
    if data.root is None and not root.is_dir():
        raise UserError(
            f"the dataset {data.dataset} was looked for in {root.absolute()}, which is not there; "
            "put it there (`pix2pix-tf data list` says what can be downloaded), or say where it "
            "is with --set data.root=FOLDER; --config sample.yaml needs no data"
        )
    try:
        return existing_root(root)
    except UserError as error:
        raise UserError(f"{error}\n--set data.root=FOLDER says where the data lies.") from error


def _found(layout: Layout, checked: CheckedPairs) -> str:
    """Describes the dataset: layout, pairs of each split, sizes and types, and unread files."""
    train, val = (len(checked.splits[split]) for split in ("train", "val"))
    counts = _counts(train, val)
    if "val" not in layout.splits:
        lacks = "no split val" if layout.is_table else "no val/ folder"
        counts += f" ({lacks}: {val} of {train + val} held out)"
    if "test" in layout.splits:
        test = layout.splits["test"]
        bad = " (not all can be used: see data check)" if test.problems else ""
        counts += f", {pluralize(len(test.pairs), 'test pair')}{bad}"
    parts = [f"{layout.described}, {counts}", describe(checked.kinds.values())]
    if checked.skipped:
        parts.append(f"{pluralize(len(checked.skipped), 'bad pair')} skipped")
    return f"{layout.root}: {'; '.join(filter(None, [*parts, *layout.notes]))}"


def _many_held_out(layout: Layout, splits: Mapping[str, Sequence[PairFiles]]) -> list[str]:
    """Returns a note on validation pairs that are many, and were not chosen by the user."""
    count = len(splits["val"])
    if "val" in layout.splits or count <= _HELD_OUT_AT_MOST:
        return []
    share = f"{_HELD_OUT_AT_MOST / (count + len(splits['train'])):.1g}"
    return [
        f"{count:,} pairs are held out, and all of them are scored before the first step and in "
        f"each validation: data.validation_fraction={share} holds out fewer"
    ]


def _counts(train: int, val: int) -> str:
    return f"{train} training and {val} validation pairs"


def _keep_in_memory(sequences: Sequence[Pairs], data: DataConfig) -> str:
    """Sets how many pairs of each sequence are kept in memory, by `data.cache`.

    Args:
        sequences: The pairs, in the order in which they take what memory there is.
        data: The data config.

    Returns:
        What was chosen, for the user.

    Raises:
        UserError: All pairs are to be kept and do not fit.
    """
    if data.cache is False:
        return "all are read in each epoch"
    sizes = [_bytes_of_pairs(pairs, data) for pairs in sequences]
    needed = sum(map(sum, sizes))
    memory = total_memory()
    if data.cache is True and memory is not None and needed > _ALL_AT_MOST * memory:
        raise UserError(
            f"data.cache=true: {sum(map(len, sequences))} decoded pairs take {decimal(needed)}, "
            f"and there are {decimal(memory)} of memory for this program; data.cache=auto keeps "
            "those that fit"
        )
    limit = needed if data.cache is True or memory is None else int(_AUTO_AT_MOST * memory)
    left = limit
    for pairs, each in zip(sequences, sizes, strict=True):
        # Which pairs are kept is not known yet, if not all are: they may be the largest.
        fits = sum(each) <= left
        pairs.keep = len(pairs) if fits else left // max(each)
        left -= sum(each) if fits else pairs.keep * max(each)
    kept, count = sum(pairs.keep for pairs in sequences), sum(map(len, sequences))
    if kept == count:
        return f"kept in memory ({decimal(needed)})"
    return (
        f"{kept:,} of {count:,} kept in memory, the others are read in each epoch (all take "
        f"{decimal(needed)}, half of the memory is {decimal(limit)})"
    )


def _bytes_of_pairs(pairs: Pairs, data: DataConfig) -> list[int]:
    """Returns the memory that each decoded pair takes, in bytes."""
    sides = (pairs.values.input, pairs.values.target)
    per_pixel = sum(
        channels * side.dtype.itemsize
        for channels, side in zip(data.image_channels, sides, strict=True)
    )
    return [math.prod(pairs.size_of(index)) * per_pixel for index in range(len(pairs))]
