"""The plan of a city: streets, blocks, buildings, parks, water and rail, as fields over pixels.

Two districts, each with a street grid of its own angle and slight bends, meet along an avenue. A
river with quays and a railway may cross both. The blocks between the streets are divided into lots,
which hold buildings. Everything is given as signed distances in pixels (negative inside), from
which both exact and soft edges are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pix2pix_tf.datasets.sample_city.fields import Array, box, uniform

MAIN_HALF, MINOR_HALF, AVENUE_HALF = 5.5, 3.2, 7.5  # half widths of the streets, pixels
SIDEWALK = 2.5
QUAY = 9.0  # from the bank to the middle of the street along it
BANK = QUAY - 4.0  # the width of the grass along the water
MAIN_EVERY = 3  # every third line of a grid is a main street

FAR = 1e3  # distance to objects that do not exist

RESIDENTIAL, COMMERCIAL, INDUSTRIAL, PARK = range(4)  # uses of a block
_SHARES = (0.52, 0.74, 0.84)  # cumulative, in the order above


@dataclass(frozen=True)
class Streets:
    """Distances to the edges of the streets, and coordinates for drawing on them."""

    minor: Array
    main: Array
    avenue: Array
    along: Array  # position along the nearest street, pixels
    across: Array  # offset from its middle line, pixels
    nearest_is_wide: Array  # whether the nearest street is a main street or the avenue
    side: Array  # an integer for each side of each block, as a key of random numbers


@dataclass(frozen=True)
class Buildings:
    """Footprints and roofs of buildings, of which each lot has at most one."""

    distance: Array  # to the outline
    height: Array  # metres above ground of the lot's building, if it has one
    slope: Array  # -1..1: position across the ridge of a pitched roof
    ridge_along_u: Array  # whether the ridge runs along the block's first axis
    flat: Array  # whether the roof is flat
    tone: Array  # a random number in 0..1 per building
    angle: Array  # of the district's grid, radians


@dataclass(frozen=True)
class Plan:
    """A window of the plane; every array is [H, W]."""

    x: Array
    y: Array
    streets: Streets
    buildings: Buildings
    use: Array  # of the block: RESIDENTIAL ...
    block_inset: Array  # distance from the edge of the block inwards, pixels
    water: Array  # distance to the bank of river and ponds
    rail: Array  # distance to the edge of the railway's bed
    rail_across: Array  # offset from its middle
    rail_along: Array
    path: Array  # distance to the edge of park paths


def make_plan(seed: int, height: int, width: int, centre: tuple[float, float] = (0.0, 0.0)) -> Plan:
    """Makes the plan of a window of a city.

    Args:
        seed: The seed of the city.
        height: The height of the window in pixels.
        width: The width of the window in pixels.
        centre: The centre (y, x) of the window in pixels from the centre of the city.
    """
    random = np.random.default_rng(seed)
    keys = random.integers(0, 2**62, 12)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x = x - np.float32(width / 2 - centre[1])
    y = y - np.float32(height / 2 - centre[0])

    heading = random.uniform(0, np.pi)
    avenue, avenue_along = _curve(random, x, y, heading, bend=14)
    angle = random.uniform(-0.3, 0.3)
    angles = np.where(avenue < 0, angle, angle + random.choice([-1, 1]) * random.uniform(0.35, 0.8))
    grid = _Grid(random, keys, x, y, angles.astype(np.float32), avenue < 0)

    # The angles make river and railway cross the avenue rather than run along it.
    river, _ = _curve(random, x, y, heading + random.uniform(0.9, 2.2), bend=30)
    river_half = random.uniform(12, 19) if random.random() < 0.45 else -FAR
    bank = np.abs(river) - river_half
    quay = np.abs(bank - QUAY) - MINOR_HALF
    track, track_along = _curve(random, x, y, heading + random.uniform(0.7, 2.4), bend=8)
    rail = np.abs(track) - (5.0 if random.random() < 0.35 else -FAR)

    streets = _streets(grid, avenue, avenue_along, quay, bank)
    ponds = _ponds(grid, int(keys[4]))
    barrier = np.minimum.reduce([bank - QUAY, np.abs(avenue) - AVENUE_HALF, rail - 3])
    barrier = barrier - SIDEWALK - 1.5
    use = _use(grid, int(keys[5]))
    buildings = _buildings(grid, use, int(keys[6]), barrier)
    clear = np.minimum(grid.inset, barrier + 1.5)
    return Plan(
        x=x,
        y=y,
        streets=streets,
        buildings=buildings,
        use=use,
        block_inset=clear,
        water=np.minimum(bank, np.where(use == PARK, np.maximum(ponds, 6 - clear), FAR)),
        rail=rail,
        rail_across=track,
        rail_along=track_along,
        path=np.where(use == PARK, _paths(grid), FAR),
    )


def _curve(
    random: np.random.Generator, x: Array, y: Array, angle: float, bend: float
) -> tuple[Array, Array]:
    """Returns the signed distance to a slightly bent line, and the position along it."""
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle) - random.uniform(-60, 60)
    length, phase = random.uniform(220, 360), random.uniform(0, 2 * np.pi)
    turn = 2 * np.pi / length
    offset = across - bend * np.sin(along * turn + phase)
    # Division by the length of the gradient keeps the width of the line where it is oblique.
    slope = bend * turn * np.cos(along * turn + phase)
    return offset / np.sqrt(1 + slope * slope), along


class _Grid:
    """The street grids of both districts: the block of every pixel and the lines around it."""

    def __init__(
        self,
        random: np.random.Generator,
        keys: Array,
        x: Array,
        y: Array,
        angle: Array,
        side: Array,
    ) -> None:
        self.angle = angle
        self.side = side.astype(np.int64)
        bend, length, phase = random.uniform(3, 9), random.uniform(240, 400), random.uniform(0, 6)
        cos, sin = np.cos(angle), np.sin(angle)
        u, v = x * cos + y * sin, y * cos - x * sin
        self.u = u + bend * np.sin(v * 2 * np.pi / length + phase)
        self.v = v + bend * np.sin(u * 2 * np.pi / length + 2 * phase)
        self._step = random.uniform(62, 84), random.uniform(46, 58)
        self._keys = keys
        self.i, self.u_low, self.u_high = self._lines(self.u, 0)
        self.j, self.v_low, self.v_high = self._lines(self.v, 1)
        halves = self.half(self.i), self.half(self.i + 1), self.half(self.j), self.half(self.j + 1)
        self.low_u, self.high_u = self.u_low + halves[0], self.u_high - halves[1]
        self.low_v, self.high_v = self.v_low + halves[2], self.v_high - halves[3]
        self.inset = np.minimum(
            np.minimum(self.u - self.low_u, self.high_u - self.u),
            np.minimum(self.v - self.low_v, self.high_v - self.v),
        )

    def half(self, line: Array) -> Array:
        """Returns half the width of a street by the number of its line."""
        return np.where(line % MAIN_EVERY == 0, np.float32(MAIN_HALF), np.float32(MINOR_HALF))

    def block_random(self, key: int) -> Array:
        """Returns a random number per block."""
        return uniform(key, self.i * 2 + self.side, self.j)

    def _lines(self, position: Array, axis: int) -> tuple[Array, Array, Array]:
        """Returns the number of the line before each position, and its and the next position."""
        step = self._step[axis]
        number = np.floor(position / step).astype(np.int64)
        number -= position < self._line_position(number, axis)
        number += position >= self._line_position(number + 1, axis)
        return number, self._line_position(number, axis), self._line_position(number + 1, axis)

    def _line_position(self, number: Array, axis: int) -> Array:
        jitter = uniform(int(self._keys[axis]), number, self.side) - 0.5
        return ((number + 0.36 * jitter) * self._step[axis]).astype(np.float32)


def _streets(grid: _Grid, avenue: Array, avenue_along: Array, quay: Array, bank: Array) -> Streets:
    """Makes the streets: minor ones end at the quays, main ones and the avenue cross the river."""
    lines = [
        (grid.u - grid.u_low, grid.v, grid.i),
        (grid.u_high - grid.u, grid.v, grid.i + 1),
        (grid.v - grid.v_low, grid.u, grid.j),
        (grid.v_high - grid.v, grid.u, grid.j + 1),
    ]
    minor = np.full_like(grid.u, FAR)
    main = np.full_like(grid.u, FAR)
    best, along, across = np.full_like(grid.u, FAR), grid.u, grid.v
    side = grid.i
    for number, (offset, position, line) in enumerate(lines):
        wide = line % MAIN_EVERY == 0
        distance = offset - grid.half(line)
        main = np.minimum(main, np.where(wide, distance, FAR))
        minor = np.minimum(minor, np.where(wide, FAR, np.maximum(distance, QUAY - bank)))
        nearer = distance < best
        best = np.where(nearer, distance, best)
        along, across = np.where(nearer, position, along), np.where(nearer, offset, across)
        side = np.where(nearer, (grid.i * 4096 + grid.j) * 4 + number, side)
    nearest_wide = main <= minor
    boulevard = np.abs(avenue) - AVENUE_HALF
    on_avenue = boulevard < np.minimum(main, minor)
    return Streets(
        minor=np.minimum(minor, quay),
        main=main,
        avenue=boulevard,
        along=np.where(on_avenue, avenue_along, along),
        across=np.where(on_avenue, np.abs(avenue), across),
        nearest_is_wide=nearest_wide | on_avenue,
        side=np.where(on_avenue, -1 - (avenue < 0), side),
    )


def _use(grid: _Grid, key: int) -> Array:
    return np.searchsorted(np.array(_SHARES, np.float32), grid.block_random(key), side="right")


def _ponds(grid: _Grid, key: int) -> Array:
    """Returns the distance to an oval pond in some blocks, which is used only in parks."""
    centre_u, centre_v = (grid.low_u + grid.high_u) / 2, (grid.low_v + grid.high_v) / 2
    size = (grid.high_v - grid.low_v) * (0.18 + 0.1 * grid.block_random(key))
    wobble = 1 + 0.18 * np.sin(3 * np.arctan2(grid.v - centre_v, grid.u - centre_u) + 9 * size)
    distance = np.hypot((grid.u - centre_u) / 1.5, grid.v - centre_v) - size * wobble
    return np.where(grid.block_random(key + 1) < 0.55, distance, FAR)


def _paths(grid: _Grid) -> Array:
    """Returns the distance to park paths along the border and across the centre."""
    centre_u, centre_v = (grid.low_u + grid.high_u) / 2, (grid.low_v + grid.high_v) / 2
    rim = np.abs(grid.inset - 6)
    cross = np.minimum(
        np.abs(grid.u - centre_u), np.abs(grid.v - centre_v - 0.3 * (grid.u - centre_u))
    )
    return np.minimum(rim, np.maximum(cross, 6 - grid.inset)) - 1.2


def _buildings(grid: _Grid, use: Array, key: int, barrier: Array) -> Buildings:
    """Makes lots along the two long sides of blocks (or one or two large lots) and buildings."""
    margin = SIDEWALK + 1
    length = grid.high_u - grid.low_u - 2 * margin
    depth = grid.high_v - grid.low_v - 2 * margin
    typical = np.select([use == RESIDENTIAL, use == COMMERCIAL], [17.0, 27.0], 44.0)
    columns = np.maximum(np.round(length / typical), 1)
    rows = np.where(use == INDUSTRIAL, 1, 2)
    s = np.clip((grid.u - grid.low_u - margin) / length, 0, 0.9999) * columns
    t = np.clip((grid.v - grid.low_v - margin) / depth, 0, 0.9999) * rows
    column, row = np.floor(s).astype(np.int64), np.floor(t).astype(np.int64)
    lot_u, lot_v = length / columns, depth / rows
    du, dv = (s - column - 0.5) * lot_u, (t - row - 0.5) * lot_v

    def draw(n: int) -> Array:
        return uniform(key + n, (grid.i * 2 + grid.side) * 64 + column, grid.j * 4 + row)

    tone = draw(0)
    house = use == RESIDENTIAL
    half_u = lot_u / 2 - np.where(house, 2.0 + 1.2 * draw(1), 1.0)
    half_v = np.where(house, np.minimum(lot_v / 2 - 2, 5.5 + 2.5 * draw(2)), lot_v / 2 - 1.2)
    towards_street = np.where(row == 0, -1.0, 1.0)
    dv = dv - np.where(house, towards_street * (lot_v / 2 - half_v - 1.5), 0)
    distance = box(du, dv, half_u, half_v)
    # Some buildings have the shape of an L, without a corner away from the street.
    corner = box(
        du - np.where(draw(3) < 0.5, 1, -1) * half_u,
        dv + towards_street * half_v,
        half_u * (0.6 + 0.5 * draw(4)),
        half_v * (0.5 + 0.5 * draw(5)),
    )
    distance = np.where(draw(6) < 0.45, np.maximum(distance, -corner), distance)
    vacant = (use == PARK) | (draw(7) < np.where(house, 0.06, 0.1)) | (np.minimum(lot_u, lot_v) < 9)
    distance = np.where(vacant, FAR, np.maximum(distance, -barrier))
    height = np.select(
        [house, use == COMMERCIAL], [5 + 4 * draw(8), 9 + 15 * draw(8) ** 2], 7 + 3 * draw(8)
    )
    along_u = np.where(house, draw(9) < 0.7, half_u > half_v)
    slope = np.clip(np.where(along_u, dv / half_v, du / half_u), -1, 1)
    flat = np.select([house, use == COMMERCIAL], [draw(10) < 0.08, draw(10) < 0.8], draw(10) < 0.5)
    return Buildings(distance, height, slope, along_u, flat, tone, grid.angle)
