"""Translation of images of any size, for validation, `translate` and exports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from pix2pix_tf.data.representation import decode, encode
from pix2pix_tf.images.value_range import EIGHT_BIT, PairValues
from pix2pix_tf.inference.padding import AxisPadding, axis_padding, image_padding
from pix2pix_tf.methods.method import Translation
from pix2pix_tf.models.cpu_convolutions import cpu_convolutions
from pix2pix_tf.models.layers import fixed_moments


@dataclass(frozen=True)
class Moments:
    """Statistics that norms use instead of each image's own.

    They are mean and variance, float32 [2, C] (arrays, tensors or variables), by the names of the
    norms.

    Attributes:
        with_dropout: Statistics of a generator whose dropout is on.
        without_dropout: Statistics of the same generator with its dropout off.
    """

    with_dropout: Mapping[str, Any]
    without_dropout: Mapping[str, Any]

    def of(self, seeds: object | None) -> Mapping[str, Any]:
        """Returns the statistics for a translation with dropout seeds, or without if None."""
        return self.without_dropout if seeds is None else self.with_dropout


OWN_STATISTICS = Moments({}, {})


@dataclass(frozen=True)
class AnySizeTranslation:
    """Translation of images of any size, which are padded by reflection and cropped afterwards.

    Images larger than the training size are translated convolutionally (paper, section 4.4 and
    figure 8).

    Attributes:
        translation: The translation of images of the sizes that its networks take.
        moments: Statistics of a batch for all norms, see `inference.reference_batch`. By default
            there are none, and each image is normalised by its own statistics.
        values: The types and the meaning of the values of images, by default 8 bits.
    """

    translation: Translation
    moments: Moments = OWN_STATISTICS
    values: PairValues = EIGHT_BIT

    def axis_padding(self, size: int) -> AxisPadding:
        """Returns the padding of an axis of `size` pixels."""
        return axis_padding(size, *self._limits)

    def __call__(self, images: tf.Tensor, seeds: tf.Tensor | None) -> tf.Tensor:
        """Translates images of one size, each independently of the others.

        Args:
            images: float32 [N, H, W, C] in [-1, 1].
            seeds: int32 [N, 2], the dropout seed of each image; None turns dropout off.

        Returns:
            float32 [N, H, W, D] in [-1, 1].
        """
        padding = image_padding(images, *self._limits)
        with fixed_moments(self.moments.of(seeds)):
            return padding.crop(self.translation(padding.pad(images), seeds))

    @property
    def _limits(self) -> tuple[int, int]:
        return self.translation.size_multiple, self.translation.smallest_size

    def translate_values(self, images: tf.Tensor, seeds: tf.Tensor | None) -> tf.Tensor:
        """Translates images with the values that they have in image files.

        Args:
            images: [N, H, W, C] of the type of the inputs' files; without a range of values, also
                uint8 or uint16.
            seeds: int32 [N, 2], the dropout seed of each image; None turns dropout off.

        Returns:
            [N, H, W, D] of the type of the targets' files.
        """
        return decode(self(encode(images, self.values.input), seeds), self.values.target)


def image_seeds(seed: int, count: int) -> tf.Tensor:
    """Returns dropout seeds, int32 [count, 2], that are the same for each image of a batch."""
    return tf.constant([[seed, 0]] * count, tf.int32)


def compile_translation(
    translation: AnySizeTranslation,
) -> Callable[[tf.Tensor, tf.Tensor | None], tf.Tensor]:
    """Compiles `translate_values`, a function of (images, seeds).

    It is retraced for each type of images, and with and without seeds, but not for each new image
    size.

    Args:
        translation: The translation to compile.

    Returns:
        The compiled function.
    """

    @tf.function(reduce_retracing=True, autograph=False)
    def translate(images: tf.Tensor, seeds: tf.Tensor | None) -> tf.Tensor:
        with fast_convolutions():
            return translation.translate_values(images, seeds)

    return translate


def fast_convolutions() -> AbstractContextManager[None]:
    """Context manager in which networks use the fastest convolutions on this device."""
    on_gpu = tf.config.list_logical_devices("GPU")
    return nullcontext() if on_gpu else cpu_convolutions()


def image_function(
    translation: AnySizeTranslation, seed: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Returns a function from one image, [H, W, C], to its translation, see `translate_values`.

    Args:
        translation: The translation.
        seed: Dropout seed of every image.

    Returns:
        The function.
    """
    translate = compile_translation(translation)
    seeds = image_seeds(seed, 1)

    def translate_image(image: np.ndarray) -> np.ndarray:
        return translate(tf.constant(image[np.newaxis]), seeds).numpy()[0]

    return translate_image
