"""Division of images into splits by a hash of each image's name, whatever others there are."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Mapping, Sequence

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import pluralize


def held_out(names: Sequence[str], share: float, seed: int) -> set[str]:
    """Selects the names that are held out, about `share` of them.

    A hash of the name and the seed decides about each name; the Unicode form of accents does not
    matter. If names are added or removed, the others keep their part, unless a part would be empty:
    each has at least one name.

    Args:
        names: The names of the images, all different.
        share: The share that is held out, in 0..1.
        seed: The seed of the hashes; another seed holds out other names.

    Returns:
        The names that are held out.

    Raises:
        UserError: There are fewer than two names.

    Example:
        >>> names = [f"{number}" for number in range(20)]
        >>> chosen = held_out(names, 0.2, seed=0)
        >>> chosen == held_out(names[::-1], 0.2, seed=0)
        True
    """
    return set(divide(names, {"held out": share}, "the others", seed)["held out"])


def divide(
    names: Sequence[str], shares: Mapping[str, float], rest: str, seed: int
) -> dict[str, list[str]]:
    """Divides names by their hashes into parts of about the given shares, and the rest.

    Args:
        names: The names of the images, all different.
        shares: The share of each part, in 0..1; their sum is less than 1. Each part has at least
            one name, unless its share is 0.
        rest: The name of the part that all others belong to; it has at least one name.
        seed: The seed of the hashes; another seed gives another division.

    Returns:
        The names of each part, in the order of `names`.

    Raises:
        UserError: There are fewer names than parts, the rest included.

    Example:
        >>> parts = divide(list("abcdef"), {"val": 0.2, "test": 0.2}, "train", seed=0)
        >>> sorted(parts), sorted(sum(parts.values(), []))
        (['test', 'train', 'val'], ['a', 'b', 'c', 'd', 'e', 'f'])
    """
    parts = [part for part, share in shares.items() if share]
    if len(names) <= len(parts):
        raise UserError(
            f"{pluralize(len(names), 'pair')}: not enough for one each in "
            f"{', '.join([*parts, rest])}"
        )
    hashes = {name: _hash(name, seed) for name in names}
    part_of = {name: _part_at(value, shares, rest) for name, value in hashes.items()}
    for part in (rest, *parts):
        if part not in part_of.values():
            part_of[_to_spare(hashes, part_of, last=part == rest)] = part
    return {part: [name for name in names if part_of[name] == part] for part in (*shares, rest)}


def _hash(name: str, seed: int) -> float:
    """Hashes a name to [0, 1).

    It uses no random numbers of a library, which may change with the library's version.
    """
    text = f"{seed}/{unicodedata.normalize('NFC', name)}"
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _part_at(value: float, shares: Mapping[str, float], rest: str) -> str:
    end = 0.0
    for part, share in shares.items():
        end += share
        if value < end:
            return part
    return rest


def _to_spare(hashes: Mapping[str, float], part_of: Mapping[str, str], last: bool) -> str:
    """Returns the name with the least or the greatest hash in the largest part.

    That part has at least two names, so that it does not become empty.
    """
    sizes: dict[str, int] = {}
    for part in part_of.values():
        sizes[part] = sizes.get(part, 0) + 1
    largest = max(sizes, key=lambda part: sizes[part])
    candidates: Collection[str] = [name for name, part in part_of.items() if part == largest]
    return (max if last else min)(candidates, key=lambda name: hashes[name])
