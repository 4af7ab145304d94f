"""Conversion between images and the tensors of the networks, in training, translation and export.

It consists of TensorFlow operations, so that an exported graph contains it. Images have the
channels of the data and are floats in [-1, 1] from `encode` to `decode`. A `Representation`
converts them for the networks: for most tasks it changes nothing; for colourisation (paper,
appendix 6.2) it is CIE Lab, where the generator's input is L and its output a and b, which are
recombined with the input's L.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pix2pix_tf.images.value_range import EIGHT_BIT, ImageValues, ValueRange

AB_RANGE = 110.0  # a and b of sRGB colours lie in -110..110; the authors' programs scale by it

# Conversion of sRGB under D65, with the values of scikit-image.
_RGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_XYZ_TO_RGB = (
    (3.24048134, -1.53715152, -0.49853633),
    (-0.96925495, 1.87599, 0.04155593),
    (0.05564664, -0.20404134, 1.05731107),
)
_WHITE = (0.95047, 1.0, 1.08883)
_DARK = 0.008856  # below this value Lab is linear in the light, with this slope and offset:
_SLOPE, _OFFSET = 7.787, 16.0 / 116.0


def encode(image: tf.Tensor, values: ImageValues = EIGHT_BIT.input) -> tf.Tensor:
    """Scales the range of values to [-1, 1]; values outside are clipped.

    A value for no data that lies outside the range, or is NaN, becomes -1. One within it would have
    been replaced by the low end before, when the file was read.

    Args:
        image: Any real type, [..., C].
        values: The meaning of the values. Without a range, integers are scaled by the full range of
            their type.

    Returns:
        float32 of the same shape.

    Raises:
        UserError: There is no range, and the image has floats.

    Example:
        >>> encode(tf.constant([0, 255], tf.uint8)).numpy().tolist()
        [-1.0, 1.0]
        >>> twelve_bits = ImageValues(np.dtype(np.uint16), ValueRange((0.0,), (4095.0,)))
        >>> encode(tf.constant([0, 4095, 5000], tf.uint16), twelve_bits).numpy().tolist()
        [-1.0, 1.0, 1.0]
    """
    dtype = np.dtype(image.dtype.as_numpy_dtype)
    exact = _exact_type(dtype)
    low, half_width = _low_and_half_width(values.of(dtype), exact)
    scaled = tf.cast(image, exact)
    if np.any(low):
        scaled -= low
    scaled = tf.cast(scaled / half_width - 1.0, tf.float32)
    if values.range is None:
        return scaled
    scaled = tf.clip_by_value(scaled, -1.0, 1.0)
    if values.nodata is None:
        return scaled
    if math.isnan(values.nodata):
        missing = tf.math.is_nan(tf.cast(image, exact))
    else:  # below the range it is -1 already
        is_above = exact.type(values.nodata) > low + 2 * half_width
        missing = (tf.cast(image, exact) == exact.type(values.nodata)) & is_above
    return tf.where(missing, -1.0, scaled)


def decode(image: tf.Tensor, values: ImageValues = EIGHT_BIT.target) -> tf.Tensor:
    """Converts [-1, 1] to the range and the type of images, the inverse of `encode`.

    Args:
        image: Floats [..., C]; values outside [-1, 1] are clipped.
        values: The type and the meaning of the values; by default uint8, 0 to 255.

    Returns:
        Values of the same shape in `values.dtype`; integers are rounded to the nearest.

    Example:
        >>> decode(tf.constant([-1.0, 0.0, 1.5])).numpy().tolist()
        [0, 128, 255]
        >>> twelve_bits = ImageValues(np.dtype(np.uint16), ValueRange((0.0,), (4095.0,)))
        >>> decode(tf.constant([-1.0, 0.0, 1.0]), twelve_bits).numpy().tolist()
        [0, 2048, 4095]
    """
    exact = _exact_type(values.dtype)
    low, half_width = _low_and_half_width(values.of(values.dtype), exact)
    smallest, largest = low, low + 2 * half_width
    levels = (tf.cast(image, exact) + 1.0) * half_width
    if np.any(low):
        levels += low
    if values.dtype.kind in "iu":
        levels = tf.round(levels)
        limits = np.iinfo(values.dtype)
        smallest, largest = (np.clip(each, limits.min, limits.max) for each in (smallest, largest))
    return tf.cast(tf.clip_by_value(levels, smallest, largest), values.dtype)


def encode_floats(image: tf.Tensor, values: ImageValues) -> tf.Tensor:
    """Scales the numbers of images to [-1, 1] as `encode` does, for graphs of 32-bit floats alone.

    Args:
        image: float32 [..., C] with the numbers of images of the type `values.dtype`.
        values: The meaning of the values.

    Returns:
        float32 of the same shape.
    """
    low, half_width = _low_and_half_width(values.of(values.dtype), np.dtype(np.float32))
    scaled = (image - low if np.any(low) else image) / half_width - 1.0
    return scaled if values.range is None else tf.clip_by_value(scaled, -1.0, 1.0)


def decode_floats(image: tf.Tensor, values: ImageValues) -> tf.Tensor:
    """Converts [-1, 1] to the numbers of images, the inverse of `encode_floats`.

    Args:
        image: float32 [..., C].
        values: The meaning of the values.

    Returns:
        float32 of the same shape, neither rounded nor clipped.
    """
    low, half_width = _low_and_half_width(values.of(values.dtype), np.dtype(np.float32))
    levels = (image + 1.0) * half_width
    return levels + low if np.any(low) else levels


def _low_and_half_width(values: ValueRange, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Returns the smallest value and half the width of a range, [C], or [] for all channels."""
    low, high = np.array(values.low), np.array(values.high)
    if len(low) == 1:
        low, high = low[0], high[0]
    return low.astype(dtype), ((high - low) / 2).astype(dtype)


