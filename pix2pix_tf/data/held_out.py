"""Which images of a dataset are held out: by their names alone, so that none moves with others."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Mapping, Sequence

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import pluralize


def held_out(names: Sequence[str], share: float, seed: int) -> set[str]:
    """The names that are held out, about `share` of them, one at least on either side.

    Each name is held out or not by a hash of it, its accents in whatever form, and of the seed.
    With more names or less, those that stay are still where they were, unless none were left on a
    side.

    Args:
        names: Of the images, no two alike.
        share: In 0..1.
        seed: Another one holds out others.

    Raises:
        UserError: Fewer than two names.
    """
    return set(divide(names, {"held out": share}, "the others", seed)["held out"])


def divide(
    names: Sequence[str], shares: Mapping[str, float], rest: str, seed: int
) -> dict[str, list[str]]:
    """Names divided into parts of about these shares and the rest, by their hashes as `held_out`.

    Args:
        names: Of the images, no two alike.
        shares: Of each part, in 0..1, together less than 1. Each gets one name at least, unless its
            share is 0.
        rest: What the part of all others is called; it gets one name at least.
        seed: Another one divides otherwise.

    Returns:
        The names of each part, in their order.

    Raises:
        UserError: Fewer names than parts.
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
    """A number in 0..1 for a name; not of a library's random numbers, which change by version."""
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
    """The first or last name of the largest part, which has two at least."""
    sizes: dict[str, int] = {}
    for part in part_of.values():
        sizes[part] = sizes.get(part, 0) + 1
    largest = max(sizes, key=lambda part: sizes[part])
    spare: Collection[str] = [name for name, part in part_of.items() if part == largest]
    return (max if last else min)(spare, key=lambda name: places[name])
