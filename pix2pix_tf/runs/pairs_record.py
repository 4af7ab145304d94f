"""Record of the pairs of a training, stored beside its weights and compared with the current pairs.

The record has, for every pair, its path relative to the root, without suffix, and the sizes of its
files. For evenly spaced pairs, as many as `HASHED_BYTES` and `HASHED_PAIRS` allow, it also has a
SHA-256 of their contents, so that a large dataset costs no more than a small one. The comparison
does not detect a different file of the same name and size if the dataset is too large to be hashed
completely, and it takes an image that was re-encoded for a different one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pix2pix_tf.config.schema import DataConfig
from pix2pix_tf.data.layout.table import is_table
from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.data.pairs import OpenedPairs, data_root
from pix2pix_tf.images.carried_tags import CarriedTags
from pix2pix_tf.images.formats import without_suffix
from pix2pix_tf.images.listing import composed
from pix2pix_tf.images.value_range import PairValues
from pix2pix_tf.runs.side_tags import common_tags, to_json
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import write_text
from pix2pix_tf.utils.parallel import parallel_map
from pix2pix_tf.utils.text import pluralize, shorten_list

HASHED_BYTES = 256 * 2**20  # limit per split
HASHED_PAIRS = 10_000  # limit per split
_HASHED_OF_A_FILE = 16 * 2**20  # of a larger file only the beginning and the end are hashed
_NAMED_AT_MOST = 5  # maximal number of names in a message


@dataclass(frozen=True)
class SplitRecord:
    """The pairs of one split, identified by their places: paths below the root, without suffix.

    Attributes:
        names_sha256: Digest of the pairs' names in their order.
        count: Number of pairs.
        sizes: Sizes of the files of each pair, in bytes, by place.
        hashes: SHA-256 of the contents of some pairs, by place.
        files: Paths of the files of each current pair, by place, from which further hashes can be
            computed; empty in a record that was read from a file.
    """

    names_sha256: str
    count: int
    sizes: Mapping[str, Sequence[int]]
    hashes: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Sequence[Path]] = field(default_factory=dict)

    def hash_of(self, place: str) -> str | None:
        """Returns the hash of a pair's contents, computed if it is not recorded.

        Args:
            place: Place of the pair.

        Returns:
            The hash; None if it is not recorded and there are no files.
        """
        if place in self.hashes:
            return self.hashes[place]
        return file_digest(self.files[place]) if self.files.get(place) else None

    def digest(self) -> str:
        """Returns a digest of names and contents, which identifies the data of an evaluation."""
        facts = [[place, list(each), self.hashes.get(place)] for place, each in self.sizes.items()]
        return short_digest(facts)


_EMPTY = SplitRecord("", 0, {})


@dataclass(frozen=True)
class PairsRecord:
    """The pairs that were used for training and validation.

    Attributes:
        layout: Layout of the dataset on disk; None if it was not recorded.
        root: The dataset's folder or table, absolute; None for the embedded city.
        train: The training pairs of the last session.
        val: The validation pairs of the last session.
        earlier: Training pairs of earlier sessions that the last session did not train on.
        skipped: Names of invalid pairs that were left out, by split.
        proportions: Lowest and highest width / height of side-by-side files; None for other files.
        types: Types of the images of the training pairs by side, `A` and `B`.
        suffixes: Suffixes of the files of the training pairs by side, of sides that have but one.
        tags: What the files of the training pairs have in common by side, see `common_tags`.
        since: The step from which on these validation pairs are used.
    """

    layout: str | None
    root: Path | None
    train: SplitRecord
    val: SplitRecord
    earlier: SplitRecord = _EMPTY
    skipped: Mapping[str, Sequence[str]] = field(default_factory=dict)
    proportions: tuple[float, float] | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    suffixes: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, CarriedTags] = field(default_factory=dict)
    since: int = 0

    def write(self, file: Path) -> None:
        """Writes the record as a JSON file, atomically.

        Args:
            file: The file, which is replaced if it exists.
        """
        tree = {
            "layout": self.layout,
            "root": None if self.root is None else str(self.root),
            "proportions": self.proportions,
            "types": dict(self.types),
            "suffixes": dict(self.suffixes),
            "tags": {side: to_json(tags) for side, tags in self.tags.items()},
            "since_step": self.since,
            "train": _split_tree(self.train),
            "val": _split_tree(self.val),
            "earlier": _split_tree(self.earlier),
            "skipped": {split: list(names) for split, names in self.skipped.items()},
        }
        lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in tree.items()]
        write_text(file, "{\n" + ",\n".join(lines) + "\n}\n")

    @property
    def digest(self) -> str:
        """Digest of the names and contents of all pairs."""
        return short_digest([self.train.digest(), self.val.digest()])


def record_of(opened: OpenedPairs, data: DataConfig) -> PairsRecord:
    """Returns the record of the current pairs.

    Args:
        opened: The pairs.
        data: The config's section `data`.

    Raises:
        UserError: A file cannot be read.
    """
    root = absolute_root(data)
    skipped: dict[str, list[str]] = {}
    for pair in opened.skipped:
        skipped.setdefault(pair.split, []).append(_normalized(pair.name))
    return PairsRecord(
        layout=opened.layout,
        root=root,
        train=split_record(opened.train, root),
        val=split_record(opened.val, root),
        skipped=skipped,
        types=_types(opened.train.values, data),
        suffixes=_suffixes(opened.train.files),
        tags=_tags(opened.train.files),
    )


def _types(values: PairValues, data: DataConfig) -> dict[str, str]:
    sides = (values.input, values.target)
    names = "AB" if data.direction == "AtoB" else "BA"
    return {name: str(side.dtype) for name, side in zip(names, sides, strict=True)}


def _suffixes(files: Sequence[tuple[Path, ...]]) -> dict[str, str]:
    """Returns the suffix of each side, of one file or two a pair, whose files all have the same."""
    found = {
        side: {os.path.splitext(str(path))[1].lower() for path in paths}  # noqa: PTH122  faster
        for side, paths in _files_of_sides(files).items()
    }
    return {side: min(suffixes) for side, suffixes in found.items() if len(suffixes) == 1}


def _tags(files: Sequence[tuple[Path, ...]]) -> dict[str, CarriedTags]:
    return {side: common_tags(paths) for side, paths in _files_of_sides(files).items()}


def _files_of_sides(files: Sequence[tuple[Path, ...]]) -> dict[str, list[Path]]:
    """Returns the files of each side, of pairs of one file or two."""
    return {
        side: [each[min(index, len(each) - 1)] for each in files] for index, side in enumerate("AB")
    }


def split_record(pairs: Pairs, root: Path | None) -> SplitRecord:
    """Returns the record of the current pairs of one split.

    Args:
        pairs: The pairs.
        root: The dataset's folder; None for the embedded city.

    Raises:
        UserError: A file cannot be read.
    """
    files = dict(zip(_places(pairs, root), pairs.files or [()] * len(pairs), strict=True))
    sizes = {place: _sizes(each) for place, each in files.items()}
    to_read = sum(min(size, _HASHED_OF_A_FILE) for each in sizes.values() for size in each)
    step = max(1, -(-to_read // HASHED_BYTES), -(-len(files) // HASHED_PAIRS))
    hashed = list(files)[::step] if to_read else []
    hashes = parallel_map(lambda place: file_digest(files[place]), hashed)
    return SplitRecord(
        names_sha256=_digest_of_names(pairs.names),
        count=len(pairs),
        sizes=sizes,
        hashes=dict(zip(hashed, hashes, strict=True)),
        files=files,
    )


def read_record(file: Path) -> PairsRecord | None:
    """Reads a record.

    Args:
        file: The file of the record.

    Returns:
        The record; None if there is no file.

    Raises:
        UserError: The file is damaged.
    """
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
        root = tree["root"]
        return PairsRecord(
            layout=tree["layout"],
            root=None if root is None else Path(root),
            train=_read_split(tree["train"]),
            val=_read_split(tree["val"]),
            earlier=_read_split(tree["earlier"]),
            skipped=dict(tree["skipped"]),
            since=int(tree["since_step"]),
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(
            f"{file}: is damaged ({type(error).__name__}: {error}), so that nobody knows which "
            "pairs were trained on; put back a copy, or move it away to go on without comparing"
        ) from None


def check_resumable_pairs(
    file: Path, now: PairsRecord, subject: str, elsewhere: str, data_changed: bool
) -> None:
    """Checks that a training may continue on the current pairs. Nothing is written.

    Args:
        file: The record beside the weights; if there is none, nothing is compared.
        now: The current pairs.
        subject: What was trained, such as `run runs/maps`, for messages.
        elsewhere: The option that names another folder to train in.
        data_changed: Whether the user has confirmed that the pairs have changed. Even then no
            validation pair may have been trained on.

    Raises:
        UserError: The pairs differ from those of the last session, or a validation pair was trained
            on.
    """
    before = read_record(file)
    if before is None:
        return
    if not data_changed:
        recovery_hint = (
            f"To train on other pairs choose another {elsewhere}, or start over with --fresh; if "
            "these are meant to be the same dataset, with pairs added or files mended, say so: "
            "--data-changed"
        )
        check_unchanged(before, now, subject, recovery_hint)
    check_never_trained_on(now.val, "val", before, now.root, subject)


def check_unchanged(
    before: PairsRecord, now: PairsRecord, subject: str, recovery_hint: str
) -> None:
    """Checks that the current pairs are those of a record; their folder may be another one.

    Args:
        before: The record.
        now: The current pairs.
        subject: What was trained on them, such as `run runs/maps`, for messages.
        recovery_hint: Last sentence of the message, which says what the user can do.

    Raises:
        UserError: The pairs differ; the message names the differences.
    """
    differences = _differences(before, now)
    if differences:
        moved = f", from {before.root}" if before.root not in (None, now.root) else ""
        raise UserError(
            f"{subject}: was trained on other pairs than those of {now.root or 'the sample'} now"
            f"{moved}: {'; '.join(differences)}. Nothing of it was changed. {recovery_hint}"
        )


def check_never_trained_on(
    scored: SplitRecord, split: str, before: PairsRecord, root: Path | None, subject: str
) -> None:
    """Checks that no pair of a split was ever trained on.

    A pair counts as trained on if the same place below the same root was trained on, or the same
    contents under any name. Pairs that were validation pairs from the start are accepted.

    Args:
        scored: The pairs of the split.
        split: Name of the split.
        before: The record.
        root: Folder of the split's dataset.
        subject: What was trained, such as `run runs/maps`, for messages.

    Raises:
        UserError: Some pairs were trained on; the message names them.
    """
    found = trained_among(scored, before, root)
    if found:
        raise UserError(
            f"{subject}: was trained on {len(found)} of the {scored.count} pairs of {split}: "
            f"{shorten_list(found, _NAMED_AT_MOST)}. Their scores would say nothing about images "
            "it has not seen: take them out, or put pairs it never saw into a folder of their own "
            "(val/, or another --split)"
        )


def trained_among(scored: SplitRecord, before: PairsRecord, root: Path | None) -> list[str]:
    """Describes each pair that was trained on, see `check_never_trained_on`.

    Args:
        scored: The pairs of a split.
        before: The record.
        root: Folder of the split's dataset.

    Returns:
        A phrase for each pair that was trained on: its place, and the place it was trained on
        under, if that differs.
    """
    return [
        f"{place} (trained on as {trained})" if place != trained else place
        for place, trained in _trained_among(scored, before, root).items()
    ]


def shared_contents(train: SplitRecord, val: SplitRecord) -> list[str]:
    """Describes each validation pair whose files have the contents of a training pair."""
    same = _same_contents(val, train)
    return [f"{place} is {trained}" for place, trained in same.items()]


def next_record(before: PairsRecord | None, now: PairsRecord, step: int) -> PairsRecord:
    """Returns the record of a session that continues a training with the current pairs.

    Args:
        before: The record of the last session; None if there is none.
        now: The current pairs.
        step: The step that the session starts from.
    """
    if before is None:
        return now
    same = same_pairs(before.val, now.val)
    now = replace(now, since=before.since if same else step)
    sizes, hashes = {}, {}
    for split in (before.earlier, before.train):
        for place, each in split.sizes.items():
            if place not in now.train.sizes or _differs(split, now.train, place):
                sizes[place] = each
                if place in split.hashes:
                    hashes[place] = split.hashes[place]
    return replace(now, earlier=SplitRecord("", len(sizes), sizes, hashes))


def same_pairs(old: SplitRecord, new: SplitRecord) -> bool:
    """Whether a current split has the same pairs as a recorded one, as far as can be compared."""
    same_places = old.sizes.keys() == new.sizes.keys()
    return same_places and not any(_differs(old, new, place) for place in new.sizes)


def _differences(before: PairsRecord, now: PairsRecord) -> list[str]:
    words = []
    if before.layout is not None and before.layout != now.layout:
        words.append(f"they lie on disk as {now.layout}, then as {before.layout}")
    for split, old, new in (("train", before.train, now.train), ("val", before.val, now.val)):
        words += _split_differences(split, old, new, now.skipped.get(split, ()))
    return words


def _split_differences(
    split: str, old: SplitRecord, new: SplitRecord, skipped: Sequence[str]
) -> list[str]:
    then, today = old.sizes, new.sizes
    both = [place for place in then if place in today]
    if not both:
        return [f"none of the {pluralize(len(then), 'pair')} of {split} is there"]
    gone = [place for place in then if place not in today]
    bad = [place for place in gone if any(_ends_with(place, name) for name in skipped)]
    gone = [place for place in gone if place not in bad]
    kinds = (
        ("more", [place for place in today if place not in then]),
        ("missing", gone),
        ("bad now, and skipped", bad),
        ("of other contents", [place for place in both if _differs(old, new, place)]),
    )
    return [
        f"{split}: {len(places)} {kind} ({shorten_list(places, _NAMED_AT_MOST)})"
        for kind, places in kinds
        if places
    ]


def _differs(old: SplitRecord, new: SplitRecord, place: str) -> bool:
    """Whether the contents of a pair differ between two records that both have it."""
    if list(old.sizes[place]) != list(new.sizes[place]):
        return True
    return place in old.hashes and new.hash_of(place) != old.hashes[place]


def _trained_among(scored: SplitRecord, before: PairsRecord, root: Path | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for trained in (before.train, before.earlier):
        for place in scored.sizes:
            if place in trained.sizes and (
                root == before.root or not _differs(trained, scored, place)
            ):
                found.setdefault(place, place)
        for place, name in _same_contents(scored, trained).items():
            found.setdefault(place, name)
    kept = before.val.sizes
    # Pairs that share contents with a training pair, but were validation pairs from the start, are
    # accepted: the user was warned of them then.
    return {
        place: name
        for place, name in found.items()
        if place == name or place not in kept or _differs(before.val, scored, place)
    }


def _same_contents(some: SplitRecord, others: SplitRecord) -> dict[str, str]:
    """Maps places of `some` to the places of those of `others` that have the same contents."""
    by_contents = {(*others.sizes[place], digest): place for place, digest in others.hashes.items()}
    known_sizes = {contents[:-1] for contents in by_contents}
    found = {}
    for place, own in some.sizes.items():
        if tuple(own) in known_sizes:
            other = by_contents.get((*own, some.hash_of(place) or ""))
            if other is not None:
                found[place] = other
    return found


def short_digest(facts: Any) -> str:
    """Returns a digest of plain values: 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def file_digest(files: Sequence[Path]) -> str:
    """Returns a SHA-256 of the contents of files; of large files, of their beginnings and ends.

    Raises:
        UserError: A file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for file in files:
            with file.open("rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                if size <= _HASHED_OF_A_FILE:
                    digest.update(stream.read())
                else:
                    digest.update(stream.read(_HASHED_OF_A_FILE // 2))
                    stream.seek(size - _HASHED_OF_A_FILE // 2)
                    digest.update(stream.read())
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be read: {error.strerror}") from None
    return digest.hexdigest()


def absolute_root(data: DataConfig) -> Path | None:
    """Returns the absolute path of the dataset's folder or table; None for the embedded city."""
    if data.dataset == "sample":
        return None
    return Path(os.path.abspath(data_root(data)))  # noqa: PTH100  links are not resolved


