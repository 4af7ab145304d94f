"""Padding by reflection, from images of any size to the sizes that a network takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import tensorflow as tf

Length: TypeAlias = int | tf.Tensor
"""Number of pixels: an int where it is known, otherwise a scalar tensor."""


@dataclass(frozen=True)
class AxisPadding:
    """The padding of one axis of an image.

    Attributes:
        size: Pixels of the image along the axis.
        total: Pixels added, half of them (rounded down) before the image and the others after it.
    """

    size: Length
    total: Length

    @property
    def before(self) -> Length:
        """Pixels added before the image."""
        return self.total // 2

    @property
    def padded(self) -> Length:
        """Length of the padded axis in pixels."""
        return self.size + self.total

    @property
    def inside(self) -> slice:
        """Slice of the image in the padded image."""
        return slice(self.before, self.before + self.size)

    @property
    def is_none(self) -> bool:
        """Whether the padding is known to be 0."""
        return isinstance(self.total, int) and self.total == 0

    def sources(self) -> tf.Tensor:
        """Returns, for each position of the padded axis, the position of the image that it copies.

        The image is mirrored at its borders as often as necessary: with `size` 3 and `total` 5 the
        positions are 2 1 0 1 2 1 0 1.
        """
        period = tf.maximum(2 * (self.size - 1), 1)
        first = _up_to_multiple(self.before, period)  # -before, shifted by whole periods
        position = tf.math.floormod(tf.range(self.padded) + first, period)
        return tf.minimum(position, period - position)


def axis_padding(size: Length, multiple: int, smallest: int = 1) -> AxisPadding:
    """Returns the padding to the next multiple that is at least `smallest`.

    Args:
        size: Length of the axis in pixels.
        multiple: Divides the padded length.
        smallest: Smallest padded length, itself a multiple.

    Returns:
        The padding.
    """
    total = _up_to_multiple(size, multiple)
    if smallest > multiple:
        larger = max if isinstance(size, int) else tf.maximum
        total = larger(total, smallest - size)
    return AxisPadding(size, total)


def _up_to_multiple(size: Length, multiple: Length) -> Length:
    """Returns the number that is missing from `size` to the next multiple: -size modulo multiple.

    No operand is negative, because in ONNX the remainder of a negative number is negative.
    """
    return (multiple - size % multiple) % multiple


@dataclass(frozen=True)
class ImagePadding:
    """The padding of images of one size.

    Attributes:
        rows: Padding of the height.
        columns: Padding of the width.
    """

    rows: AxisPadding
    columns: AxisPadding

    def pad(self, images: tf.Tensor) -> tf.Tensor:
        """Pads images [N, H, W, C]."""
        for axis, padding in ((1, self.rows), (2, self.columns)):
            if not padding.is_none:
                images = tf.gather(images, padding.sources(), axis=axis)
        return images

    def crop(self, padded: tf.Tensor) -> tf.Tensor:
        """Crops an output for padded images to the area of the images themselves."""
        if self.rows.is_none and self.columns.is_none:
            return padded
        return padded[:, self.rows.inside, self.columns.inside]


def image_padding(images: tf.Tensor, multiple: int, smallest: int = 1) -> ImagePadding:
    """Returns the padding of images [N, H, W, C], see `axis_padding`."""
    # Known sizes are kept as ints, so that graphs of a fixed size need no operations for them.
    known, sizes = images.shape.as_list()[1:3], tf.unstack(tf.shape(images)[1:3])
    rows, columns = (
        axis_padding(size if side is None else side, multiple, smallest)
        for side, size in zip(known, sizes, strict=True)
    )
    return ImagePadding(rows, columns)
