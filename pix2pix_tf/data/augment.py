"""Augmentation of training pairs: the random crop of the paper and what `data.augment` adds.

Every change is a function of draws that follow from a seed alone (paper, section 3.3 and appendix
6.2 for the crop and mirroring), so that training resumes exactly. Geometric changes act on images
of any type and number of channels, and both sides of a pair get the same one (`Geometry`).
Photometric changes act on encoded inputs, in [-1, 1] (`vary_values`), so that their strengths mean
the same for every type and range of values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from pix2pix_tf.config.augmentations import Augmentations

Size = tuple[int, int]  # height and width in pixels

NUM_DRAWS = 7
# Purposes of a seed, folded into it so that different purposes have independent randomness.
_MORE_GEOMETRY = 1
_BRIGHTNESS, _CONTRAST, _NOISE_STRENGTH, _NOISE, _BLUR = range(1, 6)


class Window(NamedTuple):
    """A rectangle of an image in pixels.

    It may reach beyond the image on both sides of an axis, where the image is padded by reflection.
    """

    top: int
    left: int
    height: int
    width: int

    def within(self, size: Size) -> bool:
        """Whether the window lies within an image of this height and width."""
        bottom, right = self.top + self.height, self.left + self.width
        return self.top >= 0 and self.left >= 0 and bottom <= size[0] and right <= size[1]


def geometric_draws(seed: tf.Tensor) -> tf.Tensor:
    """Draws the random numbers that `Geometry.of_draws` takes.

    Args:
        seed: int32 [2].

    Returns:
        float32 [NUM_DRAWS], uniform in [0, 1).
    """
    more = tf.random.experimental.stateless_fold_in(seed, _MORE_GEOMETRY)
    return tf.concat(
        [
            tf.random.stateless_uniform([3], seed),  # the place and mirroring
            tf.random.stateless_uniform([NUM_DRAWS - 3], more),
        ],
        axis=0,
    )


@dataclass(frozen=True)
class Geometry:
    """A random crop with its orientation, the same for both images of a pair.

    Attributes:
        place: Place of the crop on both axes, from 0 (the first that fits) to less than 1 (the
            last).
        factor: Factor by which the image is enlarged before it is cropped.
        mirror: Whether left and right are exchanged.
        flip: Whether top and bottom are exchanged, after that.
        quarter_turns: Number of counterclockwise quarter turns, after that.
        transpose: Whether rows and columns are exchanged, at last.
    """

    place: tuple[np.float32, np.float32]
    factor: float = 1.0
    mirror: bool = False
    flip: bool = False
    quarter_turns: int = 0
    transpose: bool = False

    @classmethod
    def of_draws(cls, draws: np.ndarray, augment: Augmentations) -> Geometry:
        """Returns the geometry of random draws.

        Factors of `scale` are uniform on a logarithmic axis: doubled as often as halved.

        Args:
            draws: float32 [NUM_DRAWS] in [0, 1), see `geometric_draws`.
            augment: The augmentations of the config.

        Example:
            >>> draws = np.array([0, 0.9, 0.4, 0.5, 0.6, 0.3, 0.7], np.float32)
            >>> augment = Augmentations([Augmentation("mirror"), Augmentation("rotate_90")])
            >>> geometry = Geometry.of_draws(draws, augment)
            >>> geometry.mirror, geometry.flip, geometry.quarter_turns
            (True, False, 1)
        """
        top, left, mirror, factor, flip, turns, transpose = np.asarray(draws, np.float32)
        low, high = map(math.log, augment.scale)
        return cls(
            (top, left),
            math.exp(low + float(factor) * (high - low)),
            augment.has("mirror") and bool(mirror < 0.5),
            augment.has("flip_vertical") and bool(flip < 0.5),
            int(turns * 4) if augment.has("rotate_90") else 0,
            augment.has("transpose") and bool(transpose < 0.5),
        )

    def window(self, size: Size, crop: Size) -> Window:
        """Returns the window of an image that becomes the crop; every place is equally likely.

        Args:
            size: Height and width of the image.
            crop: Height and width of the crop.

        Returns:
            The window, which is resized to the crop if `factor` is not 1. On an axis on which it is
            larger than the image, the image is in its middle.
        """
        (top, height), (left, width) = (
            _span(length, max(1, round(side / self.factor)), place)
            for length, side, place in zip(size, crop, self.place, strict=True)
        )
        return Window(top, left, height, width)

    def orient(self, crop: np.ndarray) -> np.ndarray:
        """Mirrors, turns and transposes a crop.

        Args:
            crop: [H, W, C] of any type.

        Returns:
            [H, W, C] or [W, H, C].
        """
        if self.mirror:
            crop = crop[:, ::-1]
        if self.flip:
            crop = crop[::-1]
        if self.quarter_turns:
            crop = np.rot90(crop, self.quarter_turns)
        return crop.swapaxes(0, 1) if self.transpose else crop


def _span(length: int, side: int, place: np.float32) -> tuple[int, int]:
    """Returns the first pixel and the number of pixels of a window on one axis."""
    room = length - side
    if room < 0:
        return -(-room // 2), side
    # 32 bits as in TensorFlow, where the same numbers were computed before.
    return int(place * np.float32(room + 1)), side


def cut(image: np.ndarray, window: Window) -> np.ndarray:
    """Cuts a window out of an image, padded by reflection where the window reaches beyond it.

    Args:
        image: [H, W, C] of any type.
        window: The window.

    Returns:
        [height, width, C]; a view of the image if the window lies within it.

    Example:
        >>> cut(np.array([[[1], [2], [3]]]), Window(0, -1, 1, 5))[..., 0].tolist()
        [[2, 1, 2, 3, 2]]
    """
    top, left, height, width = window
    rows, columns = image.shape[:2]
    if window.within((rows, columns)):
        return image[top : top + height, left : left + width]
    return image[
        np.ix_(_reflected(top, top + height, rows), _reflected(left, left + width, columns))
    ]


def _reflected(first: int, end: int, length: int) -> np.ndarray:
    """Returns the pixels of an axis that lie at `first` .. `end` - 1 of its endless reflection."""
    if length == 1:
        return np.zeros(end - first, int)
    period = 2 * (length - 1)
    places = np.arange(first, end) % period
    return np.minimum(places, period - places)


def vary_values(image: tf.Tensor, augment: Augmentations, seed: tf.Tensor) -> tf.Tensor:
    """Changes the values of an input: blur, contrast, brightness and noise, in this order.

    Each strength is drawn uniformly up to that of the config. Results are clipped to [-1, 1].

    Args:
        image: float32 [H, W, C] in [-1, 1].
        augment: The augmentations of the config; others than photometric ones are ignored.
        seed: int32 [2]; the result depends only on the seed and the image.

    Returns:
        float32 of the same shape in [-1, 1].
    """
    changes: dict[str, Callable[[tf.Tensor, float, tf.Tensor], tf.Tensor]] = {
        "blur": _random_blur,
        "contrast": _random_contrast,
        "brightness": _random_brightness,
        "noise": _random_noise,
    }
    chosen = {name: change for name, change in changes.items() if augment.has(name)}
    for name, change in chosen.items():
        image = change(image, augment.strength(name), seed)
    return tf.clip_by_value(image, -1.0, 1.0) if chosen else image


def _random_brightness(image: tf.Tensor, strength: float, seed: tf.Tensor) -> tf.Tensor:
    # The whole range is 2 wide in [-1, 1].
    return image + 2 * strength * (2 * _uniform(seed, _BRIGHTNESS) - 1)


def _random_contrast(image: tf.Tensor, strength: float, seed: tf.Tensor) -> tf.Tensor:
    mean = tf.reduce_mean(image, [0, 1], keepdims=True)
    return mean + (image - mean) * (1 + strength * (2 * _uniform(seed, _CONTRAST) - 1))


def _random_noise(image: tf.Tensor, strength: float, seed: tf.Tensor) -> tf.Tensor:
    deviation = 2 * strength * _uniform(seed, _NOISE_STRENGTH)
    noise = tf.random.stateless_normal(tf.shape(image), _fold(seed, _NOISE))
    return image + deviation * noise


def _random_blur(image: tf.Tensor, strength: float, seed: tf.Tensor) -> tf.Tensor:
    return blur(image, strength * _uniform(seed, _BLUR), radius=math.ceil(3 * strength))


def blur(image: tf.Tensor, deviation: tf.Tensor, radius: int) -> tf.Tensor:
    """Blurs an image by a Gaussian, with the image reflected at its borders.

    Args:
        image: float32 [H, W, C].
        deviation: Standard deviation of the Gaussian in pixels, a scalar, 0 or more.
        radius: Largest distance in pixels that the Gaussian reaches; less than H and W.

    Returns:
        float32 [H, W, C].
    """
    distances = tf.range(-radius, radius + 1, dtype=tf.float32)
    # At 0.05 pixels the neighbours weigh nothing in 32 bits; at 0 nothing could be computed.
    weights = tf.exp(-0.5 * (distances / tf.maximum(deviation, 0.05)) ** 2)
    weights /= tf.reduce_sum(weights)
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    padded = tf.pad(image, [[radius, radius], [radius, radius], [0, 0]], "REFLECT")
    rows = tf.add_n([weights[k] * padded[k : k + height] for k in range(2 * radius + 1)])
    return tf.add_n([weights[k] * rows[:, k : k + width] for k in range(2 * radius + 1)])


def _uniform(seed: tf.Tensor, purpose: int) -> tf.Tensor:
    return tf.random.stateless_uniform([], _fold(seed, purpose))


def _fold(seed: tf.Tensor, purpose: int) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(seed, purpose)
