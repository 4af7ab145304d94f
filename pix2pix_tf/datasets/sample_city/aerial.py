"""Rendering of a plan as an aerial photograph: textures, roofs, trees, cars, shadows, camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pix2pix_tf.datasets.sample_city.fields import Array, cover, noise, table, uniform
from pix2pix_tf.datasets.sample_city.plan import (
    AVENUE_HALF,
    BANK,
    COMMERCIAL,
    INDUSTRIAL,
    MAIN_HALF,
    PARK,
    RESIDENTIAL,
    SIDEWALK,
    Plan,
)

PIXEL = 1.2  # the side of a pixel in metres
REACH = 20  # the longest shadow in pixels, and thus the margin that an image needs

_TREE_CELL = 7.0  # the side in pixels of a cell, which has at most one tree
_CAR_SLOT = 13.0  # pixels along a street with at most one car on each side


@dataclass(frozen=True)
class Weather:
    """Light and camera of one image; the sun is in the north-west, as on shaded maps."""

    to_sun: tuple[float, float]  # unit vector towards the sun in the image's x and y
    rise: float  # metres that a sunbeam rises per horizontal pixel
    warmth: float  # -1..1
    exposure: float
    haze: float  # 0..1
    dryness: float  # 0..1, of the grass


def random_weather(random: np.random.Generator) -> Weather:
    """Draws the weather of one image."""
    azimuth = np.deg2rad(225 + random.uniform(-12, 12))
    elevation = np.deg2rad(random.uniform(42, 54))
    return Weather(
        to_sun=(float(np.cos(azimuth)), float(np.sin(azimuth))),
        rise=float(np.tan(elevation) * PIXEL),
        warmth=random.uniform(-1, 1),
        exposure=random.uniform(1.08, 1.24),
        haze=random.uniform(0, 0.08),
        dryness=random.uniform(0, 0.6),
    )


def photograph(plan: Plan, seed: int, sensor: np.random.Generator | None = None) -> Array:
    """Draws the aerial photograph of a plan.

    Args:
        plan: The plan.
        seed: The seed of the city.
        sensor: The generator of the camera's noise, a different one for each window of a city; None
            for one with the seed of the city.

    Returns:
        uint8 [H, W, 3]; shadows are complete except within `REACH` pixels of the border.
    """
    random = np.random.default_rng([seed, 1])
    keys = [int(key) for key in random.integers(0, 2**62, 8)]
    weather = random_weather(random)
    grain = noise(keys[0], plan.x, plan.y, 2.2)
    patches = noise(keys[1], plan.x, plan.y, 23.0)

    image = _ground(plan, weather, grain, patches)
    image = _streets(image, plan, keys[2], grain)
    roofs = cover(plan.buildings.distance)
    image = _mix(image, _roof_colours(plan, weather, keys[3]), roofs)
    crowns, crown_height, crown_colour = _trees(plan, weather, keys[4], grain)
    height = np.where(plan.buildings.distance < 0, plan.buildings.height, 0)
    image = _mix(image, crown_colour, crowns)
    lit = _lit(np.maximum(height, crown_height), weather)[..., np.newaxis]
    image = image * (np.array([0.46, 0.51, 0.60], np.float32) * (1 - lit) + lit)
    return _develop(image, weather, sensor or random)


def _ground(plan: Plan, weather: Weather, grain: Array, patches: Array) -> Array:
    """Draws all flat surfaces except the streets."""
    lawn = _grass(weather, patches)
    garden = _mix(lawn, _flat(plan, (142, 128, 104)), np.clip(0.25 + 0.8 * patches, 0, 0.75))
    image = np.select(
        [(plan.use == kind)[..., np.newaxis] for kind in (RESIDENTIAL, COMMERCIAL, INDUSTRIAL)],
        [garden, _flat(plan, (150, 147, 141)), _flat(plan, (136, 131, 122))],
        lawn * 0.96,
    )
    image = _mix(image, _flat(plan, (180, 168, 140)), cover(plan.path))
    image = _mix(image, lawn * 0.88, cover(plan.water - BANK))
    pavement = (plan.block_inset < SIDEWALK) & (plan.water > BANK)
    image = _mix(image, _flat(plan, (170, 166, 160)), pavement.astype(np.float32))
    image = image * (1 + 0.07 * grain + 0.05 * patches)[..., np.newaxis]
    shore = _flat(plan, (112, 104, 82))
    image = _mix(image, shore, cover(plan.water - 1.5))
    depth = np.clip(-plan.water / 12, 0, 1)[..., np.newaxis]
    water = _flat(plan, (74, 96, 92)) * (1 - depth) + _flat(plan, (40, 66, 80)) * depth
    water = water * (1 + 0.04 * grain + 0.06 * patches)[..., np.newaxis]
    image = _mix(image, water, cover(plan.water))
    return _railway(image, plan, grain)


def _grass(weather: Weather, patches: Array) -> Array:
    green, straw = np.array([88, 116, 56], np.float32), np.array([142, 136, 84], np.float32)
    share = np.clip(weather.dryness * (0.6 + 0.7 * patches), 0, 1)[..., np.newaxis]
    return green + share * (straw - green)


def _railway(image: Array, plan: Plan, grain: Array) -> Array:
    nearby = plan.rail < 50
    ballast = _flat(plan, (126, 115, 103)) * (1 + 0.1 * grain)[..., np.newaxis]
    image = _mix(image, ballast, cover(plan.rail) * nearby)
    sleepers = (np.mod(plan.rail_along, 3.0) < 1.4) & (np.abs(plan.rail_across) < 2.6)
    image = _mix(image, ballast * 0.72, (sleepers & nearby).astype(np.float32))
    rails = cover(np.abs(np.abs(plan.rail_across) - 1.3) - 0.35)
    return _mix(image, _flat(plan, (78, 70, 66)), rails * nearby)


def _streets(image: Array, plan: Plan, key: int, grain: Array) -> Array:
    streets = plan.streets
    paved = np.minimum.reduce([streets.minor, streets.main, streets.avenue])
    wide = np.minimum(streets.main, streets.avenue)
    kerb = _flat(plan, (176, 172, 166))
    image = _mix(image, kerb, cover(paved - 1.6))
    tone = np.where(wide < 0, 104.0, 118.0)[..., np.newaxis] * np.array([1, 1, 1.02], np.float32)
    image = _mix(image, tone * (1 + 0.05 * grain)[..., np.newaxis], cover(paved))
    dashed = (np.mod(streets.along, 12.0) < 6) & streets.nearest_is_wide
    middle = cover(np.abs(streets.across) - 0.45) * dashed * (wide < -1)
    image = _mix(image, _flat(plan, (226, 224, 214)), middle * 0.85)
    return _cars(image, plan, key, paved)


def _cars(image: Array, plan: Plan, key: int, paved: Array) -> Array:
    streets = plan.streets
    slot = np.floor(streets.along / _CAR_SLOT).astype(np.int64)
    chance = uniform(key, slot, streets.side)
    position = (slot + 0.3 + 0.4 * uniform(key + 1, slot, streets.side)) * _CAR_SLOT
    lane = np.where(
        streets.avenue < 0, 0.55 * AVENUE_HALF, np.where(streets.main < 0, 0.5 * MAIN_HALF, 1.9)
    )
    outline = np.maximum(
        np.abs(streets.along - position) - 2.0, np.abs(streets.across - lane) - 0.9
    )
    shown = cover(outline) * (chance < 0.2) * (paved < -0.8)
    paints = np.array(
        [(232, 232, 230), (196, 198, 200), (60, 62, 66), (150, 44, 40), (58, 78, 120)], np.float32
    )
    return _mix(image, paints[(chance * 25).astype(int) % 5], shown)


def _roof_colours(plan: Plan, weather: Weather, key: int) -> Array:
    """Draws tiles and slates on pitched roofs, lit on one side; gravel, tar, metal on flat ones."""
    house = plan.buildings
    tiles = np.array(
        [(168, 92, 66), (150, 82, 62), (176, 112, 82), (122, 92, 80), (112, 110, 112)], np.float32
    )
    gravel = np.array(
        [(176, 172, 164), (150, 146, 140), (196, 194, 190), (128, 120, 112)], np.float32
    )
    number = (house.tone * 997).astype(int)
    colour = np.where(house.flat[..., np.newaxis], gravel[number % 4], tiles[number % 5])
    hall = (plan.use == INDUSTRIAL)[..., np.newaxis]
    colour = np.where(hall, np.array([158, 166, 174], np.float32), colour)
    # The direction that each side of a pitched roof faces, in the image's axes.
    across = house.angle + np.where(house.ridge_along_u, np.pi / 2, 0)
    towards = np.cos(across) * weather.to_sun[0] + np.sin(across) * weather.to_sun[1]
    pitched = 1 + 0.24 * towards * np.sign(house.slope) * np.minimum(np.abs(house.slope) * 6, 1)
    rows = 1 + 0.05 * np.sin(house.slope * 14)
    parapet = np.where(house.distance > -1.2, 1.14, 1.0)
    shade = np.where(house.flat, parapet, pitched * rows)
    boxes = uniform(
        key, np.floor(plan.x / 5).astype(np.int64), np.floor(plan.y / 5).astype(np.int64)
    )
    machines = house.flat & (boxes < 0.1) & (house.distance < -3)
    return (
        colour
        * (shade * np.where(machines, 0.78, 1.0) * (0.94 + 0.12 * house.tone))[..., np.newaxis]
    )


def _trees(plan: Plan, weather: Weather, key: int, grain: Array) -> tuple[Array, Array, Array]:
    """Draws crowns: the share of each pixel they cover, height in metres and lit colour."""
    i, j = np.floor(plan.x / _TREE_CELL), np.floor(plan.y / _TREE_CELL)
    i, j = i.astype(np.int64), j.astype(np.int64)
    cells = _tree_cells(plan, i, j, key)
    i, j = i - (i.min() - 1), j - (j.min() - 1)
    best = np.full_like(plan.x, -1.0)
    crown, height = np.zeros_like(plan.x), np.zeros_like(plan.x)
    shade, tone = np.ones_like(plan.x), np.zeros_like(plan.x)
    for dj in (-1, 0, 1):
        for di in (-1, 0, 1):
            centre_x, centre_y, radius, its_tone = cells[:, j + dj, i + di]
            x, y = (plan.x - centre_x) / radius, (plan.y - centre_y) / radius
            square = x * x + y * y
            dome = 1 - square
            nearer = dome > best
            best = np.where(nearer, dome, best)
            crown = np.where(nearer, cover((np.sqrt(square) - 1) * radius), crown)
            height = np.where(nearer, np.sqrt(np.maximum(dome, 0)) * radius * 1.5, height)
            facing = x * weather.to_sun[0] + y * weather.to_sun[1]
            shade = np.where(nearer, 0.92 + 0.42 * facing, shade)
            tone = np.where(nearer, its_tone, tone)
    dark, light = np.array([52, 78, 40], np.float32), np.array([98, 116, 58], np.float32)
    colour = dark + tone[..., np.newaxis] * (light - dark)
    colour = colour * (shade * (1 + 0.22 * grain))[..., np.newaxis]
    return crown, height * (crown > 0.5), colour


def _tree_cells(plan: Plan, i: Array, j: Array, key: int) -> Array:
    """Draws centre (x, y), radius and tone of the trees of all cells, as [4, rows, columns].

    The centre of a cell without a tree lies far away.
    """
    draws = [table(key + n, i, j, reach=(-1, 1))[0] for n in range(5)]
    rows, columns = draws[0].shape
    centre_x = (
        np.arange(columns) + i.min() - 0.8 + 0.6 * draws[0]
    ) * _TREE_CELL  # a cell before the first
    centre_y = (np.arange(rows)[:, np.newaxis] + j.min() - 0.8 + 0.6 * draws[1]) * _TREE_CELL
    bottom, right = plan.x.shape[0] - 1, plan.x.shape[1] - 1
    column = np.clip(np.round(centre_x - plan.x[0, 0]), 0, right).astype(int)
    row = np.clip(np.round(centre_y - plan.y[0, 0]), 0, bottom).astype(int)
    grows = draws[2] < _tree_density(plan)[row, column]
    centre_x = np.where(grows, centre_x, 1e6)
    return np.stack([centre_x, centre_y, 2.6 + 2.0 * draws[3], draws[4]]).astype(np.float32)


def _tree_density(plan: Plan) -> Array:
    """Returns the probability of a tree with its centre at each pixel."""
    clear_of_streets = plan.block_inset > SIDEWALK + 2
    chance = np.select(
        [plan.use == PARK, plan.use == RESIDENTIAL, plan.use == COMMERCIAL], [0.75, 0.6, 0.12], 0.05
    )
    chance = chance * clear_of_streets * (plan.buildings.distance > 2) * (plan.path > 2)
    bank = (plan.water > 2) & (plan.water < BANK)
    chance = np.where(bank, 0.4, chance)
    wide = np.minimum(plan.streets.main, plan.streets.avenue)
    return chance * (plan.water > 1.5) * (wide > 2.5) * (plan.rail > 2)


def _lit(height: Array, weather: Weather) -> Array:
    """Returns 1 in the sun, 0 in shadow, by stepping from every pixel towards the sun."""
    shadow = np.zeros_like(height)
    for step in range(1, REACH):
        dx, dy = round(step * weather.to_sun[0]), round(step * weather.to_sun[1])
        blocker = np.roll(height, (-dy, -dx), (0, 1)) - step * weather.rise
        shadow = np.maximum(shadow, np.clip((blocker - height) / weather.rise, 0, 1))
    return 1 - _soften(shadow, 0.25)


def _develop(image: Array, weather: Weather, random: np.random.Generator) -> Array:
    """Applies the effects of optics, weather and sensor: blur, warmth, haze, noise."""
    image = _soften(image, 0.12)
    balance = np.array([1 + 0.04 * weather.warmth, 1, 1 - 0.05 * weather.warmth], np.float32)
    image = image * balance * weather.exposure
    image = image + weather.haze * (np.array([190, 200, 212], np.float32) - image)
    image = image + random.normal(0, 2.2, image.shape).astype(np.float32)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def _soften(field: Array, side: float) -> Array:
    """Blurs along both axes by three taps, of which the outer ones have the weight `side`."""
    for axis in (0, 1):
        around = np.roll(field, 1, axis) + np.roll(field, -1, axis)
        field = (1 - 2 * side) * field + side * around
    return field


def _flat(plan: Plan, colour: tuple[int, int, int]) -> Array:
    return np.broadcast_to(np.array(colour, np.float32), (*plan.x.shape, 3))


def _mix(below: Array, above: Array, amount: Array) -> Array:
    return below + amount[..., np.newaxis] * (above - below)
