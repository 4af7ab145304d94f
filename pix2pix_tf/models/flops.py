"""Floating-point operations of networks, counted from their layers; a multiply-add is two."""

from __future__ import annotations

import math

import keras


def forward_flops(network: keras.Model) -> int:
    """Returns the number of operations of the convolutions in one image's forward pass.

    Normalisation and activations, about a hundredth of the total, are not counted.

    Args:
        network: A network with fixed height and width.

    Returns:
        The number of floating-point operations.

    Raises:
        ValueError: The network's height or width is not fixed.
    """
    return sum(_layer_flops(layer) for layer in network.layers)


def _layer_flops(layer: keras.layers.Layer) -> int:
    if not isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)):
        return 0
    # A convolution applies its kernel at every pixel of its output; a transposed one, of its input.
    transposed = isinstance(layer, keras.layers.Conv2DTranspose)
    _, height, width, _ = (layer.input if transposed else layer.output).shape
    if height is None or width is None:
        raise ValueError(
            f"Height and width must be known, received a layer of {layer.output.shape}"
        )
    return 2 * height * width * math.prod(layer.kernel.shape)