def _places(pairs: Pairs, root: Path | None) -> list[str]:
    """Returns the place of each pair: that of its first file, or of both if pairs share that."""
    if root is None or not pairs.files:
        return [_normalized(name) for name in pairs.names]
    folder = os.path.join(root.parent if is_table(root) else root, "")  # noqa: PTH118
    firsts = [_place(files[0], folder) for files in pairs.files]
    if len(set(firsts)) == len(firsts):
        return firsts
    return [" + ".join(_place(file, folder) for file in files) for files in pairs.files]


def _place(file: Path, folder: str) -> str:
    """Returns the path of a file below a folder, which ends in a separator, without suffix."""
    # Texts, since paths take ten times as long; links are not resolved.
    absolute = os.path.abspath(str(file))  # noqa: PTH100
    return _normalized(without_suffix(absolute.removeprefix(folder).replace(os.sep, "/")))


def _normalized(name: str) -> str:
    return composed(name)


def _sizes(files: Sequence[Path]) -> list[int]:
    try:
        return [os.stat(str(file)).st_size for file in files]  # noqa: PTH116  faster, for many files
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be read: {error.strerror}") from None


def _digest_of_names(names: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(names).encode(errors="surrogateescape")).hexdigest()


def _split_tree(split: SplitRecord) -> dict[str, Any]:
    return {
        "pairs": split.count,
        "names_sha256": split.names_sha256,
        "bytes": {place: list(sizes) for place, sizes in split.sizes.items()},
        "sha256": dict(split.hashes),
    }


def _read_split(tree: Mapping[str, Any]) -> SplitRecord:
    return SplitRecord(
        names_sha256=str(tree["names_sha256"]),
        count=int(tree["pairs"]),
        sizes={place: list(sizes) for place, sizes in tree["bytes"].items()},
        hashes=dict(tree["sha256"]),
    )


def _ends_with(place: str, name: str) -> bool:
    return place == name or place.endswith(f"/{name}")
