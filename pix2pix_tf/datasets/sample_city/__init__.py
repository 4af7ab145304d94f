"""A procedural city: a street plan from a seed, drawn as a street map and an aerial photograph.

It is deterministic, unlimited in size and needs no download. One pixel is about 1.2 metres; a
larger image shows more of the same city.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pix2pix_tf.datasets.sample_city.aerial import REACH, photograph
from pix2pix_tf.datasets.sample_city.plan import BANK, COMMERCIAL, INDUSTRIAL, Plan, make_plan
from pix2pix_tf.datasets.sample_city.street_map import draw_map

CLASSES = (
    "residential ground",
    "commercial ground",
    "industrial ground",
    "park",
    "park path",
    "water",
    "railway",
    "residential building",
    "commercial building",
    "industrial building",
    "minor street",
    "main street",
    "avenue",
)

_WHOLE = 1024  # the largest side in pixels that is drawn at once
_WINDOW = 512  # the side in pixels of the windows of a larger city


@dataclass(frozen=True)
class City:
    """A part of a city as a street map, an aerial photograph and a class map.

    Attributes:
        street_map: uint8 [H, W, 3].
        aerial: uint8 [H, W, 3].
        classes: uint8 [H, W], indices into `CLASSES`, exact to the pixel.
    """

    street_map: np.ndarray
    aerial: np.ndarray
    classes: np.ndarray


def render_city(
    seed: int, height: int, width: int, advance: Callable[[int], None] = lambda total: None
) -> City:
    """Draws city `seed`; the same seed and size give the same images.

    Large ones are drawn window by window: 4096×4096 pixels at once would take some 8 GB, windows
    take 0.2 GB beside the result.

    Args:
        seed: Any whole number from 0.
        height: Pixels, at least 16.
        width: Pixels, at least 16.
        advance: Called after each window with the number of all.
    """
    if seed < 0 or height < 16 or width < 16:
        raise ValueError(
            f"seed {seed}, height {height}, width {width}: "
            "expected a seed from 0 and at least 16×16 pixels"
        )
    if max(height, width) <= _WHOLE:
        city = _render_window(seed, height, width, (0.0, 0.0), sensor=None)
        advance(1)
        return city
    city = City(
        np.empty((height, width, 3), np.uint8),
        np.empty((height, width, 3), np.uint8),
        np.empty((height, width), np.uint8),
    )
    corners = list(itertools.product(range(0, height, _WINDOW), range(0, width, _WINDOW)))
    for top, left in corners:
        rows, columns = min(_WINDOW, height - top), min(_WINDOW, width - left)
        centre = top + rows / 2 - height / 2, left + columns / 2 - width / 2
        sensor = np.random.default_rng([seed, 2, top, left])
        window = _render_window(seed, rows, columns, centre, sensor)
        area = (slice(top, top + rows), slice(left, left + columns))
        city.street_map[area] = window.street_map
        city.aerial[area] = window.aerial
        city.classes[area] = window.classes
        advance(len(corners))
    return city


def _render_window(
    seed: int,
    height: int,
    width: int,
    centre: tuple[float, float],
    sensor: np.random.Generator | None,
) -> City:
    # The margin contains objects whose shadows fall into the image.
    plan = make_plan(seed, height + 2 * REACH, width + 2 * REACH, centre)
    inside = (slice(REACH, REACH + height), slice(REACH, REACH + width))
    images = draw_map(plan), photograph(plan, seed, sensor), _classes(plan)
    return City(*(np.ascontiguousarray(image[inside]) for image in images))


def _classes(plan: Plan) -> np.ndarray:
    """Returns the uppermost class at each pixel's centre; later layers cover earlier ones."""
    names = {name: np.uint8(index) for index, name in enumerate(CLASSES)}
    classes = plan.use.astype(np.uint8)
    built = np.select(
        [plan.use == COMMERCIAL, plan.use == INDUSTRIAL],
        [names["commercial building"], names["industrial building"]],
        names["residential building"],
    )
    layers = [
        (plan.water - BANK, names["park"]),
        (plan.path, names["park path"]),
        (plan.water, names["water"]),
        (plan.buildings.distance, built),
        (plan.rail, names["railway"]),
        (plan.streets.minor, names["minor street"]),
        (plan.streets.main, names["main street"]),
        (plan.streets.avenue, names["avenue"]),
    ]
    for distance, value in layers:
        classes = np.where(distance < 0, value, classes)
    return classes
