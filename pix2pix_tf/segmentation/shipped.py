"""The shipped palettes, and a function that loads a palette by name or from a file."""

from __future__ import annotations

import difflib
from pathlib import Path

from pix2pix_tf.config.yaml_text import read_yaml
from pix2pix_tf.datasets.sample_city import CLASSES as CITY_CLASSES
from pix2pix_tf.datasets.sample_city import street_map
from pix2pix_tf.datasets.sample_city.plan import COMMERCIAL, INDUSTRIAL, PARK, RESIDENTIAL
from pix2pix_tf.segmentation.palette import Palette, PaletteEntry, make_palette
from pix2pix_tf.utils.errors import UserError

# The 19 training classes in the order of their numbers. Two classes that are not trained on have
# the colour of a class that is, so that label images cannot tell them apart: pole groups have that
# of poles, licence plates that of cars.
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
    (0, 0, 0),  # unlabelled, the camera's own car, borders, static
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
        Palette.from_colours("cityscapes", _CITYSCAPES, _CITYSCAPES_VOID),
        Palette.from_colours(
            "sample",
            dict(zip(CITY_CLASSES, _CITY_COLOURS, strict=True)),
            [street_map.CASING, street_map.RAIL, street_map.RAIL_GAP],
        ),
    )
}


def load_palette(name_or_file: str | Path) -> Palette:
    """Loads a shipped palette by name, or a palette from a YAML file.

    The file is a list of classes, in the order of their numbers, such as `{name: road, colour:
    [128, 64, 128]}`, and of colours that belong to no class, `{void: true, colour: [0, 0, 0]}`.

    Args:
        name_or_file: `cityscapes` for its 19 training classes, `sample` for the classes of the
            embedded city in the colours of its street map, or a file. If there is a file with the
            name of a shipped palette, the file is loaded.

    Raises:
        UserError: There is no such file or name, or the file does not hold a palette.
    """
    file = Path(name_or_file)
    if file.is_file():
        return make_palette(file.stem, read_yaml(file, list[PaletteEntry]), str(file))
    if str(name_or_file) in SHIPPED_PALETTES:
        return SHIPPED_PALETTES[str(name_or_file)]
    near = difflib.get_close_matches(str(name_or_file), SHIPPED_PALETTES, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UserError(
        f"palette {name_or_file}: no such file in {Path.cwd()}, and no shipped palette of that "
        f"name; shipped are {', '.join(SHIPPED_PALETTES)}{hint}"
    )
