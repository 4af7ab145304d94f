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


def update_flops(
    generator: keras.Model, discriminator: keras.Model | None, discriminator_steps: int = 1
) -> int:
    """Operations of one update of both networks, per image of its batch.

    A backward pass costs twice a forward pass: gradients of the layers' inputs, and of their
    weights. The generator's step needs only the former of the discriminator. With G and D for a
    forward pass, an update is 3 G, 2 · 3 D for the discriminator's step (real and fake) and 2 D for
    the generator's; each further discriminator step adds one forward pass of the generator and two
    images through the discriminator.

    Args:
        generator: The generator.
        discriminator: The discriminator; None where the objective has none.
        discriminator_steps: Steps of the discriminator for each of the generator.
    """
    generator_flops = forward_flops(generator)
    if discriminator is None:
        return 3 * generator_flops
    discriminator_flops = forward_flops(discriminator)
    return (2 + discriminator_steps) * generator_flops + (
        6 * discriminator_steps + 2
    ) * discriminator_flops
