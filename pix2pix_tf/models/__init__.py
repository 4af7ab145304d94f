"""The two networks, as Keras functional models built from a config."""

from __future__ import annotations

import keras

from pix2pix_tf.config import RECEPTIVE_FIELDS, Config
from pix2pix_tf.models.patchgan import build_patchgan
from pix2pix_tf.models.unet import build_unet

__all__ = ["build_discriminator", "build_generator"]


def build_generator(config: Config, *, any_size: bool = False) -> keras.Model:
    """The generator of `config`: image [N, H, W, input_channels] to translation, both in [-1, 1].

    Args:
        config: The experiment; height and width are its `data.crop_size`.
        any_size: Leaves height and width open, to translate images of any size that is a multiple
            of 2**`config.data.levels`. The weights are the same.
    """
    return build_unet(
        size=(None, None) if any_size else config.data.crop_size,
        levels=config.data.levels,
        input_channels=config.data.input_channels,
        target_channels=config.data.target_channels,
        width=config.generator.width,
        bottleneck_norm=config.generator.bottleneck_norm,
        dropout=config.generator.dropout,
        seed=config.training.seed,
    )


def build_discriminator(config: Config) -> keras.Model:
    """The discriminator of `config`: two images [N, H, W, C] in [-1, 1] to logits [N, h, w, 1]."""
    return build_patchgan(
        size=config.data.crop_size,
        input_channels=config.data.input_channels,
        target_channels=config.data.target_channels,
        width=config.discriminator.width,
        halvings=RECEPTIVE_FIELDS[config.discriminator.receptive_field],
        seed=config.training.seed,
    )
