"""Translation of images by one generator, as in pix2pix or in each direction of CycleGAN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import keras
import tensorflow as tf

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.representation import Representation, representation
from pix2pix_tf.models.generators import GENERATORS, GeneratorKind, Size, build_generator
from pix2pix_tf.models.layers import dropout_seeds


@dataclass(frozen=True)
class GeneratorTranslation:
    """A `Translation` by one network of `GENERATORS`.

    Attributes:
        part: Name of the network in checkpoints.
        network: The generator, built for images of any size or of the size that it will get.
        kind: Kind of the generator.
        crop_size: Height and width that it is trained at.
        channels: Number of channels of its input images and of its output images.
        representation: Conversion between images and the tensors of the network.
    """

    part: str
    network: keras.Model
    kind: GeneratorKind
    crop_size: Size
    channels: tuple[int, int]
    representation: Representation

    @property
    def networks(self) -> Mapping[str, keras.Model]:
        """The generator, by its part in checkpoints."""
        return {self.part: self.network}

    @property
    def size_multiple(self) -> int:
        """Number that height and width of the images must be a multiple of."""
        return self.kind.size_multiple(self.crop_size)

    @property
    def smallest_size(self) -> int:
        """Smallest height and width of the images."""
        return self.kind.smallest_size(self.crop_size)

    def __call__(self, images: tf.Tensor, seeds: tf.Tensor | None) -> tf.Tensor:
        """Translates images of a size that fits, float32 in [-1, 1]; see `Translation`.

        Normalisation uses the statistics of each image, unless they are fixed (`fixed_moments`).
        Either way, the translation of an image does not depend on other images in the batch.
        """
        with dropout_seeds(seeds):
            output = self.network(self.representation.to_input(images), training=False)
        return self.representation.to_image(output, images)


def generator_translation(
    config: Config, network: keras.Model | None = None, part: str = "generator"
) -> GeneratorTranslation:
    """Returns the translation by a generator of a config.

    Args:
        config: The experiment.
        network: The generator; None builds one for images of any size, without weights.
        part: Name of the generator in checkpoints.
    """
    data = config.data
    if network is None:
        network = build_generator(config, any_size=True, initial=False)
    return GeneratorTranslation(
        part=part,
        network=network,
        kind=GENERATORS[config.generator.kind],
        crop_size=data.crop_size,
        channels=data.image_channels,
        representation=representation(data.representation),
    )
