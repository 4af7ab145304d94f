"""The two networks, as Keras functional models built from a config."""

from __future__ import annotations

import keras

from pix2pix_tf.config import RECEPTIVE_FIELDS, Config
from pix2pix_tf.models.patchgan import build_patchgan
from pix2pix_tf.models.resnet import build_resnet
from pix2pix_tf.models.unet import build_unet

__all__ = ["build_discriminator", "build_generator"]

RESNET_BLOCKS = {"resnet_6": 6, "resnet_9": 9}


def build_generator(config: Config, *, any_size: bool = False) -> keras.Model:
    """The generator of `config`: image [N, H, W, input_channels] to translation, both in [-1, 1].

    Args:
        config: The experiment; height and width are its `data.crop_size`.
        any_size: Leaves height and width open, to translate images of any size that is a multiple
            of `config.size_multiple`. The weights are the same.
    """
    data, generator = config.data, config.generator
    size = (None, None) if any_size else data.crop_size
    channels = (data.input_channels, data.target_channels)
    if generator.kind in RESNET_BLOCKS:
        return build_resnet(
            size,
            RESNET_BLOCKS[generator.kind],
            *channels,
            generator.width,
            config.training.seed,
            norm=generator.norm,
            dropout=generator.dropout,
            upsampling=generator.upsampling,
        )
    return build_unet(
        size,
        data.levels,
        *channels,
        generator.width,
        config.training.seed,
        skips=generator.kind == "unet",
        norm=generator.norm,
        bottleneck_norm=generator.bottleneck_norm,
        dropout=generator.dropout,
        upsampling=generator.upsampling,
    )


def build_discriminator(config: Config) -> keras.Model:
    """The discriminator of `config`: two images [N, H, W, C] in [-1, 1] to logits [N, h, w, 1].

    With an objective that is not conditional it takes the target alone.
    """
    return build_patchgan(
        size=config.data.crop_size,
        input_channels=config.data.input_channels,
        target_channels=config.data.target_channels,
        width=config.discriminator.width,
        halvings=RECEPTIVE_FIELDS[config.discriminator.receptive_field],
        seed=config.training.seed,
        conditional=config.objective.conditional,
        norm=config.discriminator.norm,
        spectral=config.discriminator.spectral_norm,
    )
