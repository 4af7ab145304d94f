"""Values of images that stand for no data, such as 0, -9999 or NaN around a satellite scene.

They are found by value in each channel, alpha excepted, and are replaced by the low end of the
range as soon as an image is decoded, so that nothing after that takes them for data. Which they are
is known from the file (GeoTIFF declares it) or from the config (`data.nodata`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pix2pix_tf.config.section import Nodata
from pix2pix_tf.images.convert import to_dtype

Low = tuple[float, ...] | None  # of all channels or of each; None for the low end of the type


class NodataRule(NamedTuple):
    """Which values of an image stand for no data, and what they are replaced by.

    Attributes:
        value: As in the config: `file` for the value that the file declares, None for no value.
        low: The low end of the range of values: one number for all channels, or one for each; None
            for that of the type, 0 for floats.
    """

    value: Nodata = "file"
    low: Low = None


BY_FILE = NodataRule()
DECLARED = (BY_FILE,)  # one rule, for whole images


def nodata_value(rule: NodataRule, declared: float | None, dtype: np.dtype) -> float | None:
    """Returns the value that stands for no data in a file.

    Args:
        rule: The rule.
        declared: The value that the file declares; None if it declares none.
        dtype: The type of the values.

    Returns:
        The value, which may be NaN; None if there is none, or images of the type cannot have it.

    Example:
        >>> nodata_value(NodataRule(), -9999.0, np.dtype(np.int16))
        -9999
        >>> nodata_value(NodataRule("nan"), None, np.dtype(np.uint8)) is None  # never NaN
        True
    """
    value = declared if rule.value == "file" else rule.value
    return None if value is None else as_type(float(value) if value == "nan" else value, dtype)


def as_type(value: float, dtype: np.dtype) -> float | None:
    """Returns a value as images of a type have it; None if they cannot have it."""
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            number = dtype.type(value).item()
        return None if math.isinf(number) else number
    if math.isnan(value) or value != int(value):
        return None
    limits = np.iinfo(dtype)
    return int(value) if limits.min <= int(value) <= limits.max else None


def nodata_mask(image: np.ndarray, value: float) -> np.ndarray:
    """Returns which values of an image stand for no data, a boolean array of the same shape.

    Args:
        image: Any real type.
        value: The value, which may be NaN; see `nodata_value`.
    """
    return np.isnan(image) if math.isnan(value) else image == image.dtype.type(value)


def replace_nodata(
    image: np.ndarray,
    rules: tuple[NodataRule, ...],
    declared: float | None,
    *,
    has_alpha: bool = False,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Replaces the values that stand for no data by the low end of the range.

    Args:
        image: Any real type, [H, W, C], which is changed in place if it can be.
        rules: One rule for the whole image, or two for its left and its right half.
        declared: The value that the file declares; None if it declares none.
        has_alpha: Whether the last channel is alpha, which is left as it is.

    Returns:
        The image, and which of its values stood for no data, a boolean array of the same shape;
        None if none did.

    Example:
        >>> image = np.array([[[-9999.0, 3.0]]])
        >>> replace_nodata(image, (NodataRule("file", (1.0, 2.0)),), -9999)[0].tolist()
        [[[1.0, 3.0]]]
    """
    values = [nodata_value(rule, declared, image.dtype) for rule in rules]
    if all(value is None for value in values):
        return image, None
    missing = np.zeros(image.shape, bool)
    middle = image.shape[1] // 2
    parts = [slice(None)] if len(rules) == 1 else [slice(None, middle), slice(middle, None)]
    colours = slice(None, -1 if has_alpha else None)
    for part, value in zip(parts, values, strict=True):
        if value is not None:
            missing[:, part, colours] = nodata_mask(image[:, part, colours], value)
    if not missing.any():
        return image, None
    image = image if image.flags.writeable else image.copy()
    for part, rule in zip(parts, rules, strict=True):
        low = _low(rule, image.dtype, image.shape[2])
        np.copyto(image[:, part], low, where=missing[:, part])
    return image, missing


def _low(rule: NodataRule, dtype: np.dtype, channels: int) -> np.ndarray:
    """Returns the low end of the range, in the type of the image: [1], or one for each channel."""
    low = rule.low
    if low is None:
        low = (float(np.iinfo(dtype).min) if dtype.kind in "iu" else 0.0,)
    if len(low) not in (1, channels):  # channels are converted after this
        low = (min(low),)
    return to_dtype(np.array(low), dtype)


def empty_pixels(missing: np.ndarray | None, *, has_alpha: bool = False) -> np.ndarray | None:
    """Returns which pixels have no data in any channel, of what `replace_nodata` found.

    Args:
        missing: bool [H, W, C], or None.
        has_alpha: Whether the last channel is alpha, which does not count.

    Returns:
        bool [H, W]; None if there are none.
    """
    if missing is None:
        return None
    empty: np.ndarray = np.all(missing[..., : -1 if has_alpha else None], axis=2)
    return empty if empty.any() else None


def missing_of_channels(missing: np.ndarray | None, channels: int) -> np.ndarray | None:
    """Returns what `replace_nodata` found, for an image converted to a number of channels.

    Args:
        missing: bool [H, W, C], or None.
        channels: The number of channels of the image now.

    Returns:
        bool [H, W, channels], or None; if the channels were converted, a value that was made of any
        value without data has none.
    """
    if missing is None or missing.shape[2] == channels:
        return missing
    return np.repeat(missing.any(axis=2, keepdims=True), channels, axis=2)


def mark_nodata(image: np.ndarray, missing: np.ndarray, value: float) -> np.ndarray:
    """Writes the value that stands for no data into an image, such as a translation.

    Elsewhere values equal to it move to the next number of the type, so that they are not taken for
    no data.

    Args:
        image: Any real type, [H, W, C].
        missing: Which pixels have no data, bool [H, W].
        value: A value that the type can have, see `as_type`.

    Returns:
        A new image of the same type.

    Example:
        >>> image = np.array([[[7], [0]]], np.uint8)
        >>> mark_nodata(image, np.array([[True, False]]), 0).ravel().tolist()
        [0, 1]
    """
    number = image.dtype.type(value)
    if not math.isnan(value):
        image = np.where(image == number, _next(number), image)
    return np.where(missing[..., np.newaxis], number, image)


def _next(number: np.generic) -> np.generic:
    """Returns the next number of a type: downwards for the largest integer and positive floats."""
    dtype = number.dtype
    if dtype.kind == "f":
        return np.nextafter(number, dtype.type(0 if number.item() > 0 else np.inf))
    largest = np.iinfo(dtype).max
    return dtype.type(int(number) - 1 if number == largest else int(number) + 1)
