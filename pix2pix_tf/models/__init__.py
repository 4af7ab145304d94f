"""The two networks, as Keras functional models built from a config."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from pix2pix_tf.config.schema import RECEPTIVE_FIELDS, Config
from pix2pix_tf.models.patchgan import build_patchgan
from pix2pix_tf.models.resnet import build_resnet
from pix2pix_tf.models.unet import build_unet

__all__ = ["build_discriminator", "build_generator"]

RESNET_BLOCKS = {"resnet_6": 6, "resnet_9": 9}


def build_generator(config: Config, *, any_size: bool = False, initial: bool = True) -> keras.Model:
    """The generator of `config`: image [N, H, W, input_channels] to translation, both in [-1, 1].

    Args:
        config: The experiment; height and width are its `data.crop_size`, and it computes in its
            `training.precision`. The weights and the translation are float32 all the same.
        any_size: Leaves height and width open, to translate images of any size that is a multiple
            of `config.size_multiple`, and computes in float32. The weights are the same.
        initial: Draws the initial weights, for which a full-size network takes a second. Without,
            they mean nothing: for a network that gets those of a checkpoint.
    """
    with _computing_in("float32" if any_size else config.training.precision):
        return _build_generator(
            config,
            (None, None) if any_size else config.data.crop_size,
            config.training.seed if initial else None,
        )


def _build_generator(
    config: Config, size: tuple[int | None, int | None], seed: int | None
) -> keras.Model:
    data, generator = config.data, config.generator
    channels = (data.input_channels, data.target_channels)
    if generator.kind in RESNET_BLOCKS:
        return build_resnet(
            size,
            RESNET_BLOCKS[generator.kind],
            *channels,
            generator.width,
            seed,
            norm=generator.norm,
            dropout=generator.dropout,
            upsampling=generator.upsampling,
        )
    return build_unet(
        size,
        data.levels,
        *channels,
        generator.width,
        seed,
        skips=generator.kind == "unet",
        norm=generator.norm,
        bottleneck_norm=generator.bottleneck_norm,
        dropout=generator.dropout,
        upsampling=generator.upsampling,
    )


def build_discriminator(config: Config) -> keras.Model:
    """The discriminator of `config`: two images [N, H, W, C] in [-1, 1] to logits [N, h, w, 1].

    With an objective that is not conditional it takes the target alone. It computes in the config's
    `training.precision`; weights and logits are float32.
    """
    with _computing_in(config.training.precision):
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


@contextmanager
def _computing_in(precision: str) -> Iterator[None]:
    """Within it, layers are made that compute so, unless they are given a dtype of their own."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
