"""The ResNet generator of the authors' PyTorch program (after Johnson et al. 2016).

Its layers are c7s1-64, d128, d256, R256 six or nine times, u128, u64, c7s1-3: 7×7 and 3×3
convolutions, all except the last with norm and ReLU. Images and the inputs of residual blocks are
padded by reflection instead of zeros.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import layers

from pix2pix_tf.models.blocks import (
    Seeds,
    convolve,
    initial_weights,
    normalizer,
    upsample,
    weight_seeds,
)
from pix2pix_tf.models.layers import ReflectionPadding2D, SeededDropout

DOWNSAMPLINGS = 2  # Images must be multiples of 2**DOWNSAMPLINGS.

Normalise = Callable[[keras.KerasTensor, str], keras.KerasTensor]


def build_resnet(
    *,
    size: tuple[int | None, int | None],
    blocks: int,
    input_channels: int,
    target_channels: int,
    width: int,
    seed: int | None,
    part: str = "generator",
    norm: str = "batch",
    dropout: float = 0.5,
    upsampling: str = "transposed",
) -> keras.Model:
    """Builds the generator: [N, H, W, input_channels] to [N, H, W, target_channels], in [-1, 1].

    Args:
        size: Height and width in pixels, each a multiple of 4, or None for any.
        blocks: Number of residual blocks.
        input_channels: Channels of the image.
        target_channels: Channels of the translation.
        width: Filters of the first layer; the blocks have four times as many.
        seed: Seed of the initial weights, N(0, 0.02); None for zeros, to be replaced later.
        part: Name of the network, on which the initial weights depend too.
        norm: `batch`, `instance` or `none`.
        dropout: Dropout rate in the middle of each block.
        upsampling: `transposed` or `resize`, see `upsample`.

    Returns:
        The network.
    """
    seeds = weight_seeds(seed, part)
    normalise, bias = normalizer(norm, seeds), norm == "none"
    image = keras.Input((*size, input_channels), name="image")

    x = ReflectionPadding2D(3, name="encoder_1_padding")(image)
    x = convolve(x, width, 7, 1, seeds, "encoder_1", padding="valid", use_bias=bias)
    x = _normed_relu(x, "encoder_1", normalise)
    for level in range(1, DOWNSAMPLINGS + 1):
        name = f"encoder_{level + 1}"
        x = layers.ZeroPadding2D(1, name=f"{name}_padding")(x)
        x = convolve(x, width * 2**level, 3, 2, seeds, name, padding="valid", use_bias=bias)
        x = _normed_relu(x, name, normalise)
    for block in range(1, blocks + 1):
        x = _residual_block(x, block, normalise, dropout, seeds, bias)
    for level in range(DOWNSAMPLINGS - 1, -1, -1):
        name = f"decoder_{DOWNSAMPLINGS - level}"
        x = _double(x, width * 2**level, upsampling, seeds, name, bias)
        x = _normed_relu(x, name, normalise)
    x = ReflectionPadding2D(3, name="output_padding")(x)
    x = convolve(x, target_channels, 7, 1, seeds, "output", padding="valid", use_bias=True)
    x = layers.Activation("tanh", dtype="float32", name="translation")(x)
    return keras.Model(image, x, name=f"resnet_{blocks}")


def _normed_relu(x: keras.KerasTensor, name: str, normalise: Normalise) -> keras.KerasTensor:
    return layers.ReLU(name=f"{name}_activation")(normalise(x, f"{name}_norm"))


def _residual_block(
    x: keras.KerasTensor,
    number: int,
    normalise: Normalise,
    dropout: float,
    seeds: Seeds,
    bias: bool,
) -> keras.KerasTensor:
    name, filters, y = f"block_{number}", x.shape[-1], x
    for half in ("a", "b"):
        y = ReflectionPadding2D(1, name=f"{name}_{half}_padding")(y)
        y = convolve(y, filters, 3, 1, seeds, f"{name}_{half}", padding="valid", use_bias=bias)
        y = normalise(y, f"{name}_{half}_norm")
        if half == "a":
            y = layers.ReLU(name=f"{name}_activation")(y)
            if dropout:
                y = SeededDropout(dropout, index=number, name=f"{name}_dropout")(y)
    return layers.Add(name=f"{name}_sum")([x, y])


def _double(
    x: keras.KerasTensor, filters: int, kind: str, seeds: Seeds, name: str, bias: bool
) -> keras.KerasTensor:
    if kind == "resize":
        return upsample(x, filters, 3, kind, seeds, name, use_bias=bias)
    # The published program pads one pixel before and none after; "same" would do the opposite.
    x = layers.Conv2DTranspose(
        filters,
        3,
        2,
        "valid",
        use_bias=bias,
        kernel_initializer=initial_weights(next(seeds)),
        name=name,
    )(x)
    return layers.Cropping2D(((1, 0), (1, 0)), name=f"{name}_crop")(x)
