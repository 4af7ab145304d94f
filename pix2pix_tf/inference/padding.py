"""Padding by reflection: how images of any size get one that a network takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import tensorflow as tf

Length: TypeAlias = int | tf.Tensor
"""Pixels: a number where it is known, else a scalar tensor."""


@dataclass(frozen=True)
class AxisPadding:
    """The padding of one axis of an image.

    Attributes:
        size: Pixels of the image along the axis.
        total: Pixels added, half of them (rounded down) before and the others behind.
    """

    size: Length
    total: Length

    @property
    def before(self) -> Length:
        """Pixels added before the image."""
        return self.total // 2

    @property
    def padded(self) -> Length:
        """Pixels along the axis with those added."""
        return self.size + self.total

    @property
    def inside(self) -> slice:
        """Where the image lies in the padded one."""
        return slice(self.before, self.before + self.size)

    @property
    def is_none(self) -> bool:
        """Whether it is known that nothing is added."""
        return isinstance(self.total, int) and self.total == 0

    def sources(self) -> tf.Tensor:
        """For each position of the padded axis the one it copies: 2 1 0 1 2 1 0 1 for 3 and 5.

        The image is mirrored at its borders as often as it takes.
        """
        position = tf.range(self.padded) - self.before
        period = tf.maximum(2 * (self.size - 1), 1)
        position = tf.math.floormod(position, period)
        return tf.minimum(position, period - position)


def axis_padding(size: Length, multiple: int, smallest: int = 1) -> AxisPadding:
    """Returns the padding to the next multiple, and to `smallest` pixels at least."""
    total = -size % multiple
    if smallest > multiple:
        larger = max if isinstance(size, int) else tf.maximum
        total = larger(total, smallest - size)
    return AxisPadding(size, total)


@dataclass(frozen=True)
class ImagePadding:
    """The padding of images of one size.

    Attributes:
        rows: That of the height.
        columns: That of the width.
    """

    rows: AxisPadding
    columns: AxisPadding

    def pad(self, images: tf.Tensor) -> tf.Tensor:
        """Pads [N, H, W, C]."""
        for axis, padding in ((1, self.rows), (2, self.columns)):
            if not padding.is_none:
                images = tf.gather(images, padding.sources(), axis=axis)
        return images

    def crop(self, padded: tf.Tensor) -> tf.Tensor:
        """Cuts what was the image out of what was made of the padded one."""
        if self.rows.is_none and self.columns.is_none:
            return padded
        return padded[:, self.rows.inside, self.columns.inside]


def image_padding(images: tf.Tensor, multiple: int, smallest: int = 1) -> ImagePadding:
    """Returns the padding of images [N, H, W, C], see `axis_padding`."""
    # Numbers where they are known, so that a fixed graph has no needless steps.
    known, sizes = images.shape.as_list()[1:3], tf.unstack(tf.shape(images)[1:3])
    rows, columns = (
        axis_padding(size if side is None else side, multiple, smallest)
        for side, size in zip(known, sizes, strict=True)
    )
    return ImagePadding(rows, columns)