def _exact_type(dtype: np.dtype) -> np.dtype:
    """Returns the float type that holds all values of a type."""
    return np.dtype(np.float32 if np.can_cast(dtype, np.float32) else np.float64)


@dataclass(frozen=True)
class Representation:
    """Conversion of images for the networks; all values are floats in [-1, 1].

    Attributes:
        to_input: Function that converts input images [N, H, W, C] to the generator's input.
        to_target: Function that converts target images [N, H, W, C] to the target of the
            generator's output.
        to_image: Function that converts the generator's output and the input images to output
            images.
        recombines: Whether `to_image` makes use of the input images.
    """

    to_input: Callable[[tf.Tensor], tf.Tensor]
    to_target: Callable[[tf.Tensor], tf.Tensor]
    to_image: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    recombines: bool = False


def representation(name: str) -> Representation:
    """Returns the representation of a name.

    Args:
        name: `plain` for unchanged images; `lab` for L as the input, a and b as the output (paper,
            appendix 6.2).
    """
    if name == "plain":
        return Representation(_unchanged, _unchanged, _output_alone)
    return Representation(_lightness, _ab, _recombined, recombines=True)


def _unchanged(image: tf.Tensor) -> tf.Tensor:
    return image


def _output_alone(output: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
    return output


def _lightness(image: tf.Tensor) -> tf.Tensor:
    return to_lab(image)[..., :1] / 50.0 - 1.0


def _ab(image: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(to_lab(image)[..., 1:] / AB_RANGE, -1.0, 1.0)


def _recombined(output: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
    return from_lab(tf.concat([to_lab(image)[..., :1], output * AB_RANGE], -1))


def to_lab(image: tf.Tensor) -> tf.Tensor:
    """Converts sRGB to CIE Lab.

    Args:
        image: Floats [..., 3] in [-1, 1]; values outside are clipped.

    Returns:
        Floats [..., 3]: L in 0..100, a and b in about -110..110.

    Example:
        >>> to_lab(tf.constant([[1.0, 1.0, 1.0]])).numpy().round(1).tolist()[0][0]
        100.0
    """
    rgb = tf.clip_by_value((image + 1.0) / 2.0, 0.0, 1.0)
    linear = tf.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = _multiply(linear, _RGB_TO_XYZ) / tf.constant(_WHITE)
    f = tf.where(xyz > _DARK, tf.maximum(xyz, _DARK) ** (1 / 3), _SLOPE * xyz + _OFFSET)
    x, y, z = tf.unstack(f, axis=-1)
    return tf.stack([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], -1)


def from_lab(lab: tf.Tensor) -> tf.Tensor:
    """Converts CIE Lab to sRGB.

    Args:
        lab: Floats [..., 3]: L in 0..100, a and b in about -110..110.

    Returns:
        Floats [..., 3] in [-1, 1]; colours outside sRGB are clipped.
    """
    lightness, a, b = tf.unstack(lab, axis=-1)
    y = (lightness + 16.0) / 116.0
    f = tf.maximum(tf.stack([y + a / 500.0, y, y - b / 200.0], -1), 0.0)
    xyz = tf.where(f > _DARK ** (1 / 3), f**3, (f - _OFFSET) / _SLOPE) * tf.constant(_WHITE)
    linear = tf.clip_by_value(_multiply(xyz, _XYZ_TO_RGB), 0.0, 1.0)
    bright = 1.055 * tf.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    rgb = tf.where(linear > 0.0031308, bright, 12.92 * linear)
    return tf.clip_by_value(rgb, 0.0, 1.0) * 2.0 - 1.0


def _multiply(colours: tf.Tensor, matrix: tuple[tuple[float, ...], ...]) -> tf.Tensor:
    """Multiplies the last axis by a matrix.

    It is computed by sums, because a matrix product may round to fewer bits on some devices.
    """
    channels = tf.unstack(colours, axis=-1)
    rows = [
        sum(weight * channel for weight, channel in zip(row, channels, strict=True))
        for row in matrix
    ]
    return tf.stack(rows, -1)
