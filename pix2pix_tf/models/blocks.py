"""What the networks are made of: convolutions from N(0, 0.02), upsamplings, norms.

A convolution that a norm follows has no bias: the norm would take it away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from pix2pix_tf.models.init import Seeds, initial_weights
from pix2pix_tf.models.layers import (
    BatchStatisticsNorm,
    Convolution,
    NearestUpsampling2D,
    SpectralConv2D,
    TransposedConvolution,
)


def convolve(
    x: keras.KerasTensor,
    filters: int,
    kernel: int,
    strides: int,
    seeds: Seeds,
    name: str,
    *,
    padding: str = "same",
    use_bias: bool = False,
    spectral: bool = False,
    dtype: str | None = None,
) -> keras.KerasTensor:
    """A convolution with square kernels; `spectral` divides them by their spectral norm.

    `dtype` is what it computes in, if not as the other layers do.
    """
    kind = SpectralConv2D if spectral else Convolution
    kwargs: dict[str, Any] = {"seed": next(seeds)} if spectral else {}
    initial = initial_weights(next(seeds))
    return kind(
        filters,
        kernel,
        strides,
        padding,
        use_bias=use_bias,
        kernel_initializer=initial,
        dtype=dtype,
        name=name,
        **kwargs,
    )(x)


def upsample(
    x: keras.KerasTensor,
    filters: int,
    kernel: int,
    kind: str,
    seeds: Seeds,
    name: str,
    *,
    use_bias: bool = False,
) -> keras.KerasTensor:
    """Doubles height and width.

    Args:
        x: [N, H, W, C].
        filters: Channels of the result.
        kernel: Side of the transposed convolution's kernels.
        kind: `transposed`, as the paper; or `resize`: nearest neighbours, then a 3×3 convolution,
            which cannot leave a chequered pattern (Odena et al. 2016).
        seeds: Of the initial weights.
        name: Of the convolution.
        use_bias: Whether it has one.
    """
    if kind == "resize":
        x = NearestUpsampling2D(name=f"{name}_resize")(x)
        return convolve(x, filters, 3, 1, seeds, name, use_bias=use_bias)
    initial = initial_weights(next(seeds))
    return TransposedConvolution(
        filters, kernel, 2, "same", use_bias=use_bias, kernel_initializer=initial, name=name
    )(x)


def normaliser(kind: str, seeds: Seeds) -> Callable[[keras.KerasTensor, str], keras.KerasTensor]:
    """A function from (x, name) to x normalised: `batch`, `instance`, or `none`: as it is."""

    def normalise(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        if kind == "none":
            return x
        return BatchStatisticsNorm(each_image=kind == "instance", seed=next(seeds), name=name)(x)

    return normalise
