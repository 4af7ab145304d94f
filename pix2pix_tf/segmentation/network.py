"""FCN-8s (Long, Shelhamer, Darrell 2015): a fully convolutional VGG-16, upsampled in three steps.

The paper scores street scenes by such a network (section 4.1, "FCN-score"): the better a segmenter
trained on real photos recognizes the labels in a generated photo, the better that photo is.

The published program pads the photo by 100 pixels and crops each tensor afterwards, so that the 7×7
convolution at 1/32 of the size is defined for small photos. Here every layer has "same" padding:
logits are aligned with the pixels of a photo whose sides are multiples of 32, without crops and
without computing on the padding.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers

from pix2pix_tf.models.blocks import Seeds, weight_seeds
from pix2pix_tf.utils.errors import UserError

# Mean colour of Cityscapes in the program that the paper's scores were computed with; RGB.
MEAN_COLOUR = (73.45286, 83.21195, 72.78044)
# Standard deviation that the photos are divided by, in grey levels. That program divides by 1,
# which suits kernels trained on ImageNet (see `load_trunk_weights`) but makes values too large for
# new kernels.
SCALE = 64.0

# Number of convolutions of each block, and its filters as multiples of the first block's (VGG-16).
_BLOCKS = ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8))


def build_fcn8s(
    size: tuple[int | None, int | None],
    classes: int,
    *,
    width: int = 64,
    head: int = 4096,
    dropout: float = 0.5,
    seed: int = 0,
) -> keras.Model:
    """Builds the segmenter: photos [N, H, W, 3], RGB in 0..255, to logits [N, H, W, classes].

    Layers have the published names. Convolutions are initialized by He et al., score layers by
    zeros, upsampling layers by bilinear interpolation; all of them are trained.

    Args:
        size: Height and width, multiples of 32, or None for any.
        classes: Number of classes.
        width: Filters of the first block; 64 in VGG-16.
        head: Filters of fc6 and fc7; 4096 in VGG-16.
        dropout: Dropout rate after fc6 and fc7.
        seed: Random seed of the initial weights and the dropout.
    """
    seeds = weight_seeds(seed, "segmenter")
    photo = keras.Input((*size, 3), name="photo")
    x = layers.Normalization(mean=MEAN_COLOUR, variance=[SCALE**2] * 3, name="colour")(photo)
    pools = []
    for block, (convolutions, multiple) in enumerate(_BLOCKS, start=1):
        for number in range(1, convolutions + 1):
            x = _convolve(x, width * multiple, 3, f"conv{block}_{number}", seeds)
        x = layers.MaxPooling2D(2, name=f"pool{block}")(x)
        pools.append(x)
    for name, kernel in (("fc6", 7), ("fc7", 1)):
        x = _convolve(x, head, kernel, name, seeds)
        x = layers.Dropout(dropout, seed=next(seeds), name=f"drop{name[-1]}")(x)

    x = _score(x, classes, "score_fr")
    x = _upsample(x, classes, 2, "upscore2")
    x = layers.Add(name="fuse_pool4")([x, _score(pools[3], classes, "score_pool4")])
    x = _upsample(x, classes, 2, "upscore_pool4")
    x = layers.Add(name="fuse_pool3")([x, _score(pools[2], classes, "score_pool3")])
    x = _upsample(x, classes, 8, "upscore8")
    return keras.Model(photo, x, name="fcn8s")


def load_trunk_weights(model: keras.Model, file: str | Path) -> None:
    """Initializes conv1_1 to conv5_3 with the VGG-16 trained on ImageNet that Keras publishes.

    Args:
        model: A network of `build_fcn8s` with width 64.
        file: The file `vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5`.

    Raises:
        UserError: The file is missing, damaged, or of another network.
    """
    vgg = keras.applications.VGG16(weights=None, include_top=False)
    try:
        vgg.load_weights(file)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"segmenter.trunk_weights: {file}: is not a file with Keras' VGG-16 weights without "
            f"top: {(str(error).strip() or type(error).__name__).splitlines()[0]}"
        ) from None
    for layer in vgg.layers:
        block, _, conv = layer.name.partition("_conv")
        if not conv:
            continue
        kernel, bias = layer.get_weights()
        if (block, conv) == ("block1", "1"):  # trained on BGR, not divided by SCALE
            kernel = kernel[:, :, ::-1] * SCALE
        model.get_layer(f"{block.replace('block', 'conv')}_{conv}").set_weights([kernel, bias])


def bilinear_kernel(factor: int, classes: int) -> np.ndarray:
    """Returns the kernel of a transposed convolution that interpolates each class bilinearly.

    Args:
        factor: Stride of the convolution.
        classes: Number of classes.

    Returns:
        The kernel, float32 [2 factor, 2 factor, classes, classes].
    """
    distance = np.arange(2 * factor) - (factor - 0.5)
    weights = 1 - np.abs(distance) / factor
    return (np.outer(weights, weights)[..., None, None] * np.eye(classes)).astype(np.float32)


def _convolve(
    x: keras.KerasTensor, filters: int, kernel: int, name: str, seeds: Seeds
) -> keras.KerasTensor:
    return layers.Conv2D(
        filters,
        kernel,
        padding="same",
        activation="relu",
        kernel_initializer=keras.initializers.HeNormal(seed=next(seeds)),
        name=name,
    )(x)


def _score(x: keras.KerasTensor, classes: int, name: str) -> keras.KerasTensor:
    return layers.Conv2D(classes, 1, kernel_initializer="zeros", name=name)(x)


def _upsample(x: keras.KerasTensor, classes: int, factor: int, name: str) -> keras.KerasTensor:
    def bilinear(shape: tuple[int, ...], dtype: str | None = None) -> keras.KerasTensor:
        return keras.ops.convert_to_tensor(bilinear_kernel(factor, classes), dtype)

    return layers.Conv2DTranspose(
        classes,
        2 * factor,
        strides=factor,
        padding="same",
        use_bias=False,
        kernel_initializer=bilinear,
        name=name,
    )(x)
