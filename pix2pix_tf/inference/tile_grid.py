"""Overlapping tiles over an image, and how much each counts where, so that they blend to a whole.

Rows and columns are laid out alike, each by itself. In the middle of what neighbours share the one
fades into the other as a raised cosine; the outermost pixels of a tile, which lack their
surroundings, count nothing. At the image's own borders tiles count in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

_IGNORED = 3 / 8  # of an overlap, on either side of the blend

Bands = Iterator[tuple[int, np.ndarray]]  # the number of a first row, and rows from there on


@dataclass(frozen=True)
class Span:
    """Where a row or a column of tiles lies.

    Attributes:
        start: The first pixel.
        weights: float32 [side of a tile]: how much each pixel counts. Those of all spans add up to
            1 everywhere.
    """

    start: int
    weights: np.ndarray

    def within(self, cell: int = 1) -> slice:
        """Where it lies on a map of cells of so many pixels."""
        return slice(self.start // cell, (self.start + len(self.weights)) // cell)


@dataclass(frozen=True)
class Tile:
    """Where a row and a column of tiles cross."""

    rows: Span
    columns: Span
    number: int

    @property
    def share(self) -> float:
        """For how many of the image's pixels it counts; together the tiles count for all."""
        return float(self.rows.weights.sum(dtype=float) * self.columns.weights.sum(dtype=float))


@dataclass(frozen=True)
class TileGrid:
    """Tiles of one size over an image of height × width pixels."""

    height: int
    width: int
    rows: list[Span]
    columns: list[Span]

    def row(self, index: int) -> list[Tile]:
        """A row of tiles, from the left."""
        first = index * len(self.columns)
        return [Tile(self.rows[index], span, first + n) for n, span in enumerate(self.columns)]

    @property
    def tiles(self) -> list[Tile]:
        """All, row by row."""
        return [tile for index in range(len(self.rows)) for tile in self.row(index)]


def tile_grid(height: int, width: int, side: int, overlap: int) -> TileGrid:
    """Lays tiles over an image.

    They start at multiples of `side - overlap`; the last of a row or column ends with the image.

    Args:
        height: Of the image, in pixels.
        width: Of the image.
        side: Of a tile; where the image is smaller, its tiles are too.
        overlap: What neighbours share, less than `side`.
    """
    return TileGrid(height, width, _spans(height, side, overlap), _spans(width, side, overlap))


def _spans(length: int, side: int, overlap: int) -> list[Span]:
    if length <= side:
        return [Span(0, np.ones(length, np.float32))]
    last = length - side
    starts = [*range(0, last, side - overlap), last]
    inside = np.arange(side) + 0.5 - _IGNORED * overlap
    rising = np.sin(np.pi / 2 * np.clip(inside / (overlap * (1 - 2 * _IGNORED)), 0, 1)) ** 2
    total, weights = np.zeros(length), []
    for start in starts:
        weight = np.ones(side)
        if start > 0:
            weight *= rising
        if start < last:
            weight *= rising[::-1]
        weights.append(weight)
        total[start : start + side] += weight
    return [
        Span(start, (weight / total[start : start + side]).astype(np.float32))
        for start, weight in zip(starts, weights, strict=True)
    ]


def blended_rows(grid: TileGrid, make: Callable[[Tile], np.ndarray], cell: int = 1) -> Bands:
    """Blends what is made of the tiles, holding no more than one row of them.

    Args:
        grid: The tiles.
        make: From a tile to float32 [1, its height / cell, its width / cell, C].
        cell: Pixels a side of what one value stands for; divides all sides and starts.

    Yields:
        The number of a first row and float32 [rows, grid.width / cell, C] from there on, complete:
        down the image, each row once.
    """
    below = np.zeros((0, 0, 0), np.float32)  # rows begun, to which the next row of tiles adds
    for index, span in enumerate(grid.rows):
        band: np.ndarray | None = None
        for tile in grid.row(index):
            made = make(tile)[0]
            if band is None:
                band = np.zeros((len(made), grid.width // cell, made.shape[-1]), np.float32)
            weights = np.outer(_pooled(span, cell), _pooled(tile.columns, cell))
            band[:, tile.columns.within(cell)] += made * weights[..., np.newaxis]
        assert band is not None
        band[: len(below)] += below.reshape(-1, *band.shape[1:])
        start = span.start // cell
        further = grid.rows[index + 1 :]
        complete = further[0].start // cell - start if further else len(band)
        yield start, band[:complete]
        below = band[complete:]


def _pooled(span: Span, cell: int) -> np.ndarray:
    return span.weights.reshape(-1, cell).mean(axis=1)
