"""The PatchGAN discriminator (paper, section 3.2.2 and appendix 6.1.2).

It classifies every patch as real or fake; the side of a patch is its receptive field. The 70×70
PatchGAN is C64-C128-C256-C512 and a last convolution to one channel, all 4×4; every block except
the last two halves the size, and the first has no norm. Patches that extend beyond the image are
padded with zeros: at 256×256 these are all patches of the 286×286 PatchGAN (Table 3).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import keras
from keras import layers

from pix2pix_tf.models.blocks import Seeds, convolve, normalizer, weight_seeds

Layer = Callable[..., keras.KerasTensor]


def build_patchgan(
    *,
    size: tuple[int | None, int | None],
    input_channels: int,
    target_channels: int,
    width: int,
    downsamplings: int,
    seed: int,
    part: str = "discriminator",
    conditional: bool = True,
    norm: str = "batch",
    spectral: bool = False,
) -> keras.Model:
    """Builds the discriminator, from [input, target] to one logit per patch.

    The network takes two images in [-1, 1], [N, H, W, input_channels] and
    [N, H, W, target_channels], and returns float [N, h, w, 1]: 30×30 for 256×256 and 3
    downsamplings. A logit above 0 means real.

    Args:
        size: Height and width in pixels, or None for any.
        input_channels: Channels of the image to translate, the condition.
        target_channels: Channels of its translation, real or generated.
        width: Filters of the first layer; they double with each layer up to eightfold.
        downsamplings: Convolutions of stride 2: 0 to 5 give receptive fields of 1, 16, 34, 70, 142
            and 286 pixels.
        seed: Seed of the initial weights, N(0, 0.02).
        part: Name of the network, on which the initial weights depend too.
        conditional: Whether the network takes the input. If not (the GAN rows of Table 1), it takes
            [target] only.
        norm: `batch`, `instance` or `none`.
        spectral: Whether every convolution's kernels are divided by their spectral norm (Miyato et
            al. 2018).

    Returns:
        The network.
    """
    target = keras.Input((*size, target_channels), name="target")
    inputs, x = [target], target
    if conditional:
        image = keras.Input((*size, input_channels), name="input")
        inputs, x = [image, target], layers.Concatenate(name="pair")([image, target])
    seeds = weight_seeds(seed, part)
    layer = partial(_convolve, seeds=seeds, normed_bias=norm == "none", spectral=spectral)
    normalise = normalizer(norm, seeds)
    build = partial(_layers, downsamplings=downsamplings)
    if downsamplings == 0:  # with batch norm, its last layer has no bias in the published program
        build = partial(_pixel_layers, last_bias=norm != "batch")
    return keras.Model(inputs, build(x, width, layer, normalise), name="patchgan")


def _layers(
    x: keras.KerasTensor, width: int, layer: Layer, normalise: Layer, downsamplings: int
) -> keras.KerasTensor:
    x = layer(x, width, 4, 2, name="conv_1")
    for i in range(1, downsamplings + 1):
        x = layers.LeakyReLU(0.2, name=f"conv_{i}_activation")(x)
        strides = 2 if i < downsamplings else 1
        x = layer(x, width * min(2**i, 8), 4, strides, name=f"conv_{i + 1}", norm_follows=True)
        x = normalise(x, f"conv_{i + 1}_norm")
    x = layers.LeakyReLU(0.2, name=f"conv_{downsamplings + 1}_activation")(x)
    return layer(x, 1, 4, 1, name="logits", dtype="float32")


def _pixel_layers(
    x: keras.KerasTensor, width: int, layer: Layer, normalise: Layer, last_bias: bool
) -> keras.KerasTensor:
    """Applies the 1×1 PixelGAN, C64-C128, which classifies each pixel by its colour."""
    x = layer(x, width, 1, 1, name="conv_1")
    x = layers.LeakyReLU(0.2, name="conv_1_activation")(x)
    x = layer(x, 2 * width, 1, 1, name="conv_2", norm_follows=True)
    x = normalise(x, "conv_2_norm")
    x = layers.LeakyReLU(0.2, name="conv_2_activation")(x)
    return layer(x, 1, 1, 1, name="logits", norm_follows=not last_bias, dtype="float32")


def _convolve(
    x: keras.KerasTensor,
    filters: int,
    kernel: int,
    strides: int,
    name: str,
    *,
    seeds: Seeds,
    normed_bias: bool,
    spectral: bool,
    norm_follows: bool = False,
    dtype: str | None = None,
) -> keras.KerasTensor:
    if kernel == 4:  # pads by 1 at every stride; "same" would pad one side by 2 at stride 1
        x = layers.ZeroPadding2D(1, name=f"{name}_padding")(x)
    use_bias = normed_bias or not norm_follows
    return convolve(
        x,
        filters,
        kernel,
        strides,
        seeds,
        name,
        padding="valid",
        use_bias=use_bias,
        spectral=spectral,
        dtype=dtype,
    )
