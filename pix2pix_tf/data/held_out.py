"""Splits by name: whether an image is held out follows from its own name, not from the others."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Mapping, Sequence

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import pluralize


def held_out(names: Sequence[str], share: float, seed: int) -> set[str]:
    """Selects the names that are held out, about `share` of them.

    A hash of the name (its accents in whatever Unicode form) and of the seed decides about each.
    With names added or removed, the others stay where they were, unless a side would be left
    empty: each has one name at least.

    Args:
        names: The names of the images, no two alike.
        share: The share that is held out, in 0..1.
        seed: Another seed holds out others.

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
    """Divides names into parts of about these shares, and the rest, by their hashes.

    Args:
        names: The names of the images, no two alike.
        shares: The share of each part, in 0..1, together less than 1. Each part has one name at
            least, unless its share is 0.
        rest: The name of the part of all others; it has one name at least.
        seed: Another seed divides otherwise.

    Returns:
        The names of each part, in their order.

    Raises:
        UserError: There are fewer names than parts.

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
    places = {name: _place(name, seed) for name in names}
    part_of = {name: _part_at(place, shares, rest) for name, place in places.items()}
    for part in (rest, *parts):
        if part not in part_of.values():
            part_of[_to_spare(places, part_of, last=part == rest)] = part
    return {part: [name for name in names if part_of[name] == part] for part in (*shares, rest)}


def _place(name: str, seed: int) -> float:
    """Hashes a name to 0..1; no library's random numbers, which may change with its version."""
    text = f"{seed}/{unicodedata.normalize('NFC', name)}"
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _part_at(place: float, shares: Mapping[str, float], rest: str) -> str:
    end = 0.0
    for part, share in shares.items():
        end += share
        if place < end:
            return part
    return rest


def _to_spare(places: Mapping[str, float], part_of: Mapping[str, str], last: bool) -> str:
    """The name of the largest part (of two names or more) with the first or the last hash."""
    sizes: dict[str, int] = {}
    for part in part_of.values():
        sizes[part] = sizes.get(part, 0) + 1
    largest = max(sizes, key=lambda part: sizes[part])
    spare: Collection[str] = [name for name, part in part_of.items() if part == largest]
    return (max if last else min)(spare, key=lambda name: places[name])
