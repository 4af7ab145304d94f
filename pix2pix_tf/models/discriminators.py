"""Construction of a config's discriminator."""

from __future__ import annotations

import keras

from pix2pix_tf.config.objectives import RECEPTIVE_FIELDS
from pix2pix_tf.config.schema import Config
from pix2pix_tf.models.blocks import computing_in
from pix2pix_tf.models.patchgan import build_patchgan


def build_discriminator(config: Config, *, part: str = "discriminator") -> keras.Model:
    """Builds the discriminator of a config, from two images in [-1, 1] to one logit per patch.

    Args:
        config: The config; height and width of the network are its `data.crop_size`, and the
            network computes in its `training.precision`. Weights and logits are always float32.
        part: Name of the network, on which the initial weights depend.

    Returns:
        The network, from float [N, H, W, input_channels] and float [N, H, W, target_channels] to
        float32 [N, h, w, 1]. With an objective that is not conditional it takes only the target.
    """
    with computing_in(config.training.precision):
        return build_patchgan(
            size=config.data.crop_size,
            input_channels=config.data.input_channels,
            target_channels=config.data.target_channels,
            width=config.discriminator.width,
            downsamplings=RECEPTIVE_FIELDS[config.discriminator.receptive_field],
            seed=config.training.seed,
            conditional=config.objective.conditional,
            norm=config.discriminator.norm,
            spectral=config.discriminator.spectral_norm,
            part=part,
        )
