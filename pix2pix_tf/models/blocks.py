"""Building blocks of networks: convolutions initialised from N(0, 0.02), upsampling, norms.

A convolution before a norm has no bias, because the norm would subtract it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Context manager that sets the dtype policy of new layers without a dtype of their own."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def weight_seeds(seed: int | None, part: str) -> Seeds:
    """Returns an endless iterator of 31-bit seeds that depend only on `seed` and `part`.

    Args:
        seed: Seed of the network; for None all seeds are None, for a network whose weights are all
            set afterwards.
        part: Name of the network.

    Returns:
        The seeds.
    """
    if seed is None:
        return repeat(None)
    random = np.random.default_rng([seed, *part.encode()])
    return (int(random.integers(2**31)) for _ in count())


def initial_weights(seed: int | None) -> keras.Initializer:
    """Returns the paper's N(0, 0.02) (appendix 6.2), or without a seed zeros, which are fast."""
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
    """Applies a new convolution.

    Args:
        x: [N, H, W, C].
        filters: Channels of the result.
        kernel: Side of the square kernels.
        strides: Stride along height and width.
        seeds: Seeds of the initial weights, see `weight_seeds`.
        name: Name of the layer.
        padding: `same` or `valid`, as in Keras.
        use_bias: Whether the convolution has a bias.
        spectral: Whether the kernels are divided by their spectral norm.
        dtype: The layer's dtype; by default that of the other layers.

    Returns:
        The layer's output, [N, h, w, filters].
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
    """Doubles height and width by a new convolution.

    Args:
        x: [N, H, W, C].
        filters: Channels of the result.
        kernel: Side of the transposed convolution's kernels.
        kind: `transposed`, as in the paper, or `resize`: nearest neighbours, then a 3×3
            convolution, which does not cause checkerboard artifacts (Odena et al. 2016).
        seeds: Seeds of the initial weights, see `weight_seeds`.
        name: Name of the convolution.
        use_bias: Whether the convolution has a bias.

    Returns:
        The output, [N, 2·H, 2·W, filters].
    """
    if kind == "resize":
        x = NearestUpsampling2D(name=f"{name}_resize")(x)
        return convolve(x, filters, 3, 1, seeds, name, use_bias=use_bias)
    initial = initial_weights(next(seeds))
    return TransposedConvolution(
        filters, kernel, 2, "same", use_bias=use_bias, kernel_initializer=initial, name=name
    )(x)


def normalizer(kind: str, seeds: Seeds) -> Callable[[keras.KerasTensor, str], keras.KerasTensor]:
    """Returns a function from (x, name) to x normalised by a new layer.

    Args:
        kind: `batch`, `instance`, or `none`, which returns x unchanged.
        seeds: Seeds of the initial scales, see `weight_seeds`.

    Returns:
        The function.
    """

    def normalise(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        if kind == "none":
            return x
        return BatchStatisticsNorm(per_sample=kind == "instance", seed=next(seeds), name=name)(x)

    return normalise
