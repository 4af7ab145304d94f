"""Georeference of TIFF files (GeoTIFF): where on the ground the pixels of an image lie.

It is read from the tags of GeoTIFF (OGC standard 19-008r4) and written as such; no coordinates are
converted. What lies beside a TIFF (world files, `.aux.xml`) is not read. Tags that are damaged
count as missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from pix2pix_tf.images.orientation import upright_transform

PIXEL_SCALE, TIEPOINTS, TRANSFORMATION = 33550, 33922, 34264
KEYS, DOUBLES, TEXTS = 34735, 34736, 34737
_SHORT, _DOUBLE, _ASCII = 3, 12, 2  # types of TIFF tags

_MODEL, _RASTER, _GEOGRAPHIC, _PROJECTED = 1024, 1025, 2048, 3072  # numbers of GeoKeys
_CITATIONS = (1026, 2049, 3073, 4097)  # texts for people, which differ among programs
_PIXEL_IS_POINT = 2  # of _RASTER: coordinates are those of the middle of a pixel
_USER_DEFINED = 32767
_TOLERANCE = 0.5 + 1e-6  # pixels; pixels that mean points and areas differ by half a pixel
_KEYS_AT_MOST, _TIEPOINTS_AT_MOST = 1000, 100_000

ExtraTag = tuple[int, int, int, Any, bool]  # as tifffile takes it: code, type, count, value, once


class Extent(NamedTuple):
    """The smallest rectangle around an image on the ground, in the units of its CRS."""

    west: float
    south: float
    east: float
    north: float

    def __str__(self) -> str:
        west, south, east, north = (f"{value:.10g}" for value in self)
        return f"x {west} to {east}, y {south} to {north}"


@dataclass(frozen=True)
class Georeference:
    """Where on the ground the pixels of an image lie.

    Attributes:
        transform: The rows (a, b, c) and (d, e, f) of x = a column + b row + c and
            y = d column + e row + f, for columns and rows that count from the upper left corner of
            the image; None if there are only tie points, or none.
        keys: The GeoKeys, which name the coordinate reference system (CRS), by number.
        tie_points: Column, row, level and x, y, z of points, if these are all there is.
        tags: The tags that name the CRS, as they are in the file.
    """

    transform: tuple[float, float, float, float, float, float] | None
    keys: Mapping[int, Any]
    tie_points: tuple[float, ...]
    tags: tuple[ExtraTag, ...]

    @property
    def crs(self) -> str:
        """The coordinate reference system in words, such as `EPSG:32633`."""
        code = self._code
        if code is not None:
            return f"EPSG:{code}"
        texts = [str(self.keys[key]) for key in _CITATIONS if self.keys.get(key)]
        return texts[0] if texts else "a CRS without a name"

    @property
    def _code(self) -> int | None:
        """The EPSG code of the CRS; None if its parameters are given instead, or nothing is."""
        key = _GEOGRAPHIC if self.keys.get(_MODEL) == 2 else _PROJECTED
        code = self.keys.get(key)
        return code if isinstance(code, int) and 0 < code < _USER_DEFINED else None

    def same_crs(self, other: Georeference) -> bool:
        """Whether two references may have the same CRS, as far as their keys tell.

        EPSG codes are compared if both have one, other keys if neither has one. Names, which differ
        among programs for the same CRS, are not. A code and parameters cannot be compared.
        """
        if self._code is not None and other._code is not None:
            return self._code == other._code
        if self._code is not None or other._code is not None:
            return True
        shared = (self.keys.keys() & other.keys.keys()) - {_RASTER, *_CITATIONS}
        return all(_same(self.keys[key], other.keys[key]) for key in shared)

    def describe(self, height: int, width: int) -> str:
        """Describes the place of an image of this size in words."""
        extent = self.extent(height, width)
        return f"in {self.crs}" + ("" if extent is None else f" at {extent}")

    def extent(self, height: int, width: int) -> Extent | None:
        """Returns the extent of an image of this size; None without a transform."""
        corners = self.corners(height, width)
        if corners is None:
            return None
        (west, south), (east, north) = corners.min(axis=0), corners.max(axis=0)
        return Extent(float(west), float(south), float(east), float(north))

    def corners(self, height: int, width: int) -> np.ndarray | None:
        """Returns x and y of the corners of an image of this size; None without a transform.

        Returns:
            float64 [4, 2]: upper left, upper right, lower left, lower right.
        """
        if self.transform is None:
            return None
        matrix = np.array(self.transform).reshape(2, 3)
        places = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]])
        return places @ matrix.T

    def moved(self, columns: int) -> Georeference:
        """Returns the georeference of the image without its first columns."""
        if columns == 0:
            return self
        points = np.array(self.tie_points).reshape(-1, 6) - np.array([columns, 0, 0, 0, 0, 0])
        moved = replace(self, tie_points=tuple(points.ravel().tolist()))
        return moved.turned(((1, 0, columns), (0, 1, 0)))

    def turned(self, matrix: tuple[tuple[float, ...], tuple[float, ...]]) -> Georeference:
        """Returns the georeference of an image whose pixels were moved.

        Args:
            matrix: Rows of the transform of columns and rows of the new image to those of the old.
        """
        if self.transform is None:
            return self
        old = np.array([self.transform[:3], self.transform[3:], (0, 0, 1)])
        new = old @ np.array([*matrix, (0, 0, 1)])
        return replace(self, transform=tuple(float(value) for value in new[:2].ravel()))  # type: ignore[arg-type]

    def extratags(self) -> list[ExtraTag]:
        """Returns the tags of a TIFF with this georeference, as tifffile takes them."""
        found = list(self.tags)
        if self.transform is not None:
            a, b, c, d, e, f = self.transform
            if self.keys.get(_RASTER) == _PIXEL_IS_POINT:
                c, f = c + (a + b) / 2, f + (d + e) / 2
            if b == d == 0 and a > 0 > e:
                found.append(_doubles(PIXEL_SCALE, (a, -e, 0.0)))
                found.append(_doubles(TIEPOINTS, (0.0, 0.0, 0.0, c, f, 0.0)))
            else:
                rows = (a, b, 0, c, d, e, 0, f, 0, 0, 0, 0, 0, 0, 0, 1)
                found.append(_doubles(TRANSFORMATION, rows))
        elif self.tie_points:
            found.append(_doubles(TIEPOINTS, self.tie_points))
        return sorted(found)


def same_ground(
    one: Georeference,
    size: tuple[int, int],
    other: Georeference,
    other_size: tuple[int, int],
) -> bool:
    """Whether two images cover the same ground, to half a pixel of the finer one.

    Images without a transform are taken to do so.

    Args:
        one: The georeference of one of them.
        size: Its height and width in pixels.
        other: The georeference of the other, in the same CRS.
        other_size: Its height and width in pixels.
    """
    corners, others = one.corners(*size), other.corners(*other_size)
    if corners is None or others is None:
        return True
    height, width = (max(pair) for pair in zip(size, other_size, strict=True))
    across, down = (corners[1] - corners[0]) / width, (corners[2] - corners[0]) / height
    # The differences are solved for pixels, so that rotated images compare too.
    pixels = np.linalg.solve(np.stack([across, down], axis=1), (others - corners).T)
    return bool(np.abs(pixels).max() <= _TOLERANCE)


def read_georeference(
    tags: Mapping[int, Any], size: tuple[int, int], orientation: int = 1
) -> Georeference | None:
    """Returns the georeference of a page of a TIFF; None if it has none.

    Args:
        tags: The values of the tags of the page, by number.
        size: Height and width of the stored pixels.
        orientation: The orientation of the stored pixels, see `images.orientation`; the result is
            that of the upright image.
    """
    keys = _read_keys(tags)
    transform, points = _read_transform(tags, keys.get(_RASTER) == _PIXEL_IS_POINT)
    matrix = upright_transform(size, orientation)
    if transform is None and (not points or matrix is not None):  # tie points are not turned
        return None
    named = tuple(
        (code, kind, len(value) + (kind == _ASCII), value, True)
        for code, kind, value in (
            (KEYS, _SHORT, _integers(tags.get(KEYS))),
            (DOUBLES, _DOUBLE, _numbers(tags.get(DOUBLES))),
            (TEXTS, _ASCII, _text(tags.get(TEXTS))),
        )
        if value and keys
    )
    found = Georeference(transform, keys, points, named)
    return found if matrix is None else found.turned(matrix)


def _read_transform(
    tags: Mapping[int, Any], is_point: bool
) -> tuple[tuple[float, float, float, float, float, float] | None, tuple[float, ...]]:
    """Returns the transform, or tie points if there is none."""
    scale, points = _numbers(tags.get(PIXEL_SCALE)), _numbers(tags.get(TIEPOINTS))
    matrix = _numbers(tags.get(TRANSFORMATION))
    if len(points) % 6 or len(points) > 6 * _TIEPOINTS_AT_MOST:
        points = ()
    if len(matrix) == 16:
        a, b, c, d, e, f = matrix[0], matrix[1], matrix[3], matrix[4], matrix[5], matrix[7]
    elif len(scale) >= 2 and len(points) >= 6:
        (column, row, _, x, y, _), a, e = points[:6], scale[0], -scale[1]
        b, c, d, f = 0.0, x - a * column, 0.0, y - e * row
    else:
        return None, points
    if a * e == b * d or not math.isfinite(a * e - b * d):  # all pixels would lie on a line
        return None, ()
    if is_point:
        c, f = c - (a + b) / 2, f - (d + e) / 2
    return (a, b, c, d, e, f), ()


def _read_keys(tags: Mapping[int, Any]) -> dict[int, Any]:
    """Returns the GeoKeys by number; those that are damaged are left out."""
    table, doubles = _integers(tags.get(KEYS)), _numbers(tags.get(DOUBLES))
    text = _text(tags.get(TEXTS))
    found: dict[int, Any] = {}
    for start in range(4, min(len(table) - 3, 4 * _KEYS_AT_MOST), 4):
        key, place, count, offset = table[start : start + 4]
        if place == 0:
            found[key] = offset
        elif place == DOUBLES and 0 < count <= len(doubles) - offset:
            found[key] = doubles[offset : offset + count]
        elif place == TEXTS and 0 < count <= len(text) - offset:
            found[key] = text[offset : offset + count].rstrip("|")
    return found


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_close, one, other))
    return one == other


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


def _numbers(value: Any) -> tuple[float, ...]:
    """Returns the value of a tag as finite numbers; none if it is anything else."""
    if not isinstance(value, (tuple, list)):
        return ()
    if not all(isinstance(each, (int, float)) and math.isfinite(each) for each in value):
        return ()
    return tuple(float(each) for each in value)


def _integers(value: Any) -> tuple[int, ...]:
    if not isinstance(value, (tuple, list)) or not all(isinstance(each, int) for each in value):
        return ()
    return tuple(int(each) for each in value) if all(0 <= each < 65536 for each in value) else ()


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value.isascii() else ""


def _doubles(code: int, values: tuple[float, ...]) -> ExtraTag:
    return code, _DOUBLE, len(values), tuple(float(value) for value in values), True
