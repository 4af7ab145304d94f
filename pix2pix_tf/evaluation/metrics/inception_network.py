"""The Inception network of Szegedy et al. 2015, "Rethinking the Inception Architecture".

It is the network as it was published, which differs from the figures of the paper: the blocks on
35×35 keep a 5×5 convolution besides the two 3×3 of figure 5, and the last block has max pooling
where the block before it has average pooling. Layers are named as in the published state dict.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras
from keras import layers

SIDE = 299  # height and width of the input of the network in pixels


class _Conv(NamedTuple):
    """A convolution without bias, followed by batch normalisation and ReLU.

    Its input is padded with zeros unless the convolution halves the size or `padded` is false.
    """

    name: str
    filters: int
    size: int | tuple[int, int] = 1  # height, width
    stride: int = 1
    padded: bool = True


class _Pool(NamedTuple):
    """Average or max pooling over 3×3 pixels, which ignores pixels beyond the border."""

    layer: type[layers.Layer]
    stride: int


class _Fork(NamedTuple):
    """Parallel branches that are concatenated; their layer names begin with `name` and a dot."""

    name: str | None
    branches: Sequence[Sequence[_Step]]


_Step = _Conv | _Pool | _Fork


_AVERAGE = _Pool(layers.AveragePooling2D, 1)
_MAXIMUM = _Pool(layers.MaxPooling2D, 1)
_HALVE = _Pool(layers.MaxPooling2D, 2)


def _block_35(name: str, pooled: int) -> _Fork:
    """Block on 35×35 (figure 5)."""
    return _Fork(
        name,
        [
            [_Conv("branch1x1", 64)],
            [_Conv("branch5x5_1", 48), _Conv("branch5x5_2", 64, 5)],
            [
                _Conv("branch3x3dbl_1", 64),
                _Conv("branch3x3dbl_2", 96, 3),
                _Conv("branch3x3dbl_3", 96, 3),
            ],
            [_AVERAGE, _Conv("branch_pool", pooled)],
        ],
    )


def _block_17(name: str, width: int) -> _Fork:
    """Block on 17×17 (figure 6, with n = 7)."""
    return _Fork(
        name,
        [
            [_Conv("branch1x1", 192)],
            [
                _Conv("branch7x7_1", width),
                _Conv("branch7x7_2", width, (1, 7)),
                _Conv("branch7x7_3", 192, (7, 1)),
            ],
            [
                _Conv("branch7x7dbl_1", width),
                _Conv("branch7x7dbl_2", width, (7, 1)),
                _Conv("branch7x7dbl_3", width, (1, 7)),
                _Conv("branch7x7dbl_4", width, (7, 1)),
                _Conv("branch7x7dbl_5", 192, (1, 7)),
            ],
            [_AVERAGE, _Conv("branch_pool", 192)],
        ],
    )


def _block_8(name: str, pool: _Pool) -> _Fork:
    """Block on 8×8 (figure 7)."""

    def across(branch: str) -> _Fork:
        return _Fork(None, [[_Conv(f"{branch}a", 384, (1, 3))], [_Conv(f"{branch}b", 384, (3, 1))]])

    return _Fork(
        name,
        [
            [_Conv("branch1x1", 320)],
            [_Conv("branch3x3_1", 384), across("branch3x3_2")],
            [
                _Conv("branch3x3dbl_1", 448),
                _Conv("branch3x3dbl_2", 384, 3),
                across("branch3x3dbl_3"),
            ],
            [pool, _Conv("branch_pool", 192)],
        ],
    )


_TO_17 = _Fork(
    "Mixed_6a",
    [
        [_Conv("branch3x3", 384, 3, 2)],
        [
            _Conv("branch3x3dbl_1", 64),
            _Conv("branch3x3dbl_2", 96, 3),
            _Conv("branch3x3dbl_3", 96, 3, 2),
        ],
        [_HALVE],
    ],
)
_TO_8 = _Fork(
    "Mixed_7a",
    [
        [_Conv("branch3x3_1", 192), _Conv("branch3x3_2", 320, 3, 2)],
        [
            _Conv("branch7x7x3_1", 192),
            _Conv("branch7x7x3_2", 192, (1, 7)),
            _Conv("branch7x7x3_3", 192, (7, 1)),
            _Conv("branch7x7x3_4", 192, 3, 2),
        ],
        [_HALVE],
    ],
)

_NETWORK: list[_Step] = [
    _Conv("Conv2d_1a_3x3", 32, 3, 2),
    _Conv("Conv2d_2a_3x3", 32, 3, padded=False),
    _Conv("Conv2d_2b_3x3", 64, 3),
    _HALVE,
    _Conv("Conv2d_3b_1x1", 80),
    _Conv("Conv2d_4a_3x3", 192, 3, padded=False),
    _HALVE,
    _block_35("Mixed_5b", 32),
    _block_35("Mixed_5c", 64),
    _block_35("Mixed_5d", 64),
    _TO_17,
    _block_17("Mixed_6b", 128),
    _block_17("Mixed_6c", 160),
    _block_17("Mixed_6d", 160),
    _block_17("Mixed_6e", 192),
    _TO_8,
    _block_8("Mixed_7b", _AVERAGE),
    _block_8("Mixed_7c", _MAXIMUM),
]


def build_inception() -> keras.Model:
    """Builds the network with all kernels zero.

    Returns:
        A model from images [N, 299, 299, 3] in -1..1 to features [N, 2048].
    """
    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = _apply(image, _NETWORK, "")
    return keras.Model(image, layers.GlobalAveragePooling2D(name="features")(x), name="inception")


def _apply(x: keras.KerasTensor, steps: Sequence[_Step], prefix: str) -> keras.KerasTensor:
    for step in steps:
        if isinstance(step, _Fork):
            inner = prefix if step.name is None else f"{prefix}{step.name}."
            x = layers.Concatenate()([_apply(x, branch, inner) for branch in step.branches])
        elif isinstance(step, _Pool):
            x = step.layer(3, step.stride, "same" if step.stride == 1 else "valid")(x)
        else:
            x = _convolution(x, step, f"{prefix}{step.name}")
    return x


def _convolution(x: keras.KerasTensor, step: _Conv, name: str) -> keras.KerasTensor:
    padding = "same" if step.padded and step.stride == 1 else "valid"
    x = layers.Conv2D(
        step.filters,
        step.size,
        step.stride,
        padding,
        use_bias=False,
        kernel_initializer="zeros",  # fast; the kernels are replaced by those of a state dict
        name=f"{name}.conv",
    )(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}.bn")(x)
    return layers.ReLU()(x)


def named_weights(model: keras.Model) -> dict[str, keras.Variable]:
    """Returns the variables of a network of `build_inception` by their names in the state dict."""
    named = {}
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            named[f"{layer.name}.weight"] = layer.kernel
        elif isinstance(layer, layers.BatchNormalization):
            named[f"{layer.name}.weight"] = layer.gamma
            named[f"{layer.name}.bias"] = layer.beta
            named[f"{layer.name}.running_mean"] = layer.moving_mean
            named[f"{layer.name}.running_var"] = layer.moving_variance
    return named
