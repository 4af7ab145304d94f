"""Augmentation of training pairs: the random crop of the paper and what `data.augment` adds.

Every change is a function of draws that follow from a seed alone (paper, section 3.3 and appendix
6.2 for the crop and mirroring), so that training resumes exactly. Geometric changes act on images
of any type and number of channels, and both sides of a pair get the same one (`crop_window`,
`orient`). Photometric changes act on encoded inputs, in [-1, 1] (`vary_values`), so that their
strengths mean the same for every type and range of values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from pix2pix_tf.config.augmentations import Augmentations

Size = tuple[int, int]  # height and width in pixels

# Places of the draws that decide about each geometric change.
_TOP, _LEFT, _MIRROR, _SCALE, _FLIP, _TURNS, _TRANSPOSE = range(7)
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
    """Draws the random numbers of the geometric changes of an image.

    Args:
        seed: int32 [2].

    Returns:
        float32 [NUM_DRAWS], uniform in [0, 1).
    """
    more = tf.random.experimental.stateless_fold_in(seed, _MORE_GEOMETRY)
    return tf.concat(
        [
            tf.random.stateless_uniform([_MIRROR + 1], seed),
            tf.random.stateless_uniform([NUM_DRAWS - _MIRROR - 1], more),
        ],
        axis=0,
    )


def crop_window(draws: np.ndarray, augment: Augmentations, size: Size, crop: Size) -> Window:
    """Returns the window of an image that becomes the crop; every place is equally likely.

    The factor of `scale` is uniform on a logarithmic axis: doubled as often as halved.

    Args:
        draws: float32 [NUM_DRAWS] in [0, 1), see `geometric_draws`.
        augment: The augmentations of the config.
        size: Height and width of the image.
        crop: Height and width of the crop.

    Returns:
        The window, which is resized to the crop if there is a `scale`. On an axis on which it is
        larger than the image, the image is in its middle.

    Example:
        >>> from pix2pix_tf.config.augmentations import Augmentation
        >>> draws = np.full(NUM_DRAWS, 0.5, np.float32)
        >>> crop_window(draws, Augmentations(), size=(10, 12), crop=(4, 4))
        Window(top=3, left=4, height=4, width=4)
        >>> twice = Augmentations([Augmentation("scale", (2.0, 2.0))])
        >>> crop_window(draws, twice, size=(10, 12), crop=(4, 4))
        Window(top=4, left=5, height=2, width=2)
    """
    low, high = map(math.log, augment.scale)
    factor = math.exp(low + float(draws[_SCALE]) * (high - low))
    (top, height), (left, width) = (
        _span(length, max(1, round(side / factor)), np.float32(draws[place]))
        for length, side, place in zip(size, crop, (_TOP, _LEFT), strict=True)
    )
    return Window(top, left, height, width)


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


def orient(image: tf.Tensor, draws: tf.Tensor, augment: Augmentations) -> tf.Tensor:
    """Mirrors, flips, turns and transposes a crop, in this order.

    Args:
        image: [H, W, C] of any type.
        draws: float32 [NUM_DRAWS] in [0, 1), see `geometric_draws`.
        augment: The augmentations of the config.

    Returns:
        [H, W, C], or [W, H, C] after an odd number of quarter turns and transpositions.
    """
    if augment.has("mirror"):
        image = _half_of_the_time(draws[_MIRROR], lambda x: tf.reverse(x, [1]), image)
    if augment.has("flip_vertical"):
        image = _half_of_the_time(draws[_FLIP], lambda x: tf.reverse(x, [0]), image)
    if augment.has("rotate_90"):
        image = tf.image.rot90(image, tf.cast(draws[_TURNS] * 4, tf.int32))
    if augment.has("transpose"):
        image = _half_of_the_time(draws[_TRANSPOSE], lambda x: tf.transpose(x, [1, 0, 2]), image)
    return image


def _half_of_the_time(
    draw: tf.Tensor, change: Callable[[tf.Tensor], tf.Tensor], image: tf.Tensor
) -> tf.Tensor:
    return tf.cond(draw < 0.5, lambda: change(image), lambda: image)


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
