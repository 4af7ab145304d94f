"""What image files say beside values, which translations take over.

Resolution and georeference are those of the input; the colour profile, the names of bands, and
whether a TIFF is an OME-TIFF are those of the training's targets. A TIFF holds all of it. A PNG
holds a colour profile, and a resolution in dots per inch or centimetre. NumPy files hold none of
it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from pix2pix_tf.images.georeference import ExtraTag, Georeference, read_georeference
from pix2pix_tf.images.orientation import TRANSPOSED
from pix2pix_tf.images.tiff.descriptions import (
    gdal_band_names,
    gdal_metadata,
    is_ome,
    ome_names,
    pixels_per_centimetre,
)

_NODATA, _METADATA, _PROFILE, _DESCRIPTION, _ASCII = 42113, 42112, 34675, 270, 2
_X_RESOLUTION, _Y_RESOLUTION, _UNIT = 282, 283, 296
_PER_METRE = {2: 1 / 0.0254, 3: 100.0}  # by the tag ResolutionUnit: inch, centimetre
_TEXT_AT_MOST = 64  # characters of a number
_PROFILE_AT_MOST = 2**22  # bytes
_SPACES = (b"GRAY", b"RGB ")  # of ICC profiles
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
        profile: The ICC profile of the colours; None if there is none.
        names: The names of the bands, "" for those without; empty if none has one.
        is_ome: Whether the file is an OME-TIFF.

    Example:
        >>> CarriedTags(Resolution(300.0, 300.0, 2), nodata=-9999.0).extratags()
        [(42113, 2, 6, '-9999', True)]
    """

    resolution: Resolution | None = None
    georeference: Georeference | None = None
    nodata: float | None = None
    profile: bytes | None = None
    names: tuple[str, ...] = ()
    is_ome: bool = False

    def moved(self, columns: int) -> CarriedTags:
        """Returns the tags of the image without its first columns."""
        if self.georeference is None:
            return self
        return replace(self, georeference=self.georeference.moved(columns))

    def extratags(self) -> list[ExtraTag]:
        """Returns georeference, nodata and names as tags of a TIFF, as tifffile takes them."""
        found = [] if self.georeference is None else self.georeference.extratags()
        if self.nodata is not None:
            text = str(self.nodata) if isinstance(self.nodata, int) else f"{self.nodata:.17g}"
            found.append((_NODATA, _ASCII, len(text) + 1, text, True))
        if any(self.names) and not self.is_ome:  # which has a place of its own for them
            text = gdal_metadata(self.names)
            found.append((_METADATA, _ASCII, len(text) + 1, text, True))
        return found

    def profile_for(self, dtype: np.dtype, channels: int) -> bytes | None:
        """Returns the colour profile, if an image of this type and number of channels can have it.

        Args:
            dtype: The type of the values.
            channels: The number of channels, of which 1 and 2 are grey.
        """
        if self.profile is None or dtype not in (np.uint8, np.uint16) or channels > 4:
            return None
        return self.profile if self.profile[16:20] == _SPACES[channels > 2] else None

    def tiff_options(self, dtype: np.dtype, channels: int) -> dict[str, Any]:
        """Returns keyword arguments of tifffile's `imwrite` and `TiffWriter.write`.

        They are for all of it but what an OME-TIFF has in its description, see `ome_metadata`.

        Args:
            dtype: The type of the image.
            channels: The number of its channels.
        """
        options: dict[str, Any] = {"extratags": self.extratags()}
        if self.resolution is not None:
            options["resolution"] = self.resolution[:2]
            options["resolutionunit"] = self.resolution.unit
        profile = self.profile_for(dtype, channels)
        if profile is not None:
            options["iccprofile"] = profile
        return options

    def ome_metadata(self, axes: str, description: str | None) -> dict[str, Any]:
        """Returns what tifffile takes as `metadata` to write an OME-TIFF.

        Args:
            axes: The axes of the array that is written, such as `CYX`.
            description: A description of the image.
        """
        metadata: dict[str, Any] = {"axes": axes}
        if description is not None:
            metadata["Description"] = description
        if "C" in axes and any(self.names):
            metadata["Channel"] = {"Name": list(self.names)}
        dpi = None if self.resolution is None else self.resolution.per_inch
        if dpi is not None:
            for axis, value in zip("XY", dpi, strict=True):
                metadata[f"PhysicalSize{axis}"] = float(f"{25_400 / value:.10g}")
                metadata[f"PhysicalSize{axis}Unit"] = "µm"
        return metadata


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
    unit, text = tags.get(_UNIT, 2), tags.get(_DESCRIPTION)
    resolution = None
    if x is not None and y is not None and unit in (1, 2, 3):
        resolution = Resolution(x, y, int(unit))
    per_centimetre = pixels_per_centimetre(text, x, y)
    if per_centimetre is not None:
        resolution = Resolution(per_centimetre[0], per_centimetre[1], 3)
    return CarriedTags(
        resolution,
        read_georeference(tags, size, orientation),
        _number(tags.get(_NODATA)),
        usable_profile(tags.get(_PROFILE)),
        gdal_band_names(tags.get(_METADATA)) or ome_names(text),
        is_ome(text),
    )


def tags_of_info(info: Mapping[Any, Any], orientation: int = 1) -> CarriedTags:
    """Returns what a file that Pillow opened says beside values.

    Args:
        info: The attribute `info` of the image.
        orientation: The orientation of the stored pixels.
    """
    dpi, profile = info.get("dpi"), usable_profile(info.get("icc_profile"))
    if not isinstance(dpi, tuple) or len(dpi) != 2:
        return CarriedTags(profile=profile)
    x, y = (_ratio((value, 1)) for value in dpi)
    if orientation in TRANSPOSED:
        x, y = y, x
    resolution = None if x is None or y is None else Resolution(x, y, 2)
    return CarriedTags(resolution, profile=profile)


def usable_profile(profile: Any) -> bytes | None:
    """Returns an ICC profile; None if it is not one of grey or RGB, or is damaged."""
    if not isinstance(profile, bytes) or len(profile) > _PROFILE_AT_MOST:
        return None
    is_whole = int.from_bytes(profile[:4], "big") <= len(profile) and profile[36:40] == b"acsp"
    return profile if is_whole and profile[16:20] in _SPACES else None


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
