"""Random jitter, the same for both images of a pair (paper, section 3.3 and appendix 6.2)."""

from __future__ import annotations

import tensorflow as tf


def jitter(
    image: tf.Tensor, target: tf.Tensor, size: tuple[int, int], mirror: bool, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Crops the same random window out of both images, and mirrors both with probability 1/2.

    Every offset that fits is equally likely: 0..30 on each axis from 286 to 256.

    Args:
        image: [H, W, C] of any type.
        target: [H, W, D] of any type, of the same height and width.
        size: Height and width of the window in pixels, at most H and W.
        mirror: Whether to mirror at all.
        seed: int32 [2]; the result depends only on the seed and the images.

    Returns:
        The windows of both images, [height, width, C] and [height, width, D].

    Example:
        >>> image = tf.reshape(tf.range(16), [4, 4, 1])
        >>> a, b = jitter(image, 100 + image, (2, 2), mirror=True, seed=tf.constant([0, 1]))
        >>> a.shape.as_list(), bool(tf.reduce_all(b == 100 + a))
        ([2, 2, 1], True)
    """
    # The window depends only on the seed and the height and width.
    return random_crop(image, size, mirror, seed), random_crop(target, size, mirror, seed)


def random_crop(
    image: tf.Tensor, size: tuple[int, int], mirror: bool, seed: tf.Tensor
) -> tf.Tensor:
    """Crops a random window out of one image and mirrors it with probability 1/2, see `jitter`.

    Args:
        image: [H, W, C] of any type.
        size: Height and width of the window in pixels, at most H and W.
        mirror: Whether to mirror at all.
        seed: int32 [2]; the result depends only on the seed and the image.

    Returns:
        The window, [height, width, C].
    """
    room = tf.shape(image)[:2] - tf.constant(size)
    unit = tf.random.stateless_uniform([3], seed)
    offset = tf.cast(unit[:2] * tf.cast(room + 1, tf.float32), tf.int32)
    image = tf.slice(image, [offset[0], offset[1], 0], [*size, -1])
    if mirror:
        image = tf.cond(unit[2] < 0.5, lambda: tf.reverse(image, [1]), lambda: image)
    return image
