"""The U-Net generator (paper, section 3.2.1 and appendix 6.1.1) and the encoder-decoder.

At 256×256 the encoder is C64-C128-C256-C512-C512-C512-C512-C512 and the decoder
CD512-CD512-CD512-C512-C256-C128-C64. All convolutions are 4×4 with stride 2, and skips connect
layers i and n-i. The order within a block is that of the authors' programs: LeakyReLU, convolution,
norm in the encoder; ReLU, transposed convolution, norm, dropout in the decoder.
"""

from __future__ import annotations

import math

import keras
from keras import layers

from pix2pix_tf.models.blocks import convolve, normalizer, upsample, weight_seeds
from pix2pix_tf.models.layers import SeededDropout

DROPOUT_BLOCKS = 3  # the first decoder blocks: 2×2, 4×4 and 8×8 at 256×256


def unet_levels(size: tuple[int, int]) -> int:
    """Returns the depth of a U-Net: how often height and width can be halved; 8 at 256×256."""
    common = math.gcd(*size)
    return (common & -common).bit_length() - 1


def build_unet(
    *,
    size: tuple[int | None, int | None],
    levels: int,
    input_channels: int,
    target_channels: int,
    width: int,
    seed: int | None,
    part: str = "generator",
    skips: bool = True,
    norm: str = "batch",
    bottleneck_norm: bool = False,
    dropout: float = 0.5,
    upsampling: str = "transposed",
) -> keras.Model:
    """Builds the generator: [N, H, W, input_channels] to [N, H, W, target_channels], in [-1, 1].

    Args:
        size: Height and width in pixels, each a multiple of 2**levels, or None for any.
        levels: Number of downsamplings to the bottleneck; 8 reduce 256×256 to 1×1.
        input_channels: Channels of the image.
        target_channels: Channels of the translation.
        width: Filters of the first layer.
        seed: Seed of the initial weights, N(0, 0.02); None for zeros, to be replaced later.
        part: Name of the network, on which the initial weights depend too.
        skips: Whether skips connect encoder and decoder. Without them the network is the
            encoder-decoder of section 4.3 and Table 2.
        norm: `batch`, `instance` or `none`.
        bottleneck_norm: Whether the innermost layer is normalised too, which zeroes a 1×1
            bottleneck at batch size 1. The paper's own runs did this, which its errata correct.
        dropout: Dropout rate in the first three decoder blocks.
        upsampling: `transposed` or `resize`, see `upsample`.

    Returns:
        The network.
    """
    seeds = weight_seeds(seed, part)
    normalise = normalizer(norm, seeds)
    # 64 128 256 512 512 512 512 512 in the paper
    filters = [width * min(2**level, 8) for level in range(levels)]
    # Biases of layers without a norm and of layers with one. In the published program the former
    # have biases except with batch norm.
    bare, normed = norm != "batch", norm == "none"

    image = keras.Input((*size, input_channels), name="image")
    skipped = []
    x = convolve(image, filters[0], 4, 2, seeds, "encoder_1", use_bias=bare)
    for level in range(1, levels):
        name, innermost = f"encoder_{level + 1}", level == levels - 1
        skipped.append(x)
        x = layers.LeakyReLU(0.2, name=f"{name}_activation")(x)
        bias = bare if innermost and not bottleneck_norm else normed
        x = convolve(x, filters[level], 4, 2, seeds, name, use_bias=bias)
        if not innermost or bottleneck_norm:
            x = normalise(x, f"{name}_norm")

    for block in range(1, levels):
        name = f"decoder_{block}"
        x = layers.ReLU(name=f"{name}_activation")(x)
        x = upsample(x, filters[levels - 1 - block], 4, upsampling, seeds, name, use_bias=normed)
        x = normalise(x, f"{name}_norm")
        if block <= DROPOUT_BLOCKS and dropout:
            x = SeededDropout(dropout, index=block, name=f"{name}_dropout")(x)
        if skips:
            x = layers.Concatenate(name=f"{name}_skip")([skipped.pop(), x])

    x = layers.ReLU(name="output_activation")(x)
    x = upsample(x, target_channels, 4, upsampling, seeds, "output", use_bias=True)
    x = layers.Activation("tanh", dtype="float32", name="translation")(x)
    return keras.Model(image, x, name="unet" if skips else "encoder_decoder")
