"""The U-Net generator (paper, section 3.2.1 and appendix 6.1.1).

At 256×256: C64-C128-C256-C512-C512-C512-C512-C512 down, CD512-CD512-CD512-C512-C256-C128-C64 up,
all convolutions 4×4 with stride 2, and skips between layers i and n-i. The order within a block is
that of the authors' programs: LeakyReLU, convolution, norm on the way down; ReLU, transposed
convolution, norm, dropout on the way up.
"""

from __future__ import annotations

from collections.abc import Iterator

import keras
from keras import layers

from pix2pix_tf.models.init import weight_seeds
from pix2pix_tf.models.layers import BatchStatisticsNorm, SeededDropout

DROPOUT_BLOCKS = 3  # the first decoder blocks: 2×2, 4×4 and 8×8 at 256×256


def build_unet(
    size: tuple[int | None, int | None],
    levels: int,
    input_channels: int,
    target_channels: int,
    width: int,
    bottleneck_norm: bool,
    dropout: float,
    seed: int,
) -> keras.Model:
    """Builds the generator: [N, H, W, input_channels] to [N, H, W, target_channels], in [-1, 1].

    Args:
        size: Height and width, each a multiple of 2**levels, or None for any.
        levels: Halvings down to the bottleneck; 8 take 256×256 to 1×1.
        input_channels: Channels of the image.
        target_channels: Channels of the translation.
        width: Filters of the first layer.
        bottleneck_norm: Normalises the innermost layer too, which zeroes a 1×1 bottleneck at batch
            size 1: the paper's own runs, corrected by its errata.
        dropout: Rate in the first three decoder blocks.
        seed: Of the initial weights, N(0, 0.02).
    """
    seeds = weight_seeds(seed, "generator")
    # 64 128 256 512 512 512 512 512 in the paper
    filters = [width * min(2**level, 8) for level in range(levels)]

    image = keras.Input((*size, input_channels), name="image")
    skips = []
    x = _down(image, filters[0], seeds, "encoder_1")
    for level in range(1, levels):
        skips.append(x)
        x = layers.LeakyReLU(0.2, name=f"encoder_{level + 1}_activation")(x)
        x = _down(x, filters[level], seeds, f"encoder_{level + 1}")
        if level < levels - 1 or bottleneck_norm:
            x = BatchStatisticsNorm(seed=next(seeds), name=f"encoder_{level + 1}_norm")(x)

    for block in range(1, levels):
        name = f"decoder_{block}"
        x = layers.ReLU(name=f"{name}_activation")(x)
        x = _up(x, filters[levels - 1 - block], seeds, name)
        x = BatchStatisticsNorm(seed=next(seeds), name=f"{name}_norm")(x)
        if block <= DROPOUT_BLOCKS and dropout:
            x = SeededDropout(dropout, index=block, name=f"{name}_dropout")(x)
        x = layers.Concatenate(name=f"{name}_skip")([skips.pop(), x])

    x = layers.ReLU(name="output_activation")(x)
    x = _up(x, target_channels, seeds, "output", use_bias=True)
    x = layers.Activation("tanh", name="translation")(x)
    return keras.Model(image, x, name="unet")


def _down(x: keras.KerasTensor, filters: int, seeds: Iterator[int], name: str) -> keras.KerasTensor:
    """Halves height and width: 4×4, stride 2, padding 1 (which "same" is on even sizes)."""
    initial = keras.initializers.RandomNormal(0.0, 0.02, seed=next(seeds))
    return layers.Conv2D(
        filters, 4, 2, "same", use_bias=False, kernel_initializer=initial, name=name
    )(x)


def _up(
    x: keras.KerasTensor, filters: int, seeds: Iterator[int], name: str, use_bias: bool = False
) -> keras.KerasTensor:
    """Doubles height and width, the transpose of `_down`."""
    initial = keras.initializers.RandomNormal(0.0, 0.02, seed=next(seeds))
    return layers.Conv2DTranspose(
        filters, 4, 2, "same", use_bias=use_bias, kernel_initializer=initial, name=name
    )(x)
