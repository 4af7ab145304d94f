"""The work of networks, counted from their layers: a multiplication with its addition is 2."""

from __future__ import annotations

import math

import keras


def forward_flops(network: keras.Model) -> int:
    """Operations of the convolutions of one image's forward pass.

    What lies between them, norms and activations, is about a hundredth of it and left out.

    Args:
        network: Of known height and width.

    Raises:
        ValueError: Height and width are open.
    """
    return sum(_layer_flops(layer) for layer in network.layers)


def _layer_flops(layer: keras.layers.Layer) -> int:
    if not isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)):
        return 0
    # A convolution's kernels lie on every pixel of its output; a transposed one's, of its input.
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
    """Operations of one update of both networks, for each image of its batch.

    A backward pass is twice a forward pass: the gradients of what a layer sees, and of its weights.
    The generator's step needs the former alone of the discriminator. So an update is 3 G, 2 · 3 D
    for the discriminator's step (real and fake) and 2 D for the generator's; each further
    discriminator step makes one more image and judges two.
    """
    made = forward_flops(generator)
    if discriminator is None:
        return 3 * made
    judged = forward_flops(discriminator)
    return (2 + discriminator_steps) * made + (6 * discriminator_steps + 2) * judged
