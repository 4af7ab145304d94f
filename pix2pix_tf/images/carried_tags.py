"""What a translation takes over from its input file beside values: resolution and georeference.

A TIFF holds all of it. A PNG holds a resolution in dots per inch or centimetre. NumPy files hold
none of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from pix2pix_tf.images.georeference import ExtraTag, Georeference, read_georeference
from pix2pix_tf.images.orientation import TRANSPOSED

_NODATA, _ASCII = 42113, 2
_X_RESOLUTION, _Y_RESOLUTION, _UNIT = 282, 283, 296
_PER_METRE = {2: 1 / 0.0254, 3: 100.0}  # by the tag ResolutionUnit: inch, centimetre
_TEXT_AT_MOST = 64  # characters of a number
_MEANINGFUL = (1e-6, 1e9)  # pixels per unit; what lies outside is damaged


class Resolution(NamedTuple):
    """Pixels per unit of length.

    Attributes:
        x: Columns per unit.
        y: Rows per unit.
        unit: As the tag ResolutionUnit: 1 for none, which tells the proportions of pixels alone; 2
            for inches; 3 for centimetres.
    """

    x: float
    y: float
    unit: int

    @property
    def per_inch(self) -> tuple[float, float] | None:
        """Columns and rows per inch; None without a unit of length."""
        factor = _PER_METRE.get(self.unit, 0) * 0.0254
        return (self.x * factor, self.y * factor) if factor else None


@dataclass(frozen=True)
class CarriedTags:
    """What the file of an image says beside its values.

    Attributes:
        resolution: Pixels per unit of length; None if it is not known.
        georeference: Where on the ground the pixels lie; None if it is not known.
        nodata: The value that stands for no data; NaN may be one; None if there is none.

    Example:
        >>> CarriedTags(Resolution(300.0, 300.0, 2), nodata=-9999.0).extratags()
        [(42113, 2, 6, '-9999', True)]
    """

    resolution: Resolution | None = None
    georeference: Georeference | None = None
    nodata: float | None = None

    def moved(self, columns: int) -> CarriedTags:
        """Returns the tags of the image without its first columns."""
        if self.georeference is None:
            return self
        return replace(self, georeference=self.georeference.moved(columns))

    def extratags(self) -> list[ExtraTag]:
        """Returns georeference and nodata as tags of a TIFF, as tifffile takes them."""
        found = [] if self.georeference is None else self.georeference.extratags()
        if self.nodata is not None:
            text = str(self.nodata) if isinstance(self.nodata, int) else f"{self.nodata:.17g}"
            found.append((_NODATA, _ASCII, len(text) + 1, text, True))
        return found

    def tiff_options(self) -> dict[str, Any]:
        """Returns all of it as keyword arguments of tifffile's `imwrite` and `TiffWriter.write`."""
        options: dict[str, Any] = {"extratags": self.extratags()}
        if self.resolution is not None:
            options["resolution"] = self.resolution[:2]
            options["resolutionunit"] = self.resolution.unit
        return options


NO_TAGS = CarriedTags()


def tags_of_tiff(
    tags: Mapping[int, Any], size: tuple[int, int], orientation: int = 1
) -> CarriedTags:
    """Returns what a page of a TIFF says beside its values; damaged tags count as missing.

    Args:
        tags: The values of its tags, by number.
        size: Height and width of the stored pixels.
        orientation: The orientation of the stored pixels, see `images.orientation`; the result is
            that of the upright image.
    """
    x, y = (_ratio(tags.get(tag)) for tag in (_X_RESOLUTION, _Y_RESOLUTION))
    if orientation in TRANSPOSED:
        x, y = y, x
    unit = tags.get(_UNIT, 2)
    resolution = None
    if x is not None and y is not None and unit in (1, 2, 3):
        resolution = Resolution(x, y, int(unit))
    return CarriedTags(
        resolution, read_georeference(tags, size, orientation), _number(tags.get(_NODATA))
    )


def tags_of_dpi(dpi: Any, orientation: int = 1) -> CarriedTags:
    """Returns the tags of a file that Pillow opened.

    Args:
        dpi: Columns and rows per inch; None if the file does not say it.
        orientation: The orientation of the stored pixels.
    """
    if not isinstance(dpi, tuple) or len(dpi) != 2:
        return NO_TAGS
    x, y = (_ratio((value, 1)) for value in dpi)
    if orientation in TRANSPOSED:
        x, y = y, x
    return NO_TAGS if x is None or y is None else CarriedTags(Resolution(x, y, 2))


def _ratio(value: Any) -> float | None:
    """Returns the value of a tag of two numbers, whose ratio it is."""
    try:
        numerator, denominator = value
        ratio = float(numerator) / float(denominator)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return ratio if _MEANINGFUL[0] <= ratio <= _MEANINGFUL[1] else None


def _number(value: Any) -> float | None:
    """Returns the number that GDAL's text for nodata stands for."""
    if not isinstance(value, str) or len(value) > _TEXT_AT_MOST:
        return None
    try:
        return int(value)  # of 64 bits a float has not all
    except ValueError:
        pass
    try:
        number = float(value)
    except ValueError:
        return None
    return None if math.isinf(number) else number
