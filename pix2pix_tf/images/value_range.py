"""Ranges of image values: the numbers that the networks see as -1 and 1.

An image without a range of its own, as `dtype` says in a config, uses the full range of its type:
255 in 8 bits is 65535 in 16 bits. Scores and displays take images by the convention of
scikit-image: integers span the full range of their type, and floats are fractions, 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pix2pix_tf.config.section import RangeSetting
from pix2pix_tf.images.convert import to_8bit, to_16bit, to_dtype
from pix2pix_tf.images.png_writer import png_holds
from pix2pix_tf.utils.errors import UserError

UINT8 = np.dtype(np.uint8)
_SCALED_TYPES = (UINT8, np.dtype(np.uint16))  # converted to each other by full scale


@dataclass(frozen=True)
class ValueRange:
    """The values that the networks see as -1 and 1.

    Attributes:
        low: The smallest value: one number for all channels, or one for each.
        high: The largest value, likewise.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]

    def fractions(self, image: np.ndarray) -> np.ndarray:
        """Returns the values as fractions of the range; values outside are clipped.

        Args:
            image: Any real type, [..., C].

        Returns:
            float32 of the same shape: 0 for `low`, 1 for `high`.

        Example:
            >>> ValueRange((0.0,), (4000.0,)).fractions(np.array([[0], [1000], [5000]])).tolist()
            [[0.0], [0.25], [1.0]]
        """
        low, high = np.array(self.low), np.array(self.high)
        return np.clip((image - low) / (high - low), 0.0, 1.0).astype(np.float32)

    def values(self, fractions: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """Returns the values for fractions of the range, the inverse of `fractions`.

        Args:
            fractions: Floats in 0..1, [..., C].
            dtype: The type of the values; for integers they are rounded.
        """
        low, high = np.array(self.low), np.array(self.high)
        return to_dtype(low + fractions.astype(np.float64) * (high - low), dtype)

    def count_outside(self, image: np.ndarray) -> np.ndarray:
        """Returns how many values of each channel lie outside the range.

        Args:
            image: Any real type, [H, W, C].

        Returns:
            int64 [C].

        Example:
            >>> ValueRange((1.0,), (9.0,)).count_outside(np.array([[[0, 1], [9, 10]]])).tolist()
            [1, 1]
        """
        outside = (image < np.array(self.low)) | (image > np.array(self.high))
        return np.count_nonzero(outside, axis=(0, 1))


@dataclass(frozen=True)
class ImageValues:
    """The type and the meaning of the values of the images of one side.

    Attributes:
        dtype: The type of the images: that of their files, the widest one if they differ.
        range: The range of their values; None for the full range of the type of each image.
        nodata: The value that stands for no data in the files of the side, which may be NaN; None
            if there is none, or it is not known.
    """

    dtype: np.dtype = UINT8
    range: ValueRange | None = None
    nodata: float | None = None

    def of(self, dtype: np.dtype) -> ValueRange:
        """Returns the range of an image of a type.

        Raises:
            UserError: The values have no range, since the type has none of its own.
        """
        return full_range(dtype) if self.range is None else self.range

    def takes(self, dtype: np.dtype) -> bool:
        """Whether an image of a type can be an image of this side.

        With a range, any real type can. Without, it is the type of the side, or 8 or 16 bits.
        """
        if self.range is not None:
            return dtype.kind in "iuf"
        return dtype in (self.dtype, *_SCALED_TYPES)

    @property
    def types(self) -> str:
        """The types that `takes` accepts, in words."""
        if self.range is not None:
            return "integers or floats"
        return " or ".join(dict.fromkeys(map(str, (*_SCALED_TYPES, self.dtype))))

    def unify(self, image: np.ndarray) -> np.ndarray:
        """Converts an image to `dtype`.

        With a range, values keep their numbers, rounded and clipped to the type. Without, 8 and 16
        bits are converted full scale to full scale.

        Args:
            image: An image of a type that `takes` accepts.

        Returns:
            The image in `dtype`; the same array if it has this type already.
        """
        if image.dtype == self.dtype:
            return image
        if self.range is None:
            return to_16bit(image) if self.dtype == np.uint16 else to_8bit(image)
        return to_dtype(image, self.dtype)

    def full_scale(self, image: np.ndarray) -> np.ndarray:
        """Converts an image for scores and displays, which know no range.

        Args:
            image: An image of the side, [H, W, C].

        Returns:
            The same image if it is of 8 or 16 bits and spans their full range, otherwise the
            fractions of the range, float32 in 0..1.
        """
        if self.range is None and image.dtype in _SCALED_TYPES:
            return image
        return self.of(image.dtype).fractions(image)

    def from_full_scale(self, image: np.ndarray) -> np.ndarray:
        """Converts an image in full scale, such as a drawing, to an image of the side.

        Args:
            image: uint8 or uint16 [H, W, C] that spans the full range of its type, or fractions of
                the range of the side, floats in 0..1.

        Returns:
            The same image if it is of 8 or 16 bits and spans the range of the side too, otherwise
            an image in `dtype`.
        """
        if image.dtype.kind == "f":
            return self.of(self.dtype).values(image, self.dtype)
        if self.range is None and self.dtype in _SCALED_TYPES:
            return image
        return self.of(self.dtype).values(full_range(image.dtype).fractions(image), self.dtype)

    def are_colours(self, channels: int) -> bool:
        """Whether images of a number of channels are colours: of 8 or 16 bits, in full scale."""
        return self.range is None and png_holds(self.dtype, channels)


@dataclass(frozen=True)
class PairValues:
    """The types and the meaning of the values of the inputs and the targets of a run."""

    input: ImageValues = ImageValues()
    target: ImageValues = ImageValues()


EIGHT_BIT = PairValues()


def full_range(dtype: np.dtype) -> ValueRange:
    """Returns the range from the smallest to the largest value of an integer type.

    Raises:
        UserError: The type is not one of integers.

    Example:
        >>> full_range(np.dtype(np.int16))
        ValueRange(low=(-32768.0,), high=(32767.0,))
    """
    if dtype.kind not in "iu":
        raise UserError(
            f"images of type {dtype} have no range of their own: give the smallest and the largest "
            "value that matters, data.input_range=[LOW,HIGH] for inputs, data.target_range for "
            "targets"
        )
    limits = np.iinfo(dtype)
    return ValueRange((float(limits.min),), (float(limits.max),))


def image_values(
    setting: RangeSetting, dtypes: Iterable[np.dtype], key: str, option: str | None = None
) -> ImageValues:
    """Returns the type and the meaning of the values of images.

    Args:
        setting: The value of `data.input_range` or `data.target_range`.
        dtypes: The types of the files.
        key: The key of the setting, for messages.
        option: How a range is given, for messages; by default `--set KEY=[LOW,HIGH]`.

    Raises:
        UserError: The files have no range without a setting: they are floats, or their types are
            not only 8 and 16 bits; or the range is not measured yet.

    Example:
        >>> image_values("dtype", [np.dtype(np.uint8), np.dtype(np.uint16)], "data.input_range")
        ImageValues(dtype=dtype('uint16'), range=None, nodata=None)
    """
    found = sorted(set(dtypes), key=str)
    option = option or f"--set {key}=[LOW,HIGH]"
    dtype = np.result_type(*found) if found else UINT8
    if setting == "data":
        raise UserError(
            f"{key}: data: the range is measured when a training starts, and then is in the "
            f"config.yaml of the run; use that config, or give the range, {option}"
        )
    if setting != "dtype":
        return ImageValues(dtype, given_range(setting))
    names = ", ".join(map(str, found))
    if any(one.kind not in "iu" for one in found):
        raise UserError(
            f"{key}: dtype: the files are {names}, and floats have no range of their own: give the "
            f"smallest and the largest value that matters, {option}"
        )
    if len(found) > 1 and not all(one in _SCALED_TYPES for one in found):
        raise UserError(
            f"{key}: dtype: the files are of several types ({names}), whose ranges differ: convert "
            f"them to one type, or give the range of the values, {option}"
        )
    return ImageValues(dtype)


def given_range(setting: RangeSetting) -> ValueRange:
    """Returns the range that a config gives as numbers, for all channels or for each."""
    bounds = setting if isinstance(setting[0], tuple) else (setting,)
    low, high = zip(*bounds, strict=True)
    return ValueRange(low, high)
