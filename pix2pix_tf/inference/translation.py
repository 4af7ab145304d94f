"""A generator applied to pictures of any size: in validation, `translate` and exports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.representation import Representation, decode, encode, representation
from pix2pix_tf.models.cpu_convolutions import cpu_convolutions
from pix2pix_tf.models.layers import dropout_seeds, fixed_moments

Translate = Callable[[tf.Tensor, tf.Tensor | None], tf.Tensor]


@dataclass(frozen=True)
class Moments:
    """Statistics that norms normalise by instead of each image's own.

    Mean and variance, float32 [2, C] (arrays, tensors or variables), by the names of the norms.

    Attributes:
        with_dropout: Of a generator whose dropout is on.
        without_dropout: Of the same with its dropout off.
    """

    with_dropout: Mapping[str, Any]
    without_dropout: Mapping[str, Any]

    def of(self, seeds: object | None) -> Mapping[str, Any]:
        """Those for translating with dropout seeds, or without any."""
        return self.without_dropout if seeds is None else self.with_dropout


OWN_STATISTICS = Moments({}, {})


@dataclass(frozen=True)
class PictureTranslation:
    """A generator with what lies between it and pictures.

    Attributes:
        generator: Built with `any_size=True`, or of exactly the size of the pictures.
        between: What of pictures the generator sees and makes.
        multiple: What height and width are padded to a multiple of: the config's `size_multiple`.
        smallest: What they are padded to at least: the config's `smallest_size`.
        moments: Statistics of a batch for all norms, see `inference.reference_batch`; by default
            there are none, and each image is normalised by its own.
    """

    generator: keras.Model
    between: Representation
    multiple: int
    smallest: int = 1
    moments: Moments = OWN_STATISTICS

    def padding(self, side: int | tf.Tensor) -> int | tf.Tensor:
        """By how many pixels a side is padded: half of them before, the other half behind."""
        return _padding(side, self.multiple, self.smallest)


def picture_translation(
    generator: keras.Model, config: Config, moments: Moments = OWN_STATISTICS
) -> PictureTranslation:
    """The translation of pictures by a generator of `config`."""
    return PictureTranslation(
        generator,
        representation(config.data.representation),
        config.size_multiple,
        config.smallest_size,
        moments,
    )


def translate_images(
    translation: PictureTranslation, images: tf.Tensor, seeds: tf.Tensor | None
) -> tf.Tensor:
    """Translates whole pictures as people have them: `translate_pixels` from and to integers.

    Args:
        translation: The generator and what belongs to it.
        images: uint8 or uint16 [N, H, W, C].
        seeds: See `translate_pixels`.

    Returns:
        uint8 [N, H, W, D].
    """
    return decode(translate_pixels(translation, encode(images), seeds))


def translate_pixels(
    translation: PictureTranslation, images: tf.Tensor, seeds: tf.Tensor | None
) -> tf.Tensor:
    """Translates whole pictures: pads by reflection to the multiple, generates, crops back.

    Normalisation uses each image's own statistics, or the translation's fixed ones: either way no
    image's translation depends on others beside it. Larger images than the generator was trained on
    are translated convolutionally (paper, section 4.4 and figure 8).

    Args:
        translation: The generator and what belongs to it.
        images: float32 [N, H, W, C] in [-1, 1].
        seeds: int32 [N, 2], the dropout seed of each image; None turns dropout off.

    Returns:
        float32 [N, H, W, D] in [-1, 1].
    """
    height, width = _sides(images)
    padded = reflect_to_multiple(images, translation.multiple, translation.smallest)
    seen = translation.between.to_input(padded)
    with dropout_seeds(seeds), fixed_moments(translation.moments.of(seeds)):
        made = translation.generator(seen, training=False)
    if padded is not images:
        top, left = (translation.padding(side) // 2 for side in (height, width))
        made = made[:, top : top + height, left : left + width]
    return translation.between.to_image(made, images)


def image_seeds(seed: int, count: int) -> tf.Tensor:
    """Dropout seeds, int32 [count, 2]: the same for each image, whatever its neighbours."""
    return tf.constant([[seed, 0]] * count, tf.int32)


def reflect_to_multiple(images: tf.Tensor, multiple: int, smallest: int = 1) -> tf.Tensor:
    """Pads [N, H, W, C] on all sides to the next multiple, mirroring as often as it takes.

    Height and width become `smallest` at least.
    """
    for axis, size in enumerate(_sides(images), start=1):
        padding = _padding(size, multiple, smallest)
        if not (isinstance(padding, int) and padding == 0):
            images = tf.gather(images, reflected_positions(size, padding), axis=axis)
    return images


def _padding(side: int | tf.Tensor, multiple: int, smallest: int) -> int | tf.Tensor:
    padding = -side % multiple
    if smallest <= multiple:
        return padding
    if isinstance(side, int):
        return max(padding, smallest - side)
    return tf.maximum(padding, smallest - side)


def _sides(images: tf.Tensor) -> tuple[int | tf.Tensor, int | tf.Tensor]:
    """Height and width: numbers where known, so that a fixed graph has no needless steps."""
    known, sizes = images.shape.as_list()[1:3], tf.unstack(tf.shape(images)[1:3])
    return tuple(size if side is None else side for side, size in zip(known, sizes, strict=True))


def reflected_positions(size: int | tf.Tensor, padding: int | tf.Tensor) -> tf.Tensor:
    """Where each position of the padded axis is read from: 2 1 0 1 2 1 0 1 for 3 padded by 5."""
    position = tf.range(size + padding) - padding // 2
    period = tf.maximum(2 * (size - 1), 1)
    position = tf.math.floormod(position, period)
    return tf.minimum(position, period - position)


def compile_translation(translation: PictureTranslation) -> Translate:
    """`translate_images` as a compiled function of (images, seeds) for one generator.

    It is traced anew for uint8 and uint16 images and for seeds given or not, but not for each new
    size.
    """

    @tf.function(reduce_retracing=True, autograph=False)
    def translate(images: tf.Tensor, seeds: tf.Tensor | None) -> tf.Tensor:
        with fast_convolutions():
            return translate_images(translation, images, seeds)

    return translate


def fast_convolutions() -> AbstractContextManager[None]:
    """Within it, networks compute convolutions as is fastest where they run."""
    on_gpu = tf.config.list_logical_devices("GPU")
    return nullcontext() if on_gpu else cpu_convolutions()


def array_translation(
    translation: PictureTranslation, seed: int
) -> Callable[[np.ndarray], np.ndarray]:
    """From one picture, uint8 or uint16 [H, W, C], to its translation with a fixed dropout seed."""
    translate = compile_translation(translation)
    seeds = image_seeds(seed, 1)

    def translate_array(image: np.ndarray) -> np.ndarray:
        return translate(tf.constant(image[np.newaxis]), seeds).numpy()[0]

    return translate_array
