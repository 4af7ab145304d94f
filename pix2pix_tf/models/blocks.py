"""What the networks are made of: convolutions from N(0, 0.02), upsamplings, norms.

A convolution that a norm follows has no bias: the norm would take it away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count, repeat
from typing import Any

import keras
import numpy as np

from pix2pix_tf.models.layers import (
    BatchStatisticsNorm,
    Convolution,
    NearestUpsampling2D,
    SpectralConv2D,
    TransposedConvolution,
)

Seeds = Iterator[int | None]


def weight_seeds(seed: int | None, network: str) -> Seeds:
    """An endless stream of 31-bit seeds that depends on `seed` and the network's name alone.

    Without a seed it is one of None: of a network that gets all its weights from elsewhere.
    """
    if seed is None:
        return repeat(None)
    random = np.random.default_rng([seed, *network.encode()])
    return (int(random.integers(2**31)) for _ in count())


def initial_weights(seed: int | None) -> keras.Initializer:
    """N(0, 0.02), as the paper initialises (appendix 6.2); zeros, which take no time, for None."""
    if seed is None:
        return keras.initializers.Zeros()
    return keras.initializers.RandomNormal(0.0, 0.02, seed=seed)


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
        return BatchStatisticsNorm(per_sample=kind == "instance", seed=next(seeds), name=name)(x)

    return normalise
