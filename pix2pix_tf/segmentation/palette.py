"""The colours that a dataset's label pictures draw classes in, and back from colours to classes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from pix2pix_tf.config.yaml_text import read_yaml
from pix2pix_tf.datasets.sample_city import CLASSES as CITY_CLASSES
from pix2pix_tf.datasets.sample_city import street_map
from pix2pix_tf.datasets.sample_city.plan import COMMERCIAL, INDUSTRIAL, PARK, RESIDENTIAL
from pix2pix_tf.images.convert import to_8bit, to_channels
from pix2pix_tf.utils.errors import UserError

VOID = 255  # in class maps: what is neither counted nor learnt
# Pixels farther than this from every colour of the palette are unknown, in grey levels, Euclidean.
# Jpeg, as which labels were published, mixes neighbouring colours along every border: in those of
# Cityscapes 8 % of the pixels are this far off, 99 % of them within two pixels of a border.
UNKNOWN_BEYOND = 32
_OUT_OF_REACH = 1024  # grey levels: farther than any colour is from any other
UNKNOWN_AT_MOST = 0.2  # of the pixels of a picture: beyond, the palette is the wrong one

Colour = tuple[int, int, int]


class _Entry(TypedDict, total=False):
    """One of the list in a palette's file."""

    name: str
    colour: list[int]
    void: bool


@dataclass(frozen=True)
class Palette:
    """Which colour shows which class.

    Attributes:
        name: A shipped palette's, or its file's without suffix.
        classes: The names of the K classes; a class's number is its place.
        colours: uint8 [K, 3], RGB, one a class.
        void: uint8 [V, 3], colours of what belongs to no class.
    """

    name: str
    classes: tuple[str, ...]
    colours: np.ndarray
    void: np.ndarray


@dataclass(frozen=True)
class Decoded:
    """A label picture as classes.

    Attributes:
        classes: uint8 [H, W], a class's number or `VOID`.
        unknown: Pixels farther than `UNKNOWN_BEYOND` from every colour of the palette.
        commonest_unknown: The colour that most of those have; None where there are none.
        ids: Whether the values of a grey picture were taken for class numbers.
    """

    classes: np.ndarray
    unknown: int
    commonest_unknown: Colour | None
    ids: bool = False


def decode_labels(
    picture: np.ndarray,
    palette: Palette,
    *,
    void_allowed: bool = True,
    label_ids: bool | None = None,
) -> Decoded:
    """From a label image to the class of each pixel, which is that of the nearest colour.

    Distances are Euclidean, in RGB. Grey images (one channel, or three that are equal everywhere)
    have the nearest of the palette's greys, if any of its classes is grey. They hold class numbers
    instead, with 255 for void, where that is told or where they could not be greys:

    - no class of the palette is grey, and the image has one channel; or
    - all values are class numbers (or 255, unless the palette has white), and none of them comes
      near the grey of a class.

    Values that are all exactly greys of the palette, of a class at least, are always greys. What
    could be both is refused.

    Args:
        picture: uint8 or uint16 [H, W, 1..4]; alpha is laid over white.
        palette: Its colours.
        void_allowed: Whether a colour may mean no class at all. What a network draws has to be some
            class: then void colours are left out, and three channels are colours unless told.
        label_ids: Whether grey images hold class numbers; None decides as above.

    Raises:
        UserError: A grey image that could be both, or class numbers that the palette does not have.
    """
    picture = to_channels(picture, 1 if picture.shape[2] <= 2 else 3)
    values = _grey_values(picture, palette, void_allowed, label_ids)
    if values is not None:
        if label_ids if label_ids is not None else _are_ids(values, palette):
            return Decoded(_numbers(values, palette), 0, None, ids=True)
        palette = _greys_of(palette)
        picture = to_channels(values[..., np.newaxis], 3)
    picture = to_8bit(picture)
    count = len(palette.classes)
    colours = np.concatenate([palette.colours, palette.void])
    # A picture has far fewer colours than pixels.
    packed = picture @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    packed, place, counts = np.unique(packed, return_inverse=True, return_counts=True)
    found = np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1)

    distances = _squared_distances(found, colours)
    nearest = distances[:, : None if void_allowed else count].argmin(axis=1)
    classes = np.where(nearest < count, nearest, VOID).astype(np.uint8)
    unknown = np.where(distances.min(axis=1) > UNKNOWN_BEYOND**2, counts, 0)
    commonest = _colour(found[unknown.argmax()]) if unknown.any() else None
    return Decoded(classes[place].reshape(picture.shape[:2]), int(unknown.sum()), commonest)


def decode_output(
    picture: np.ndarray, truth: Decoded, palette: Palette, label_ids: bool | None = None
) -> Decoded:
    """`decode_labels` of what a network drew, whose greys mean what those of the truth mean."""
    if label_ids is None and picture.shape[-1] <= 2 and len(_greys(palette.colours)):
        label_ids = truth.ids
    return decode_labels(picture, palette, void_allowed=False, label_ids=label_ids)


