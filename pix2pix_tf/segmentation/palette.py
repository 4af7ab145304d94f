"""Palettes: the colours of classes in label images, and the format of palette files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np

from pix2pix_tf.utils.errors import UserError

VOID = 255  # in class maps: pixels without a class, which neither scores nor training count

Colour = tuple[int, int, int]


class PaletteEntry(TypedDict, total=False):
    """One item of the list in a palette file."""

    name: str
    colour: list[int]
    void: bool


@dataclass(frozen=True)
class Palette:
    """The colours of classes in label images.

    Attributes:
        name: Name of a shipped palette, or of its file without suffix.
        classes: Names of the K classes, in the order of their numbers.
        colours: Colours of the classes, uint8 [K, 3], RGB.
        void: Colours of pixels without a class, uint8 [V, 3].
    """

    name: str
    classes: tuple[str, ...]
    colours: np.ndarray
    void: np.ndarray

    @classmethod
    def from_colours(cls, name: str, classes: dict[str, Colour], void: Sequence[Colour]) -> Palette:
        """Makes a palette.

        Args:
            name: Name of the palette.
            classes: Colours of the classes by name, in the order of their numbers.
            void: Colours of pixels without a class.
        """
        colours = np.array(list(classes.values()), np.uint8)
        return cls(name, tuple(classes), colours, np.array(void, np.uint8).reshape(-1, 3))


def make_palette(name: str, entries: Any, where: str) -> Palette:
    """Makes a palette from the list in a palette file, see `load_palette`.

    Args:
        name: Name of the palette.
        entries: The list as read from YAML.
        where: Name of the list in error messages, such as its file.

    Raises:
        UserError: It is not a list of at least two classes with different colours.
    """
    example = "{name: road, colour: [128, 64, 128]} or {void: true, colour: [0, 0, 0]}"
    if not isinstance(entries, list):
        raise UserError(f"{where}: expected a list of {example}, found {entries!r}")
    classes: dict[str, Colour] = {}
    void: list[Colour] = []
    for number, entry in enumerate(entries, start=1):
        here = f"{where}, entry {number}"
        keys = sorted(entry) if isinstance(entry, dict) else []
        if keys not in (["colour", "name"], ["colour", "void"]):
            raise UserError(f"{here}: expected {example}, found {entry!r}")
        colour = _checked_colour(entry["colour"], here)
        if colour in (*classes.values(), *void):
            raise UserError(f"{here}: the colour {list(colour)} is given twice; each stands once")
        if "void" in entry:
            if entry["void"] is not True:
                raise UserError(f"{here}: void: {entry['void']!r}: expected true, or a name")
            void.append(colour)
            continue
        label = entry["name"]
        if not isinstance(label, str) or not label or label in classes:
            raise UserError(f"{here}: name: {label!r}: expected a text that no other class has")
        classes[label] = colour
    if not 2 <= len(classes) <= VOID:
        raise UserError(f"{where}: has {len(classes)} classes; expected 2 to {VOID}")
    return Palette.from_colours(name, classes, void)


def palette_entries(palette: Palette) -> list[dict[str, Any]]:
    """Returns the list of a palette file; the inverse of `make_palette`."""
    named = [
        {"name": name, "colour": colour.tolist()}
        for name, colour in zip(palette.classes, palette.colours, strict=True)
    ]
    return [*named, *({"void": True, "colour": colour.tolist()} for colour in palette.void)]


def _checked_colour(value: Any, here: str) -> Colour:
    whole = isinstance(value, list) and len(value) == 3 and all(type(part) is int for part in value)
    if not whole or not all(0 <= part <= 255 for part in value):
        raise UserError(
            f"{here}: colour: {value!r}: expected red, green and blue from 0 to 255, such as "
            "[128, 64, 128]"
        )
    red, green, blue = value
    return red, green, blue
