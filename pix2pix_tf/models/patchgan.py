"""The PatchGAN discriminator (paper, section 3.2.2 and appendix 6.1.2).

It says of every patch whether it is real; the side of a patch is its receptive field. 70×70 is
C64-C128-C256-C512 and a last convolution to one channel, all 4×4; every block but the last two
halves the size, the first has no norm.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from pix2pix_tf.models.init import weight_seeds
from pix2pix_tf.models.layers import BatchStatisticsNorm


def build_patchgan(
    size: tuple[int | None, int | None],
    input_channels: int,
    target_channels: int,
    width: int,
    halvings: int,
    seed: int,
) -> keras.Model:
    """Builds the conditional discriminator: [input, target] to one logit a patch.

    Takes two images in [-1, 1], [N, H, W, input_channels] and [N, H, W, target_channels], and
    returns float [N, h, w, 1]: 30×30 for 256×256 and three halvings. Above 0 means real.

    Args:
        size: Height and width, or None for any.
        input_channels: Channels of the image to translate, the condition.
        target_channels: Channels of its translation, real or generated.
        width: Filters of the first layer; they double with each layer up to eightfold.
        halvings: Convolutions of stride 2: 0 to 5 give receptive fields of 1, 16, 34, 70, 142, 286.
        seed: Of the initial weights, N(0, 0.02).
    """
    image = keras.Input((*size, input_channels), name="input")
    target = keras.Input((*size, target_channels), name="target")
    x = layers.Concatenate(name="pair")([image, target])
    logits = _pixel_layers(x, width, seed) if halvings == 0 else _layers(x, width, halvings, seed)
    return keras.Model([image, target], logits, name="patchgan")


def _layers(x: keras.KerasTensor, width: int, halvings: int, seed: int) -> keras.KerasTensor:
    seeds = weight_seeds(seed, "discriminator")
    x = _conv(x, width, next(seeds), "conv_1", strides=2, use_bias=True)
    for i in range(1, halvings + 1):
        x = layers.LeakyReLU(0.2, name=f"conv_{i}_activation")(x)
        strides = 2 if i < halvings else 1
        x = _conv(x, width * min(2**i, 8), next(seeds), f"conv_{i + 1}", strides=strides)
        x = BatchStatisticsNorm(seed=next(seeds), name=f"conv_{i + 1}_norm")(x)
    x = layers.LeakyReLU(0.2, name=f"conv_{halvings + 1}_activation")(x)
    return _conv(x, 1, next(seeds), "logits", strides=1, use_bias=True)


def _pixel_layers(x: keras.KerasTensor, width: int, seed: int) -> keras.KerasTensor:
    """The 1×1 PixelGAN: C64-C128, judging each pixel by its colour alone."""
    seeds = weight_seeds(seed, "discriminator")
    x = _conv(x, width, next(seeds), "conv_1", kernel=1, use_bias=True)
    x = layers.LeakyReLU(0.2, name="conv_1_activation")(x)
    x = _conv(x, 2 * width, next(seeds), "conv_2", kernel=1)
    x = BatchStatisticsNorm(seed=next(seeds), name="conv_2_norm")(x)
    x = layers.LeakyReLU(0.2, name="conv_2_activation")(x)
    return _conv(x, 1, next(seeds), "logits", kernel=1)


def _conv(
    x: keras.KerasTensor, filters: int, seed: int, name: str, kernel: int = 4, **kwargs: Any
) -> keras.KerasTensor:
    if kernel == 4:  # padding 1 whatever the stride; "same" would give 2 on one side at stride 1
        x = layers.ZeroPadding2D(1, name=f"{name}_padding")(x)
    initial = keras.initializers.RandomNormal(0.0, 0.02, seed=seed)
    return layers.Conv2D(
        filters, kernel, kernel_initializer=initial, name=name, **{"use_bias": False, **kwargs}
    )(x)
