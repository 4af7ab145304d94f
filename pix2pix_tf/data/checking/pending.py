"""Check of large datasets: headers and a sample before training, all other contents beside it.

Opening a million images takes an hour. Before a training starts, the headers of all files are
read, and the contents of all validation pairs and of a sample of the training pairs are opened.
Pairs that are bad by these are left out or raise an error, as in a small dataset. The contents of
all other training pairs are opened by helper processes while training goes on.

Which pairs are trained on does not depend on how far that has come: a pair is opened before it is
read for the first time, if it was not yet, and whether it is bad depends on its files alone.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, overload

import numpy as np

from pix2pix_tf.data.checking.cache import InspectionCache
from pix2pix_tf.data.checking.check_pairs import (
    CheckedPairs,
    SkippedPair,
    all_that_is_bad,
    content_warnings,
    inspect_cached,
    refuse_empty,
    refused_channels,
    refused_sizes,
)
from pix2pix_tf.data.checking.inspection import ImageInfo, Inspection, inspect_pair
from pix2pix_tf.data.checking.kinds import Kind, Kinds, kind_of
from pix2pix_tf.data.checking.outside import OutsideCounts, SideRange, count_pair
from pix2pix_tf.data.layout.pair_files import PairFiles, SideTypes, refuse_misfit, split_sides
from pix2pix_tf.data.layout.pair_spec import PairSpec
from pix2pix_tf.data.native_scale import NativeScale
from pix2pix_tf.images.headers import ImageHeader, read_header
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.helper_processes import HelperProcesses, pack, unpack
from pix2pix_tf.utils.sampling import evenly_spaced

OPENED_AT_MOST = 10_000  # files of a dataset that are all opened before a training
SAMPLED = 2000  # training pairs of a larger one that are

_HEADERS_AT_ONCE, _PAIRS_AT_ONCE = 2000, 64  # pairs that a helper takes at a time
_UNKNOWN, _SOUND, _BAD = range(3)

Item = TypeVar("Item")
_OpenedPair = tuple[PairFiles, Mapping[str, ImageInfo], tuple[OutsideCounts | None, ...]]


@dataclass(frozen=True)
class ContentTask:
    """What the pairs of a dataset are inspected for.

    Attributes:
        root: The folder of the dataset.
        spec: The input and the target, with the number of channels that they are read with.
        ranges: The ranges that the config gives; values outside are counted.
        scale: The scale that pairs are taken at; None if they are resized to one size.
        flat_fraction: See `content_warnings`.
        skip_bad: Whether bad pairs are left out; if not, they raise an error.
    """

    root: Path
    spec: PairSpec
    ranges: tuple[SideRange, ...]
    scale: NativeScale | None
    flat_fraction: float | None
    skip_bad: bool

    def problems(self, split: str, pair: PairFiles, inspection: Inspection) -> list[str]:
        """Returns sentences about what keeps a pair from being used; none if nothing does."""
        images = inspection.images
        found = [*inspection.problems, *refused_channels(pair, images, self.spec)]
        return found or refused_sizes(split, pair, images, self.scale)


class PendingPairs:
    """Training pairs whose contents have not all been opened.

    Attributes:
        bad: The pairs that were found to be bad since the training began, by their number.
    """

    def __init__(
        self,
        pairs: Sequence[PairFiles],
        opened: Collection[int],
        packs: list[bytes],
        task: ContentTask,
    ) -> None:
        """Initializes the object.

        Args:
            pairs: The training pairs.
            opened: The numbers of those that have been opened, and are sound.
            packs: What all pairs hold that have been opened, those of other splits too.
            task: What the pairs are inspected for.
        """
        self.bad: dict[int, SkippedPair] = {}
        self._reported = 0
        self._pairs, self._packs, self._task = pairs, packs, task
        self._known_sound = np.array(sorted(opened))
        self._states = np.zeros(len(pairs), np.uint8)
        self._states[self._known_sound] = _SOUND
        self._lock = threading.Lock()
        self._rest = [number for number, state in enumerate(self._states) if state == _UNKNOWN]

    def __len__(self) -> int:
        return len(self._rest)

    def sound_index(self, index: int, *seed: int) -> int:
        """Returns a pair that can be used in place of one that may be bad.

        Args:
            index: The number of the pair, which is opened unless it has been.
            seed: Numbers that the substitute for a bad pair depends on, beside `index`.

        Returns:
            `index`, or the number of another pair if that one is bad.

        Raises:
            UserError: The pair is bad, and is not to be left out.
        """
        if self._is_sound(index):
            return index
        random = np.random.default_rng([index, *seed])
        for candidate in random.integers(len(self._pairs), size=100).tolist():
            if self._is_sound(candidate):
                return candidate
        return int(random.choice(self._known_sound))  # nearly all are bad

    def new_bad(self) -> list[SkippedPair]:
        """Returns the pairs that were found to be bad since the last call."""
        with self._lock:
            found = list(self.bad.values())[self._reported :]
            self._reported += len(found)
        return found

    def open_named(self, names: Collection[str]) -> None:
        """Opens pairs, such as those that an earlier session found to be bad.

        Args:
            names: Names of pairs; others than those of this dataset do not matter.

        Raises:
            UserError: A pair is bad, and is not to be left out.
        """
        for index, pair in enumerate(self._pairs):
            if pair.name in names:
                self._is_sound(index)

    def open_rest(
        self, helpers: HelperProcesses, advance: Callable[[int], None] = lambda total: None
    ) -> list[str]:
        """Opens all other pairs in helper processes.

        Args:
            helpers: The processes.
            advance: Called after each pair, with the number of pairs to open.

        Returns:
            Sentences about contents that look unintended, or are clipped.

        Raises:
            UserError: A pair is bad and is not to be left out, or no value lies in a range.
            HelperLostError: A helper process has ended.
        """
        for packed, part in _opened_parts("train", self._pairs, self._rest, self._task, helpers):
            self._packs.append(packed)
            for index, problems in part:
                self._found(index, problems)
                advance(len(self._rest))
        warnings, error = next(helpers.map(_warnings, [(self._task, self._packs)]))
        if error is not None:
            raise UserError(error)
        return warnings

    def _is_sound(self, index: int) -> bool:
        if self._states[index] == _UNKNOWN:
            pair = self._pairs[index]
            inspection = inspect_pair(pair, self._task.spec.reading_of)
            self._found(index, self._task.problems("train", pair, inspection))
        return bool(self._states[index] == _SOUND)

    def _found(self, index: int, problems: Sequence[str]) -> None:
        """Notes what is known of a pair; the same may be noted twice, by several threads."""
        if not problems:
            self._states[index] = _SOUND
            return
        pair = SkippedPair("train", self._pairs[index].name, tuple(problems))
        if not self._task.skip_bad:
            raise UserError(all_that_is_bad([pair], len(self._pairs), self._task.root))
        with self._lock:
            self.bad.setdefault(index, pair)
            self._states[index] = _BAD


def is_large(splits: Mapping[str, Sequence[PairFiles]]) -> bool:
    """Whether a dataset is too large to be opened before a training, by its number of files."""
    count = sum(1 if pair.b is None else 2 for pairs in splits.values() for pair in pairs)
    return count > OPENED_AT_MOST


def check_large(
    splits: Mapping[str, Sequence[PairFiles]],
    task: ContentTask,
    advance: Callable[[int], None] = lambda total: None,
) -> tuple[CheckedPairs, PendingPairs]:
    """Checks the headers of all pairs, and the contents of those that are not left for later.

    Args:
        splits: The pairs of `train` and `val`.
        task: What the pairs are inspected for.
        advance: Called after each pair whose files are opened, with the number of these pairs.

    Returns:
        The pairs that can be used, as far as that is known, and the training pairs that are to be
        opened later.

    Raises:
        UserError: A pair is bad and is not to be left out, or all of a split that were opened are.
    """
    with HelperProcesses() as helpers:
        headers = {
            split: _Headers.read(split, pairs, task, helpers) for split, pairs in splits.items()
        }
        chosen = {split: list(range(len(pairs))) for split, pairs in splits.items()}
        chosen["train"] = evenly_spaced(len(splits["train"]), SAMPLED)
        chosen = {
            split: [index for index in numbers if index not in headers[split].problems]
            for split, numbers in chosen.items()
        }
        total = sum(map(len, chosen.values()))
        packs: list[bytes] = []
        for split, pairs in splits.items():
            for packed, part in _opened_parts(split, pairs, chosen[split], task, helpers):
                packs.append(packed)
                for index, found in part:
                    advance(total)
                    if found:
                        headers[split].problems[index] = found
    bad = [
        SkippedPair(split, pairs[index].name, tuple(found))
        for split, pairs in splits.items()
        for index, found in sorted(headers[split].problems.items())
    ]
    if bad and not task.skip_bad:
        raise UserError(all_that_is_bad(bad, sum(map(len, splits.values())), task.root))
    opened = {
        split: set(numbers) - headers[split].problems.keys() for split, numbers in chosen.items()
    }
    for split, pairs in splits.items():
        refuse_empty({split: [pairs[index] for index in opened[split]]}, bad, task.root)
    sound = {
        split: [index for index in range(len(pairs)) if index not in headers[split].problems]
        for split, pairs in splits.items()
    }
    kinds: Kinds = {}
    types: dict[str, SideTypes] = {}
    for split, pairs in splits.items():
        headers[split].add_kinds(sound[split], pairs, kinds)
        types[split] = headers[split].types(sound[split])
    kept = {split: [pairs[index] for index in sound[split]] for split, pairs in splits.items()}
    numbers = [new for new, index in enumerate(sound["train"]) if index in opened["train"]]
    checked = CheckedPairs(kept, types, bad, kinds)
    return checked, PendingPairs(kept["train"], numbers, packs, task)


class _Headers:
    """What the headers of the files of a split say, in little memory.

    Attributes:
        problems: Sentences about the pairs that cannot be used, by their number.
    """

    def __init__(self) -> None:
        self.problems: dict[int, list[str]] = {}
        self._kinds: dict[Kind, Kind] = {}  # one object for all equal kinds
        self._of_pairs: list[tuple[Kind, ...]] = []

    @classmethod
    def read(
        cls,
        split: str,
        pairs: Sequence[PairFiles],
        task: ContentTask,
        helpers: HelperProcesses,
    ) -> _Headers:
        """Reads the headers of all files of a split."""
        headers = cls()
        jobs = ((task, split, part) for part in _parts(pairs, _HEADERS_AT_ONCE))
        for kinds, of_pairs, problems in helpers.map(read_headers, jobs):
            first = len(headers._of_pairs)
            known = [headers._kinds.setdefault(kind, kind) for kind in kinds]
            combinations: dict[tuple[int, ...], tuple[Kind, ...]] = {}
            for numbers in of_pairs:
                if numbers not in combinations:
                    combinations[numbers] = tuple(known[number] for number in numbers)
                headers._of_pairs.append(combinations[numbers])
            headers.problems |= {first + index: found for index, found in problems.items()}
        return headers

    def add_kinds(self, numbers: Iterable[int], pairs: Sequence[PairFiles], kinds: Kinds) -> None:
        """Adds the kinds of the files of some pairs."""
        for number in numbers:
            pair, of_pair = pairs[number], self._of_pairs[number]
            kinds[str(pair.a)] = of_pair[0]
            if pair.b is not None:
                kinds[str(pair.b)] = of_pair[1]

    def types(self, numbers: Iterable[int]) -> SideTypes:
        """Returns the data types of the images of each side of some pairs."""
        found: SideTypes = {}
        for kinds in {self._of_pairs[number] for number in numbers}:
            types = {kind.side: np.dtype(kind.dtype) for kind in kinds}
            for side, dtype in split_sides(types).items():
                found.setdefault(side, set()).add(dtype)
        return found


def read_headers(
    job: tuple[ContentTask, str, Sequence[PairFiles]],
) -> tuple[list[Kind], list[tuple[int, ...]], dict[int, list[str]]]:
    """Reads the headers of the files of pairs; called in helper processes.

    Args:
        job: What the pairs are inspected for, their split, and the pairs.

    Returns:
        The kinds of files; for each pair the numbers of those of its files; and sentences about the
        pairs that cannot be used, by their number.
    """
    task, split, pairs = job
    numbers: dict[tuple[str, ImageHeader], int] = {}
    of_pairs: list[tuple[int, ...]] = []
    problems: dict[int, list[str]] = {}
    for index, pair in enumerate(pairs):
        headers: dict[str, ImageHeader] = {}
        if not _fits(split, pair, task, headers):
            # This says why, and whether it is so.
            inspection = inspect_pair(pair, task.spec.reading_of)
            found = task.problems(split, pair, inspection)
            if found:
                problems[index] = found
                of_pairs.append(())
                continue
            headers = {
                side: ImageHeader(
                    info.height, info.width, info.dtype, info.channels, info.colour_mode
                )
                for side, info in inspection.images.items()
            }
        of_pairs.append(tuple(numbers.setdefault(facts, len(numbers)) for facts in headers.items()))
    kinds = [kind_of(split, side, header) for side, header in numbers]
    return kinds, of_pairs, problems


def _fits(split: str, pair: PairFiles, task: ContentTask, headers: dict[str, ImageHeader]) -> bool:
    """Whether the headers of a pair, which are added to `headers`, show nothing wrong."""
    try:
        for side, path in pair.sides.items():
            headers[side] = read_header(path, task.spec.reading_of(side))
        sizes = [(header.height, header.width) for header in headers.values()]
        refuse_misfit(pair, sizes[0], sizes[-1])
    except UserError:
        return False
    return not (
        any(header.is_too_large for header in headers.values())
        or refused_channels(pair, headers, task.spec)
        or refused_sizes(split, pair, headers, task.scale)
    )


def open_contents(
    job: tuple[ContentTask, str, Sequence[PairFiles]],
) -> tuple[list[list[str]], bytes]:
    """Opens the files of pairs that are not in the cache; called in helper processes.

    Args:
        job: What the pairs are inspected for, their split, and the pairs.

    Returns:
        Sentences about each pair that cannot be used, and what the others hold, see `pack`.
    """
    task, split, pairs = job
    cache = _cache(task.root)
    opened: list[_OpenedPair] = []
    problems: list[list[str]] = []
    for pair in pairs:
        inspection = inspect_cached(pair, task.spec, cache)
        found = task.problems(split, pair, inspection)
        problems.append(found)
        if not found:
            counts = tuple(
                count_pair(pair, inspection.images, given, cache) for given in task.ranges
            )
            opened.append((pair, inspection.images, counts))
    cache.save()
    return problems, pack(opened)


@functools.lru_cache(maxsize=1)  # one for all calls in a helper process
def _cache(root: Path) -> InspectionCache:
    return InspectionCache(root)


def _warnings(job: tuple[ContentTask, list[bytes]]) -> tuple[list[str], str | None]:
    """Returns warnings about all contents, or an error; called in a helper process."""
    task, packs = job
    opened = _OpenedPairs(packs)
    counts = [opened.counts(number) for number in range(len(task.ranges))]
    try:
        return content_warnings(opened, task.spec, task.flat_fraction, task.ranges, counts), None
    except UserError as error:
        return [], str(error)


class _OpenedPairs(Sequence[tuple[PairFiles, Mapping[str, ImageInfo]]]):
    """The pairs in the results of `open_contents` and what they hold, unpacked as they are read."""

    def __init__(self, packs: Sequence[bytes]) -> None:
        self._packs = packs
        self._count = sum(len(unpack(packed)) for packed in packs)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> tuple[PairFiles, Mapping[str, ImageInfo]]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[PairFiles, Mapping[str, ImageInfo]]]: ...

    def __getitem__(self, index: object) -> object:
        raise NotImplementedError("they are only read one after the other")

    def __iter__(self) -> Iterator[tuple[PairFiles, Mapping[str, ImageInfo]]]:
        for packed in self._packs:
            for pair, images, _ in unpack(packed):
                yield pair, images

    def counts(self, number: int) -> Iterator[OutsideCounts | None]:
        """Returns the counts of values outside the range of this number, of each pair."""
        for packed in self._packs:
            for _, _, counts in unpack(packed):
                yield counts[number]


def _opened_parts(
    split: str,
    pairs: Sequence[PairFiles],
    numbers: Sequence[int],
    task: ContentTask,
    helpers: HelperProcesses,
) -> Iterator[tuple[bytes, Iterable[tuple[int, list[str]]]]]:
    """Opens pairs in helper processes.

    Args:
        split: The split of the pairs.
        pairs: The pairs.
        numbers: The numbers of those that are opened.
        task: What they are inspected for.
        helpers: The processes.

    Yields:
        What some of the pairs hold, see `open_contents`, and the problems of each of them by its
        number.
    """
    parts = list(_parts(numbers, _PAIRS_AT_ONCE))
    jobs = ((task, split, [pairs[index] for index in part]) for part in parts)
    for part, (problems, packed) in zip(parts, helpers.map(open_contents, jobs), strict=True):
        yield packed, zip(part, problems, strict=True)


def _parts(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[first : first + size] for first in range(0, len(items), size))
