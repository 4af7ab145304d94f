"""A generator applied to pictures of any size: in validation, `translate` and exports."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from pix2pix_tf.data.representation import decode, encode
from pix2pix_tf.models.layers import dropout_seeds

Translate = Callable[[tf.Tensor, tf.Tensor | None], tf.Tensor]


def translate_images(
    generator: keras.Model, images: tf.Tensor, seeds: tf.Tensor | None, multiple: int
) -> tf.Tensor:
    """Translates whole pictures as people have them: `translate_pixels` from and to integers.

    Args:
        generator: See `translate_pixels`.
        images: uint8 or uint16 [N, H, W, C].
        seeds: See `translate_pixels`.
        multiple: See `translate_pixels`.

    Returns:
        uint8 [N, H, W, D].
    """
    return decode(translate_pixels(generator, encode(images), seeds, multiple))


def translate_pixels(
    generator: keras.Model, images: tf.Tensor, seeds: tf.Tensor | None, multiple: int
) -> tf.Tensor:
    """Translates whole pictures: pads by reflection to the multiple, generates, crops back.

    Normalisation uses each image's own statistics. Larger images than the generator was trained on
    are translated convolutionally (paper, section 4.4 and figure 8).

    Args:
        generator: Built with `any_size=True`, or of exactly the padded size.
        images: float32 [N, H, W, C] in [-1, 1].
        seeds: int32 [N, 2], the dropout seed of each image; None turns dropout off.
        multiple: What height and width are padded to a multiple of: the config's `size_multiple`.

    Returns:
        float32 [N, H, W, D] in [-1, 1].
    """
    height, width = _sides(images)
    padded = reflect_to_multiple(images, multiple)
    if seeds is None:
        prediction = generator(padded, training=False)
    else:
        with dropout_seeds(seeds):
            prediction = generator(padded, training=False)
    if padded is images:
        return prediction
    top, left = -height % multiple // 2, -width % multiple // 2
    return prediction[:, top : top + height, left : left + width]


def image_seeds(seed: int, count: int) -> tf.Tensor:
    """Dropout seeds, int32 [count, 2]: the same for each image, whatever its neighbours."""
    return tf.constant([[seed, 0]] * count, tf.int32)


def reflect_to_multiple(images: tf.Tensor, multiple: int) -> tf.Tensor:
    """Pads [N, H, W, C] on all sides to the next multiple, mirroring as often as it takes."""
    for axis, size in enumerate(_sides(images), start=1):
        if not (isinstance(size, int) and size % multiple == 0):
            images = tf.gather(images, _reflected_positions(size, multiple), axis=axis)
    return images


def _sides(images: tf.Tensor) -> tuple[int | tf.Tensor, int | tf.Tensor]:
    """Height and width: numbers where known, so that a fixed graph has no needless steps."""
    known, sizes = images.shape.as_list()[1:3], tf.unstack(tf.shape(images)[1:3])
    return tuple(size if side is None else side for side, size in zip(known, sizes, strict=True))


def _reflected_positions(size: int | tf.Tensor, multiple: int) -> tf.Tensor:
    """Where each position of the padded axis is read from: 2 1 0 1 2 1 0 1 for a size of 3 in 8."""
    padding = -size % multiple
    position = tf.range(size + padding) - padding // 2
    period = tf.maximum(2 * (size - 1), 1)
    position = tf.math.floormod(position, period)
    return tf.minimum(position, period - position)


def compile_translation(generator: keras.Model, multiple: int) -> Translate:
    """`translate_images` as a compiled function of (images, seeds) for one generator.

    It is traced anew for uint8 and uint16 images and for seeds given or not, but not for each new
    size.
    """

    @tf.function(reduce_retracing=True)
    def translate(images: tf.Tensor, seeds: tf.Tensor | None) -> tf.Tensor:
        return translate_images(generator, images, seeds, multiple)

    return translate


def array_translation(
    generator: keras.Model, multiple: int, seed: int
) -> Callable[[np.ndarray], np.ndarray]:
    """From one picture, uint8 or uint16 [H, W, C], to its translation with a fixed dropout seed."""
    translate = compile_translation(generator, multiple)
    seeds = image_seeds(seed, 1)

    def translate_array(image: np.ndarray) -> np.ndarray:
        return translate(tf.constant(image[np.newaxis]), seeds).numpy()[0]

    return translate_array
