"""Which pairs something was trained on, kept beside its weights and compared with those of today.

Of every pair its place below the root, without suffix, and the sizes of its files are kept; of as
many pairs as `HASHED_BYTES` allow, spread evenly, a SHA-256 of their contents too, so that a large
dataset costs no more than a small one. What that cannot see: another file of the same name and the
same size in a dataset too large to be hashed whole, and an image that was encoded anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pix2pix_tf.config.schema import DataConfig
from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.data.pairs import OpenedPairs, data_root
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import write_text
from pix2pix_tf.utils.parallel import parallel_map
from pix2pix_tf.utils.text import pluralize, shorten_list

HASHED_BYTES = 256 * 2**20  # of a split, at most
_HASHED_OF_A_FILE = 16 * 2**20  # a larger file is hashed at its beginning and its end
_NAMED_AT_MOST = 5


@dataclass(frozen=True)
class SplitRecord:
    """The pairs of one split, by their places below the root, without suffix.

    Attributes:
        names_sha256: A digest of the pairs' names in their order.
        count: How many pairs there are.
        sizes: Sizes of the files of each pair, in bytes.
        hashes: SHA-256 of the contents of some pairs.
        files: Paths of each pair's files, if it is there now: what was not hashed can still be.
    """

    names_sha256: str
    count: int
    sizes: Mapping[str, Sequence[int]]
    hashes: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Sequence[Path]] = field(default_factory=dict)

    def hash_of(self, place: str) -> str | None:
        """The hash of a pair's contents, now computed if it has to be; None if it cannot be."""
        if place in self.hashes:
            return self.hashes[place]
        return file_digest(self.files[place]) if self.files.get(place) else None

    def digest(self) -> str:
        """Of names and contents: what tells the data of one evaluation from that of another."""
        facts = [[place, list(each), self.hashes.get(place)] for place, each in self.sizes.items()]
        return short_digest(facts)


_NOTHING = SplitRecord("", 0, {})