def check_palette(decoded: Decoded, palette: Palette, where: str) -> None:
    """Checks that a label picture is drawn in the colours of a palette.

    Args:
        decoded: The picture, decoded by this palette.
        palette: The palette.
        where: What the picture is, for the error.

    Raises:
        UserError: More than a fifth of its pixels are of unknown colours.
    """
    share = decoded.unknown / decoded.classes.size
    if share > UNKNOWN_AT_MOST:
        raise UserError(
            f"{where}: {share:.0%} of its pixels have none of the colours of the palette "
            f"{palette.name}, most often {list(decoded.commonest_unknown or ())}; choose the "
            f"palette these labels are drawn in: one of {', '.join(SHIPPED_PALETTES)}, or a YAML "
            "file that lists their names and colours"
            + ("; --label-ids, if they are class numbers" if _is_grey(decoded) else "")
        )


def load_palette(name_or_file: str | Path) -> Palette:
    """A shipped palette by its name, or one that a YAML file lists.

    The file: a list of classes, in the order of their numbers, such as `{name: road, colour:
    [128, 64, 128]}`, and of colours that belong to no class, `{void: true, colour: [0, 0, 0]}`.

    Args:
        name_or_file: `cityscapes`: its 19 training classes; `sample`: the classes of the embedded
            city in the colours of its street map; or a file, which comes first.

    Raises:
        UserError: There is no such file or name, or what the file holds is no palette.
    """
    file = Path(name_or_file)
    if file.is_file():
        return make_palette(file.stem, read_yaml(file, list[_Entry]), str(file))
    if str(name_or_file) in SHIPPED_PALETTES:
        return SHIPPED_PALETTES[str(name_or_file)]
    near = difflib.get_close_matches(str(name_or_file), SHIPPED_PALETTES, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UserError(
        f"palette {name_or_file}: no such file in {Path.cwd()}, and no shipped palette of that "
        f"name; shipped are {', '.join(SHIPPED_PALETTES)}{hint}"
    )


def make_palette(name: str, entries: Any, where: str) -> Palette:
    """A palette from the list that its file holds (see `load_palette`).

    Args:
        name: Of the palette.
        entries: What YAML made of the list.
        where: Names it in errors.

    Raises:
        UserError: It is no palette.
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
    return _palette(name, classes, void)


def palette_entries(palette: Palette) -> list[dict[str, Any]]:
    """The list that a palette's file would hold: `make_palette` makes the same palette of it."""
    named = [
        {"name": name, "colour": colour.tolist()}
        for name, colour in zip(palette.classes, palette.colours, strict=True)
    ]
    return [*named, *({"void": True, "colour": colour.tolist()} for colour in palette.void)]


def draw_classes(classes: np.ndarray, palette: Palette) -> np.ndarray:
    """A class map, uint8 [H, W], as a picture in the palette's colours, uint8 [H, W, 3].

    Void is drawn in the palette's first void colour, black where it has none.
    """
    table = np.zeros((VOID + 1, 3), np.uint8)
    table[: len(palette.colours)] = palette.colours
    if len(palette.void):
        table[VOID] = palette.void[0]
    return table[classes]


def _is_grey(decoded: Decoded) -> bool:
    return len(set(decoded.commonest_unknown or ())) == 1


def _grey_values(
    picture: np.ndarray, palette: Palette, void_allowed: bool, label_ids: bool | None
) -> np.ndarray | None:
    """The values of a grey image, [H, W]; None where it shows colours."""
    if picture.shape[-1] == 1:
        return picture[..., 0]
    may_be_grey = label_ids or (void_allowed and len(_greys(palette.colours)))
    if may_be_grey and (picture == picture[..., :1]).all():
        return picture[..., 0]
    return None


def _greys(colours: np.ndarray) -> np.ndarray:
    """The levels of those colours that are grey."""
    return colours[(colours == colours[:, :1]).all(axis=1), 0]


def _are_ids(values: np.ndarray, palette: Palette) -> bool:
    """Whether a grey image holds class numbers, see `decode_labels`."""
    of_classes, of_void = _greys(palette.colours), _greys(palette.void)
    if not len(of_classes):
        return True
    seen = np.unique(values)
    levels = seen / (257 if values.dtype == np.uint16 else 1)
    greys = np.concatenate([of_classes, of_void])
    exact = np.isin(levels, greys).all()
    if exact and np.isin(levels, of_classes).any():
        return False
    numbers = seen[seen != VOID] if VOID not in greys else seen
    if (numbers >= len(palette.classes)).any():
        return False
    of_numbers = levels[np.isin(seen, numbers)]
    apart = np.abs(of_numbers[:, np.newaxis] - of_classes) * np.sqrt(3) > UNKNOWN_BEYOND
    if not exact and apart.all():
        return True
    raise UserError(
        f"a grey label image with values from {seen[0]} to {seen[-1]}: these may be class numbers, "
        f"or near the greys of the palette {palette.name} ({', '.join(map(str, sorted(greys)))}); "
        "say which with --label-ids or --no-label-ids (a segmenter's config: label_ids)"
    )


def _greys_of(palette: Palette) -> Palette:
    """A palette in which only greys can be met, and classes keep their numbers."""
    if not len(_greys(palette.colours)):
        return palette
    far = np.where((palette.colours == palette.colours[:, :1]).all(axis=1)[:, np.newaxis], 0, 1)
    void = palette.void[(palette.void == palette.void[:, :1]).all(axis=1)]
    colours = palette.colours.astype(np.int32) + far * _OUT_OF_REACH
    return replace(palette, colours=colours, void=void)


def _numbers(values: np.ndarray, palette: Palette) -> np.ndarray:
    count = len(palette.classes)
    wrong = values[(values >= count) & (values != VOID)]
    if wrong.size:
        raise UserError(
            f"a grey label picture holds the value {wrong[0]}: grey values are class numbers, and "
            f"those of the palette {palette.name} go from 0 to {count - 1}, with {VOID} for void"
        )
    return values.astype(np.uint8)


def _squared_distances(found: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """[N, K] between colours [N, 3] and [K, 3]; exact: float32 has the whole numbers to 2**24."""
    a, b = found.astype(np.float32), colours.astype(np.float32)
    return (a * a).sum(1)[:, np.newaxis] - 2 * (a @ b.T) + (b * b).sum(1)


def _colour(values: Iterable[int]) -> Colour:
    red, green, blue = (int(value) for value in values)
    return red, green, blue


def _checked_colour(value: Any, here: str) -> Colour:
    whole = isinstance(value, list) and len(value) == 3 and all(type(part) is int for part in value)
    if not whole or not all(0 <= part <= 255 for part in value):
        raise UserError(
            f"{here}: colour: {value!r}: expected red, green and blue from 0 to 255, such as "
            "[128, 64, 128]"
        )
    return _colour(value)


def _palette(name: str, classes: dict[str, Colour], void: Sequence[Colour]) -> Palette:
    colours = np.array(list(classes.values()), np.uint8)
    return Palette(name, tuple(classes), colours, np.array(void, np.uint8).reshape(-1, 3))


# The training classes by number. Two classes that are not trained on have the colour of one that
# is, so that pictures cannot tell them apart: pole groups that of poles, licence plates that of
# cars.
_CITYSCAPES = {
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "building": (70, 70, 70),
    "wall": (102, 102, 156),
    "fence": (190, 153, 153),
    "pole": (153, 153, 153),
    "traffic light": (250, 170, 30),
    "traffic sign": (220, 220, 0),
    "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152),
    "sky": (70, 130, 180),
    "person": (220, 20, 60),
    "rider": (255, 0, 0),
    "car": (0, 0, 142),
    "truck": (0, 0, 70),
    "bus": (0, 60, 100),
    "train": (0, 80, 100),
    "motorcycle": (0, 0, 230),
    "bicycle": (119, 11, 32),
}
_CITYSCAPES_VOID = [
    (0, 0, 0),  # unlabelled, the car of the camera, borders, static
    (111, 74, 0),  # dynamic
    (81, 0, 81),  # ground
    (250, 170, 160),  # parking
    (230, 150, 140),  # rail track
    (180, 165, 180),  # guard rail
    (150, 100, 100),  # bridge
    (150, 120, 90),  # tunnel
    (0, 0, 90),  # caravan
    (0, 0, 110),  # trailer
]
_CITY_COLOURS = (
    street_map.GROUND[RESIDENTIAL],
    street_map.GROUND[COMMERCIAL],
    street_map.GROUND[INDUSTRIAL],
    street_map.GROUND[PARK],
    street_map.PATH,
    street_map.WATER,
    street_map.RAIL_BED,
    street_map.BUILDING[RESIDENTIAL],
    street_map.BUILDING[COMMERCIAL],
    street_map.BUILDING[INDUSTRIAL],
    street_map.MINOR,
    street_map.MAIN,
    street_map.AVENUE,
)

SHIPPED_PALETTES = {
    palette.name: palette
    for palette in (
        _palette("cityscapes", _CITYSCAPES, _CITYSCAPES_VOID),
        _palette(
            "sample",
            dict(zip(CITY_CLASSES, _CITY_COLOURS, strict=True)),
            [street_map.CASING, street_map.RAIL, street_map.RAIL_GAP],
        ),
    )
}
