"""Writing of the embedded sample city as a dataset, with its exact class maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.datasets.sample_city import City, render_city
from pix2pix_tf.datasets.sample_city.aerial import PIXEL
from pix2pix_tf.images.io import write_image
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import atomic_directory, check_new_directory, write_text

METRES_PER_DEGREE_NORTH = 110_574.0  # of latitude at the equator, where it is smallest
METRES_PER_DEGREE_EAST = 111_320.0  # of longitude at the equator, where the city lies
FIRST_VALIDATION_SEED = 1_000_000  # training cities have seeds from 0, so that none is in both


def write_sample(
    output: str | Path,
    train: int,
    val: int,
    size: tuple[int, int],
    advance: Callable[[int], None] = lambda total: None,
) -> None:
    """Writes sample cities: side-by-side pairs (aerial photograph | street map) and class maps.

    Args:
        output: The folder for `train/NAME.png`, `val/NAME.png` and `classes/SPLIT/NAME.png`; the
            last are grey images whose values are indices into `sample_city.CLASSES`.
        train: The number of training pairs.
        val: The number of validation pairs.
        size: Height and width of one image in pixels.
        advance: Called after each pair with the total number.

    Raises:
        UserError: The folder is not empty, or cannot be written.
    """
    folder = Path(output)
    check_new_directory(folder)
    with atomic_directory(folder) as aside:
        for split, first, count in (("train", 0, train), ("val", FIRST_VALIDATION_SEED, val)):
            for seed in range(first, first + count):
                _write(aside, split, f"city-{seed}", render_city(seed, *size))
                advance(train + val)


@dataclass(frozen=True)
class Scene:
    """The result of `write_scene`: how to divide its pairs by latitude.

    Attributes:
        share: The share of the validation pairs, in 0..1, for `data split --val`.
        buffer: The height of an image in metres, for `data split --buffer`.
    """

    share: float
    buffer: float


def write_scene(
    output: str | Path,
    train: int,
    val: int,
    size: int,
    side: int,
    advance: Callable[[int], None] = lambda total: None,
) -> Scene:
    """Writes pairs cut out of one large city at random positions, the training pairs in its north.

    Images of one split may overlap, like those of the paper's maps; the splits are separated by a
    strip of an image's height, so that they have no pixel in common.

    Args:
        output: The folder for the files of `write_sample` and for `places.csv`: name, latitude and
            longitude of each image's centre, with the centre of the city at 0, 0.
        train: The number of training pairs.
        val: The number of validation pairs.
        size: Height and width of one image in pixels.
        side: Height and width of the city in pixels.
        advance: Called after each part of the city with the total number of parts.

    Returns:
        The share and the buffer that divide the pairs in the same way.

    Raises:
        UserError: The city is too small, the folder is not empty or cannot be written.
    """
    folder = Path(output)
    check_new_directory(folder)
    places = _scene_places(train, val, size, side)
    scene = render_city(0, side, side, advance)
    with atomic_directory(folder) as aside:
        for split, corners in places.items():
            for top, left in corners:
                window = (slice(top, top + size), slice(left, left + size))
                city = City(scene.street_map[window], scene.aerial[window], scene.classes[window])
                _write(aside, split, _scene_name(top, left), city)
        write_text(aside / "places.csv", _places_table(places, size, side))
    return Scene(share=val / (train + val), buffer=size * PIXEL)


def _scene_places(train: int, val: int, size: int, side: int) -> dict[str, list[tuple[int, int]]]:
    """Draws the top left corners (row, column) of the images of each split, all different."""
    rows = side - size  # without the strip between the splits
    if rows < 2 * size:
        raise UserError(
            f"--scene {side}: is too small for images of {size} pixels: a row to train on, one "
            f"to validate on and one between them take {3 * size}"
        )
    southern = min(max(round(rows * val / (train + val)), size), rows - size)
    random = np.random.default_rng(0)
    return {
        "train": _corners(random, train, 0, rows - southern, size, side),
        "val": _corners(random, val, side - southern, southern, size, side),
    }


def _corners(
    random: np.random.Generator, count: int, top: int, height: int, size: int, width: int
) -> list[tuple[int, int]]:
    """Draws corners of different windows within rows `top` to `top + height`."""
    columns = width - size + 1
    windows = (height - size + 1) * columns
    if count > windows:
        raise UserError(
            f"--scene {width}: has only {windows} places for {count} images of {size} pixels; "
            "give a larger one"
        )
    chosen = random.choice(windows, count, replace=False)
    return [(top + int(index) // columns, int(index) % columns) for index in chosen]


def _places_table(places: Mapping[str, Sequence[tuple[int, int]]], size: int, side: int) -> str:
    """Returns the text of places.csv."""
    lines = ["name,latitude,longitude"]
    for corners in places.values():
        for top, left in corners:
            north, east = side / 2 - (top + size / 2), left + size / 2 - side / 2
            latitude = north * PIXEL / METRES_PER_DEGREE_NORTH
            longitude = east * PIXEL / METRES_PER_DEGREE_EAST
            lines.append(f"{_scene_name(top, left)},{latitude:.9f},{longitude:.9f}")
    return "\n".join(lines) + "\n"


def _scene_name(top: int, left: int) -> str:
    return f"scene-{top:05d}-{left:05d}"


def _write(folder: Path, split: str, name: str, city: City) -> None:
    """Writes one pair and its class map."""
    for directory in (folder / split, folder / "classes" / split):
        directory.mkdir(parents=True, exist_ok=True)
    pair = np.concatenate([city.aerial, city.street_map], axis=1)
    write_image(folder / split / f"{name}.png", pair)
    write_image(folder / "classes" / split / f"{name}.png", city.classes[..., np.newaxis])