@dataclass(frozen=True)
class PairsRecord:
    """What was trained and validated on.

    Attributes:
        layout: How the dataset lies on disk, None where that was not recorded.
        root: The dataset's folder, absolute; None for the embedded city.
        train: The pairs trained on in the last session.
        val: Those validated on.
        earlier: Those that earlier sessions trained on and the last one did not.
        skipped: Places of bad pairs that were left out, by split.
        proportions: Least and greatest width / height of side-by-side files, None of others.
        since: The step from which these validation pairs are scored.
    """

    layout: str | None
    root: Path | None
    train: SplitRecord
    val: SplitRecord
    earlier: SplitRecord = _NOTHING
    skipped: Mapping[str, Sequence[str]] = field(default_factory=dict)
    proportions: tuple[float, float] | None = None
    since: int = 0

    def write(self, file: Path) -> None:
        """Writes it as JSON, whole or not at all."""
        tree = {
            "layout": self.layout,
            "root": None if self.root is None else str(self.root),
            "proportions": self.proportions,
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
        """Of all pairs' names and contents."""
        return short_digest([self.train.digest(), self.val.digest()])


def record_of(opened: OpenedPairs, data: DataConfig) -> PairsRecord:
    """The record of pairs as they are now.

    Raises:
        UserError: A file cannot be read.
    """
    root = absolute_root(data)
    skipped: dict[str, list[str]] = {}
    for one in opened.skipped:
        skipped.setdefault(one.split, []).append(_normal(one.name))
    return PairsRecord(
        layout=opened.layout,
        root=root,
        train=split_record(opened.train, root),
        val=split_record(opened.val, root),
        skipped=skipped,
    )


def split_record(pairs: Pairs, root: Path | None) -> SplitRecord:
    """The record of one split as it is now; `root` is the dataset's folder.

    Raises:
        UserError: A file cannot be read.
    """
    files = dict(zip(_places(pairs, root), pairs.files or [()] * len(pairs), strict=True))
    found = parallel_map(_sizes, list(files.values()), lambda total: None)
    sizes = dict(zip(files, found, strict=True))
    read = sum(min(size, _HASHED_OF_A_FILE) for each in found for size in each)
    hashed = list(files)[:: max(1, -(-read // HASHED_BYTES))] if read else []
    hashes = parallel_map(lambda place: file_digest(files[place]), hashed, lambda total: None)
    return SplitRecord(
        names_sha256=_digest_of_names(pairs.names),
        count=len(pairs),
        sizes=sizes,
        hashes=dict(zip(hashed, hashes, strict=True)),
        files=files,
    )


def read_record(file: Path) -> PairsRecord | None:
    """What was recorded; None where nothing was.

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
    file: Path, now: PairsRecord, of: str, elsewhere: str, data_changed: bool
) -> None:
    """Checks that what was trained may be trained further on these pairs. Nothing is written.

    Args:
        file: The record beside the weights; where there is none, nothing is compared.
        now: The pairs of today.
        of: What was trained, such as `run runs/maps`.
        elsewhere: The option that names another place to train in.
        data_changed: Whether the user said that they are others than before. Even then none of
            those to validate on may have been trained on.

    Raises:
        UserError: They are others than in the last session; or were trained on.
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
        check_unchanged(before, now, of, recovery_hint)
    check_never_trained_on(now.val, "val", before, now.root, of)


def check_unchanged(before: PairsRecord, now: PairsRecord, of: str, recovery_hint: str) -> None:
    """Checks that pairs are those of the record; that they lie elsewhere does not matter.

    Args:
        before: The record.
        now: The pairs of today.
        of: What was trained on them, such as `run runs/maps`.
        recovery_hint: What else one may do, for the end of the sentence.

    Raises:
        UserError: They are others; it names the difference.
    """
    differences = _differences(before, now)
    if differences:
        moved = f", from {before.root}" if before.root not in (None, now.root) else ""
        raise UserError(
            f"{of}: was trained on other pairs than those of {now.root or 'the sample'} now"
            f"{moved}: {'; '.join(differences)}. Nothing of it was changed. {recovery_hint}"
        )


def check_never_trained_on(
    scored: SplitRecord, split: str, before: PairsRecord, root: Path | None, of: str
) -> None:
    """Checks that no pair to validate on was ever trained on.

    A pair counts as trained on where its place below the same root was, or where its contents were,
    under whatever name. What was validated on from the start on may stay.

    Args:
        scored: The pairs.
        split: What they are called.
        before: The record.
        root: Where `scored` lies.
        of: What was trained.

    Raises:
        UserError: Some were; it names them.
    """
    found = trained_among(scored, before, root)
    if found:
        raise UserError(
            f"{of}: was trained on {len(found)} of the {scored.count} pairs of {split}: "
            f"{shorten_list(found, _NAMED_AT_MOST)}. Their scores would say nothing about images "
            "it has not seen: take them out, or put pairs it never saw into a folder of their own "
            "(val/, or another --split)"
        )


def trained_among(scored: SplitRecord, before: PairsRecord, root: Path | None) -> list[str]:
    """Words for each pair that was trained on, see `check_never_trained_on`."""
    return [
        f"{place} (trained on as {trained})" if place != trained else place
        for place, trained in _trained_among(scored, before, root).items()
    ]


def shared_contents(train: SplitRecord, val: SplitRecord) -> list[str]:
    """Words for each validation pair whose files are those of a training pair."""
    same = _same_contents(val, train)
    return [f"{place} is {trained}" for place, trained in same.items()]


def next_record(before: PairsRecord | None, now: PairsRecord, step: int) -> PairsRecord:
    """The record of a session that goes on from `step` with the pairs of today."""
    if before is None:
        return now
    same = same_pairs(before.val, now.val)
    now = replace(now, since=before.since if same else step)
    sizes, hashes = {}, {}
    for split in (before.earlier, before.train):
        for place, each in split.sizes.items():
            if place not in now.train.sizes or _is_other(split, now.train, place):
                sizes[place] = each
                if place in split.hashes:
                    hashes[place] = split.hashes[place]
    return replace(now, earlier=SplitRecord("", len(sizes), sizes, hashes))


def same_pairs(old: SplitRecord, new: SplitRecord) -> bool:
    """Whether a split of today has the pairs of a recorded one, as far as the record says."""
    same_places = old.sizes.keys() == new.sizes.keys()
    return same_places and not any(_is_other(old, new, place) for place in new.sizes)


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
    bad = [place for place in gone if any(_ends(place, name) for name in skipped)]
    gone = [place for place in gone if place not in bad]
    kinds = (
        ("more", [place for place in today if place not in then]),
        ("missing", gone),
        ("bad now, and skipped", bad),
        ("of other contents", [place for place in both if _is_other(old, new, place)]),
    )
    return [
        f"{split}: {len(places)} {kind} ({shorten_list(places, _NAMED_AT_MOST)})"
        for kind, places in kinds
        if places
    ]


def _is_other(old: SplitRecord, new: SplitRecord, place: str) -> bool:
    """Whether a pair that both have is of other contents."""
    if list(old.sizes[place]) != list(new.sizes[place]):
        return True
    return place in old.hashes and new.hash_of(place) != old.hashes[place]


def _trained_among(scored: SplitRecord, before: PairsRecord, root: Path | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for trained in (before.train, before.earlier):
        for place in scored.sizes:
            if place in trained.sizes and (
                root == before.root or not _is_other(trained, scored, place)
            ):
                found.setdefault(place, place)
        for place, name in _same_contents(scored, trained).items():
            found.setdefault(place, name)
    kept = before.val.sizes
    # Validated on from the start, beside a training image of the same contents: that was said then.
    return {
        place: name
        for place, name in found.items()
        if place == name or place not in kept or _is_other(before.val, scored, place)
    }


def _same_contents(some: SplitRecord, others: SplitRecord) -> dict[str, str]:
    """Places of `some` whose files have the contents of one of `others`, with its place."""
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
    """16 hexadecimal digits that tell plain values from others."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def file_digest(files: Sequence[Path]) -> str:
    """A SHA-256 of files' contents; of large ones, of their beginnings and ends.

    Raises:
        UserError: One cannot be read.
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
    """The dataset's folder; None for the embedded city."""
    if data.dataset == "sample":
        return None
    return Path(os.path.abspath(data_root(data)))  # noqa: PTH100  links stay what they are


def _places(pairs: Pairs, root: Path | None) -> list[str]:
    if root is None or not pairs.files:
        return [_normal(name) for name in pairs.names]
    places = []
    for first, *_ in pairs.files:
        absolute = Path(os.path.abspath(first))  # noqa: PTH100  links stay what they are
        inside = absolute.is_relative_to(root)
        place = absolute.relative_to(root) if inside else absolute
        places.append(_normal(place.with_suffix("").as_posix()))
    return places


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _sizes(files: Sequence[Path]) -> list[int]:
    try:
        return [file.stat().st_size for file in files]
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


def _ends(place: str, name: str) -> bool:
    return place == name or place.endswith(f"/{name}")
