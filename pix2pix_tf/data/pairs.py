"""Pairs as training and evaluation want them: input and target, of one size and type, by number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.config.schema import Config, DataConfig
from pix2pix_tf.data.checking.check_pairs import CheckedPairs, SkippedPair, check_pairs
from pix2pix_tf.data.checking.kinds import describe, other_sizes
from pix2pix_tf.data.derived.derive import note_on_depth
from pix2pix_tf.data.held_out import held_out
from pix2pix_tf.data.layout.errors import existing_root
from pix2pix_tf.data.layout.layout import Layout, LayoutKind, find_layout, why_not_trained
from pix2pix_tf.data.layout.pair_files import PairFiles, pair_dtype
from pix2pix_tf.data.source import Derive, Pair, PairSource
from pix2pix_tf.datasets.sample import FIRST_VALIDATION_SEED
from pix2pix_tf.datasets.sample_city import render_city
from pix2pix_tf.images.convert import resize_image, to_16bit
from pix2pix_tf.images.unreadable import report_all_unreadable
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.system import total_memory


class Pairs(Sequence[Pair]):
    """A sequence of (input, target), each uint8 or uint16 [H, W, C] of one size and type.

    Attributes:
        names: What each pair is called; outputs take these names.
        files: The file or the two files of each pair; empty where they are drawn, not read.
        size: Height and width every image is resized to, bicubically.
        dtype: uint16 where any of the images has 16 bits, else uint8.
        failure: The error of a read that failed inside a tf.data pipeline, which would otherwise
            only pass on a text.
    """

    def __init__(
        self,
        names: Sequence[str],
        read: Callable[[int], Pair],
        size: tuple[int, int],
        dtype: np.dtype,
        cache: bool,
        derive: Derive | None = None,
        files: Sequence[tuple[Path, ...]] = (),
    ) -> None:
        """Takes how pairs are read.

        Args:
            names: See above.
            read: Gives a pair by its number, as its files have it.
            size: See above.
            dtype: See above.
            cache: Whether pairs are kept in memory once they are read.
            derive: Makes the input of the target and the pair's name; None: it is read.
            files: See above.
        """
        self.names = list(names)
        self.files = list(files)
        self.size = size
        self.dtype = np.dtype(dtype)
        self.failure: UserError | None = None
        self._read = read
        self._derive = derive
        self._cache: dict[int, Pair] | None = {} if cache else None

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Pair:  # type: ignore[override]  # no slices
        if self._cache is None:
            return self._load(index)
        if index not in self._cache:
            self._cache[index] = self._load(index)
        return self._cache[index]

    def original(self, index: int) -> Pair:
        """A pair as its files have it: not resized, its input not derived."""
        try:
            return self._read(index)
        except UserError as error:
            self.failure = error
            raise

    def at_size(self, size: tuple[int, int], derive: Derive | None) -> Pairs:
        """The same pairs at another size, and with inputs made otherwise: see `Pairs`."""
        return Pairs(self.names, self._read, size, self.dtype, False, derive, self.files)

    def _load(self, index: int) -> Pair:
        first, second = self.original(index)
        if self._derive is not None:  # at the size it is seen at: resized lines would be blurred
            photo = self._fit(second)
            return self._derive(photo, self.names[index]), photo
        return self._fit(first), self._fit(second)

    def _fit(self, image: np.ndarray) -> np.ndarray:
        image = resize_image(image, *self.size)
        return to_16bit(image) if self.dtype == np.uint16 else image


@dataclass(frozen=True)
class OpenedPairs:
    """What `open_pairs` found.

    Attributes:
        train: The training pairs, at `data.load_size`.
        val: The validation pairs, at `data.crop_size`.
        found: A sentence about it for the user.
        layout: How the dataset lies on disk.
        skipped: The bad pairs left out.
        notes: Sentences about what looks odd.
    """

    train: Pairs
    val: Pairs
    found: str
    layout: LayoutKind
    skipped: Sequence[SkippedPair] = ()
    notes: Sequence[str] = ()


def open_pairs(
    config: Config, *, check: bool = False, advance: Callable[[int], None] = lambda total: None
) -> OpenedPairs:
    """Finds the training and validation pairs of a config.

    Training pairs come at `data.load_size`, validation pairs at `data.crop_size`. Without a val
    split, about `data.validation_fraction` of the training pairs is held out, each by its name and
    `data.split_seed` alone, see `held_out`: a file that is added, or goes bad, moves no other.

    Args:
        config: The experiment.
        check: Whether every image is opened before, so that none stops a training later. With
            `data.on_bad_image: skip` they always are, since it says which pairs there are.
        advance: Called after each pair that is opened so with the number of all of them.

    Raises:
        UserError: Nothing there, names without a mate, bad images, unreadable headers, a cache
            that memory cannot hold.
    """
    if config.data.dataset == "sample":
        opened = _open_city(config)
    else:
        opened = _open_files(config, check, advance)
    if config.data.cache:
        _check_memory(opened.train, config.data)
    return opened


def open_split(config: Config, split: str) -> Pairs:
    """The pairs of one split at `data.crop_size`.

    Args:
        config: The experiment.
        split: `val` or `train` as in training, so that no pair is in both; or `test`.

    Raises:
        UserError: There is no such split.
    """
    if split == "val":
        return open_pairs(config).val
    if config.data.dataset == "sample":
        raise UserError(f"split {split}: the embedded sample is evaluated on its split val")
    layout = dataset_layout(config.data)
    if split == "train":
        files, _ = _train_and_val(layout, config.data)
    elif split in layout.splits:
        files = layout.pairs(split)
    else:
        there = ", ".join(filter(None, layout.splits)) or "no folders of splits"
        raise UserError(f"split {split}: there is no {layout.root / split}; there are: {there}")
    source = PairSource(config, layout.kind)
    return file_pairs(files, source, config.data, config.data.crop_size)


def _open_city(config: Config) -> OpenedPairs:
    data, source = config.data, PairSource(config, "city")

    def pairs(
        first_seed: int, count: int, size: tuple[int, int], *, training: bool = False
    ) -> Pairs:
        def read(index: int) -> Pair:
            city = render_city(first_seed + index, *size)
            return source.directed(city.aerial, city.street_map)

        names = [f"city-{first_seed + index}" for index in range(count)]
        derive = source.derivation(training=training)
        return Pairs(names, read, size, np.dtype(np.uint8), data.cache, derive)

    if data.image_channels != (3, 3):
        raise UserError(
            "data.input_channels, data.target_channels: the embedded sample has 3 channels a side"
        )
    return OpenedPairs(
        train=pairs(0, data.sample_train, data.load_size, training=True),
        val=pairs(FIRST_VALIDATION_SEED, data.sample_val, data.crop_size),
        found=f"the embedded sample city: {_counts(data.sample_train, data.sample_val)}",
        layout="city",
    )


def _open_files(config: Config, check: bool, advance: Callable[[int], None]) -> OpenedPairs:
    data = config.data
    layout = dataset_layout(data)
    train, val = _train_and_val(layout, data)
    checked = CheckedPairs({"train": train, "val": val}, {}, [], {})
    if check or data.on_bad_image == "skip":
        checked = check_pairs(
            checked.splits, data, layout.root, advance, config.warnings.flat_fraction
        )
    train, val = checked.splits["train"], checked.splits["val"]
    source = PairSource(config, layout.kind)
    is_16bit = checked.is_16bit
    depth = []
    if source.derives:
        depth = note_on_depth(sum(kind.bits == 16 for kind in checked.kinds.values()))
    return OpenedPairs(
        train=file_pairs(train, source, data, data.load_size, is_16bit.get("train"), training=True),
        val=file_pairs(val, source, data, data.crop_size, is_16bit.get("val")),
        found=_found(layout, checked),
        layout=layout.kind,
        skipped=checked.skipped,
        notes=[*other_sizes(checked.kinds), *checked.warnings, *depth],
    )


def _found(layout: Layout, checked: CheckedPairs) -> str:
    """What is read and what is not: layout, pairs of each split, sizes and types."""
    train, val = (len(checked.splits[split]) for split in ("train", "val"))
    counts = _counts(train, val)
    if "val" not in layout.splits:
        counts += f" (no val/ folder: {val} of {train + val} held out)"
    if "test" in layout.splits:
        test = layout.splits["test"]
        bad = " (not all can be used: see data check)" if test.problems else ""
        counts += f", {len(test.pairs)} test pairs{bad}"
    parts = [f"{layout.described}, {counts}", describe(checked.kinds.values())]
    if checked.skipped:
        parts.append(f"{len(checked.skipped)} bad pairs skipped")
    return f"{layout.root}: {'; '.join(filter(None, [*parts, *layout.notes]))}"


def dataset_layout(data: DataConfig) -> Layout:
    """How the dataset of a config lies on disk.

    Raises:
        UserError: It is not there, or can be read in two ways.
    """
    setting = "photographs" if data.from_photographs else data.layout
    return find_layout(_existing_root(data), setting, data.load_size)


def _train_and_val(layout: Layout, data: DataConfig) -> tuple[list[PairFiles], list[PairFiles]]:
    """The pairs to train on and to validate on: folders, or held out of all."""
    not_trained = why_not_trained(layout)
    if not_trained:
        raise UserError(not_trained)
    every = layout.pairs("train" if "train" in layout.splits else "")
    if "val" in layout.splits:
        return every, layout.pairs("val")
    chosen = held_out([pair.name for pair in every], data.validation_fraction, data.split_seed)
    return (
        [pair for pair in every if pair.name not in chosen],
        [pair for pair in every if pair.name in chosen],
    )


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


def data_root(data: DataConfig) -> Path:
    """Where the pairs are looked for: `root`, or datasets/NAME below the working directory."""
    return Path(data.root) if data.root is not None else Path("datasets") / str(data.dataset)


def file_pairs(
    files: Sequence[PairFiles],
    source: PairSource,
    data: DataConfig,
    size: tuple[int, int],
    is_16bit: bool | None = None,
    *,
    training: bool = False,
) -> Pairs:
    """Pairs in files, resized to `size` (height, width).

    Args:
        files: Where each pair lies.
        source: How input and target come of them.
        data: Whether pairs are kept in memory.
        size: Height and width.
        is_16bit: Whether any has 16 bits; None looks at the headers of all.
        training: Whether they are training pairs, see `PairSource.derivation`.
    """
    paths = [(pair.a,) if pair.b is None else (pair.a, pair.b) for pair in files]
    if source.derives:
        is_16bit = False  # inputs are derived of 8 bits
    elif is_16bit is None:
        with report_all_unreadable([path for each in paths for path in each]):
            is_16bit = any(pair_dtype(pair) == np.uint16 for pair in files)
    dtype = np.dtype(np.uint16 if is_16bit else np.uint8)
    return Pairs(
        [pair.name for pair in files],
        lambda index: source.pair_of(files[index]),
        size,
        dtype,
        data.cache,
        source.derivation(training=training),
        paths,
    )


def _counts(train: int, val: int) -> str:
    return f"{train} training and {val} validation pairs"


def _check_memory(pairs: Pairs, data: DataConfig) -> None:
    height, width = pairs.size
    channels = sum(data.image_channels)
    needed = len(pairs) * height * width * channels * pairs.dtype.itemsize
    memory = total_memory()
    if memory is not None and needed > 0.7 * memory:
        raise UserError(
            f"data.cache: {len(pairs)} decoded pairs take {needed / 2**30:.1f} GiB, and there are "
            f"{memory / 2**30:.1f} GiB of memory for this program; set data.cache=false to read "
            "them from disk each epoch"
        )
