"""Overlapping tiles over an image and the weights that blend them into a whole image.

Rows and columns are laid out independently, by the same rule. In the middle of an overlap the
weights cross-fade as a raised cosine. The outermost pixels of a tile lack their surroundings and
have weight 0, except at the borders of the image, where tiles have full weight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

# Fraction of an overlap, on either side of the cross-fade, in which the nearer tile has weight 0.
_IGNORED = 3 / 8

# Bands of consecutive rows: the index of the first row and the rows, [rows, W, C].
Bands = Iterator[tuple[int, np.ndarray]]


@dataclass(frozen=True)
class Span:
    """Position of a row or a column of tiles along its axis.

    Attributes:
        start: Index of the first pixel.
        weights: float32 [side of a tile], the blending weight of each pixel. At every pixel the
            weights of all spans add up to 1.
    """

    start: int
    weights: np.ndarray

    def within(self, cell: int = 1) -> slice:
        """Returns the slice of the span on a map whose cells are `cell` pixels wide."""
        return slice(self.start // cell, (self.start + len(self.weights)) // cell)


@dataclass(frozen=True)
class Tile:
    """A tile: the crossing of a row and a column of tiles.

    Attributes:
        rows: Vertical position.
        columns: Horizontal position.
        number: Index of the tile in its grid, row by row.
    """

    rows: Span
    columns: Span
    number: int

    @property
    def share(self) -> float:
        """Sum of the tile's weights, in pixels; over all tiles, the pixels of the image."""
        return float(self.rows.weights.sum(dtype=float) * self.columns.weights.sum(dtype=float))


@dataclass(frozen=True)
class TileGrid:
    """Tiles of one size over an image.

    Attributes:
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        rows: Vertical positions of the tiles, from the top.
        columns: Horizontal positions of the tiles, from the left.
    """

    height: int
    width: int
    rows: list[Span]
    columns: list[Span]

    def row(self, index: int) -> list[Tile]:
        """Returns the tiles of a row, from the left."""
        first = index * len(self.columns)
        return [Tile(self.rows[index], span, first + n) for n, span in enumerate(self.columns)]

    @property
    def tiles(self) -> list[Tile]:
        """All tiles, row by row."""
        return [tile for index in range(len(self.rows)) for tile in self.row(index)]


def tile_grid(height: int, width: int, side: int, overlap: int) -> TileGrid:
    """Lays tiles over an image.

    Tiles start at multiples of `side - overlap`; the last tile of a row or column ends at the
    border of the image.

    Args:
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        side: Side of a tile in pixels; along an axis where the image is smaller, the tile is as
            long as the image.
        overlap: Pixels that neighbouring tiles share; less than `side`.

    Returns:
        The grid of tiles.
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
    """Blends the values computed for the tiles, with at most one row of tiles in memory.

    Args:
        grid: The tiles.
        make: Function from a tile to its values, float32 [1, tile height / cell,
            tile width / cell, C].
        cell: Side in pixels of the area that one value covers; divides all sides and starts.

    Yields:
        The index of the first row of a band and the band, float32 [rows, grid.width / cell, C].
        The bands are complete and follow each other from the top; each row comes once.
    """
    below = np.zeros((0, 0, 0), np.float32)  # rows to which the next row of tiles still adds
    for index, span in enumerate(grid.rows):
        band: np.ndarray | None = None
        for tile in grid.row(index):
            values = make(tile)[0]
            if band is None:
                band = np.zeros((len(values), grid.width // cell, values.shape[-1]), np.float32)
            weights = np.outer(_pooled(span, cell), _pooled(tile.columns, cell))
            band[:, tile.columns.within(cell)] += values * weights[..., np.newaxis]
        assert band is not None
        band[: len(below)] += below.reshape(-1, *band.shape[1:])
        start = span.start // cell
        further = grid.rows[index + 1 :]
        complete = further[0].start // cell - start if further else len(band)
        yield start, band[:complete]
        below = band[complete:]


def _pooled(span: Span, cell: int) -> np.ndarray:
    """Returns the mean weight of each cell of a span."""
    return span.weights.reshape(-1, cell).mean(axis=1)
