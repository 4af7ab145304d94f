"""Floating-point operations of networks, counted from their layers; a multiply-add is two."""

from __future__ import annotations

import math

import keras


def forward_flops(network: keras.Model) -> int:
    """Operations of the convolutions in one image's forward pass.

    Normalisation and activations, about a hundredth of the total, are left out.

    Args:
        network: A network with fixed height and width.

    Raises:
        ValueError: The network's height or width is not fixed.
    """
    return sum(_layer_flops(layer) for layer in network.layers)


def _layer_flops(layer: keras.layers.Layer) -> int:
    if not isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)):
        return 0
    # Kernels are applied at every pixel of a convolution's output, of a transposed one's input.
    transposed = isinstance(layer, keras.layers.Conv2DTranspose)
    _, height, width, _ = (layer.input if transposed else layer.output).shape
    if height is None or width is None:
        raise ValueError(
            f"Height and width must be known, received a layer of {layer.output.shape}"
        )
    return 2 * height * width * math.prod(layer.kernel.shape)
