"""Drawing of a plan as a street map, in flat colours with soft edges."""

from __future__ import annotations

import numpy as np

from pix2pix_tf.datasets.sample_city.fields import Array, cover
from pix2pix_tf.datasets.sample_city.plan import (
    BANK,
    COMMERCIAL,
    INDUSTRIAL,
    PARK,
    RESIDENTIAL,
    Plan,
)

GROUND = {
    RESIDENTIAL: (240, 237, 229),
    COMMERCIAL: (236, 229, 223),
    INDUSTRIAL: (231, 229, 236),
    PARK: (197, 226, 179),
}
BUILDING = {
    RESIDENTIAL: (212, 200, 190),
    COMMERCIAL: (222, 190, 170),
    INDUSTRIAL: (196, 192, 212),
    PARK: (212, 200, 190),
}
WATER, PATH = (158, 202, 232), (226, 236, 212)
MINOR, MAIN, AVENUE = (255, 255, 255), (253, 228, 148), (247, 181, 104)
CASING = (196, 191, 184)
RAIL, RAIL_GAP, RAIL_BED = (120, 116, 122), (236, 234, 236), (224, 218, 212)
_SLEEPER = 10.0  # the length in pixels of a dash of the railway with its gap


def draw_map(plan: Plan) -> Array:
    """Draws the street map of a plan, uint8 [H, W, 3]."""
    image = _by_use(GROUND, plan.use)
    image = _paint(image, GROUND[PARK], cover(plan.water - BANK))
    image = _paint(image, PATH, cover(plan.path))
    image = _paint(image, WATER, cover(plan.water))
    image = _paint(image, RAIL_BED, cover(plan.rail))
    outline = cover(plan.buildings.distance)[..., np.newaxis]
    image += outline * (_by_use(BUILDING, plan.use) - image)
    image = _paint(image, RAIL, cover(np.abs(plan.rail_across) - 2.0) * (plan.rail < 50))
    dashes = np.abs(np.mod(plan.rail_along, _SLEEPER) - _SLEEPER / 2) - _SLEEPER / 4
    gap = np.maximum(np.abs(plan.rail_across) - 1.0, dashes)
    image = _paint(image, RAIL_GAP, cover(gap) * (plan.rail < 50))
    streets = plan.streets
    ways = [(streets.minor, MINOR), (streets.main, MAIN), (streets.avenue, AVENUE)]
    for distance, _ in ways:  # casings are drawn first, so that they do not cross other streets
        image = _paint(image, CASING, cover(distance - 0.8))
    for distance, colour in ways:
        image = _paint(image, colour, cover(distance + 0.4))
    return np.round(image).astype(np.uint8)


def _by_use(colours: dict[int, tuple[int, int, int]], use: Array) -> Array:
    table = np.array([colours[kind] for kind in sorted(colours)], np.float32)
    return table[use]


def _paint(image: Array, colour: tuple[int, int, int], amount: Array) -> Array:
    return image + amount[..., np.newaxis] * (np.array(colour, np.float32) - image)
