"""CPU fast paths for 4×4 convolutions and their gradients.

TensorFlow's CPU kernels compute some of the networks' convolutions at the processor's full rate and
others at half of it or much less: layers of few pixels, kernels of one filter and, without AVX-512,
single images and the gradients of kernels. This module computes them with operations that run at
full rate: a matrix product of patches, or a convolution of a batch of overlapping bands of the
image. The sums have the same terms in another order (with bfloat16 too, which this module adds in
float32). benchmarks/README.md describes how these cases were found.

Names in this module: `x` is the larger image, [N, H, W, C]; `y` is the smaller one, [N, h, w, F],
with h = (H + 2·pad - 4) / stride + 1; `kernel` is [4, 4, C, F]. A convolution maps x to y; a
transposed convolution, of stride 2 and pad 1, maps y to x with the same kernel. N, H and W may be
unknown in `convolve_in_bands` and `convolve_transposed`; the gradients are then TensorFlow's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf

from pix2pix_tf.utils.system import cpu_has_feature

SIDE = 4  # of the kernels, in pixels
_FEW = 8  # largest number of filters or channels that does not fill a vector register
# Largest number of positions of y, over all images, for which the kernel takes more time than the
# pixels, because TensorFlow reorders the kernel first.
_FEW_POSITIONS, _FEW_POSITIONS_AVX512, _FEW_TRANSPOSED = 64, 1024, 256
_LARGE_KERNEL = 512 * 512  # channels · filters of the same layers, used where sizes are unknown
_ROWS = 16  # largest number of rows in a band of y, and smallest in an image for which bands pay
_MANY_ROWS = 256  # smallest number of rows for which bands pay with few channels
_LARGE = 2**18  # smallest number of pixels for which bands pay with kernels of any size
# Smallest number of filters for which one product with whole patches is fast. With fewer filters,
# its rows, whose distance is a power of two, compete for the same cache lines.
_MANY = 512

_active: ContextVar[bool] = ContextVar("active", default=False)
_Gradient = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


@cache
def _avx512() -> bool:
    """Returns whether the operating system reports that this processor has AVX-512."""
    return cpu_has_feature("avx512f")


@contextmanager
def cpu_convolutions() -> Iterator[None]:
    """Context manager in which the networks' layers use this module's convolutions."""
    token = _active.set(True)
    try:
        yield
    finally:
        _active.reset(token)


def fits(image: tf.Tensor, kernel: tf.Tensor, stride: int, pad: int) -> bool:
    """Returns whether `convolve` is turned on and supports this convolution.

    Args:
        image: The input x, [N, H, W, C].
        kernel: The kernel, [4, 4, C, F]; other sizes are not supported.
        stride: Stride along both axes.
        pad: Pixels of zeros on every side.

    Returns:
        Whether to call `convolve`.
    """
    if not _takes(image, kernel):
        return False
    if not image.shape.is_fully_defined() or (stride, pad) not in ((1, 0), (2, 0), (2, 1)):
        return False
    return all(side + 2 * pad >= SIDE and side % stride == 0 for side in image.shape[1:3])


def fits_bands(image: tf.Tensor) -> bool:
    """Returns whether to use `convolve_in_bands`: for large images or unknown sizes.

    Args:
        image: The input of a convolution that `fits` rejects, [N, H, W, C].

    Returns:
        Whether to call `convolve_in_bands`.
    """
    height, width = image.shape[1:3]
    large = height is None or width is None or height * width >= _LARGE
    return _active.get() and image.dtype == tf.float32 and large


def fits_transposed(image: tf.Tensor, kernel: tf.Tensor, stride: int) -> bool:
    """Returns whether `convolve_transposed` is turned on and supports this convolution.

    Args:
        image: The input y, [N, h, w, F].
        kernel: The kernel, [4, 4, C, F].
        stride: Stride along both axes.

    Returns:
        Whether to call `convolve_transposed`.
    """
    return _takes(image, kernel) and stride == 2


def _takes(image: tf.Tensor, kernel: tf.Tensor) -> bool:
    # Without AVX-512, bfloat16 is slow in this module too.
    dtypes = (tf.float32, tf.bfloat16) if _avx512() else (tf.float32,)
    return _active.get() and image.dtype in dtypes and kernel.shape[:2] == (SIDE, SIDE)


def convolve(x: tf.Tensor, kernel: tf.Tensor, stride: int, pad: int) -> tf.Tensor:
    """Returns a convolution like that of `tf.nn.conv2d`.

    Args:
        x: [N, H, W, C], of known sizes.
        kernel: [4, 4, C, F].
        stride: Stride along both axes.
        pad: Pixels of zeros on every side.

    Returns:
        [N, h, w, F].
    """

    @tf.custom_gradient
    def convolution(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, _Gradient]:
        def gradient(dy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            dx = _backward(dy, kernel, stride, pad, tuple(x.shape))
            return dx, _kernel_gradient(x, dy, stride, pad)

        return _forward(x, kernel, stride, pad), gradient

    return convolution(x, kernel)


def convolve_in_bands(x: tf.Tensor, kernel: tf.Tensor, stride: int, padding: str) -> tf.Tensor:
    """Returns a convolution with a kernel of any size, computed in bands of the image.

    Args:
        x: [N, H, W, C].
        kernel: [side, side, C, F].
        stride: Stride along both axes.
        padding: `same` or `valid`, as in Keras.

    Returns:
        [N, h, w, F].
    """
    if padding == "same":
        sides = []
        for size in _extent(x)[1:]:
            missing = (-(-size // stride) - 1) * stride + kernel.shape[0] - size
            total = tf.maximum(missing, 0)
            sides.append([total // 2, total - total // 2])
        x = tf.pad(x, [[0, 0], *sides, [0, 0]])
    return _in_bands(x, kernel, stride)


def convolve_transposed(y: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Returns the transposed convolution of stride 2 and pad 1, which doubles height and width.

    Args:
        y: [N, h, w, F].
        kernel: [4, 4, C, F].

    Returns:
        [N, 2·h, 2·w, C].
    """
    batch, height, width = _extent(y)
    shape = (batch, 2 * height, 2 * width, kernel.shape[2])
    if not y.shape.is_fully_defined():
        return _backward(y, kernel, 2, 1, shape)

    @tf.custom_gradient
    def convolution(y: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, _Gradient]:
        def gradient(dx: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return _forward(dx, kernel, 2, 1), _kernel_gradient(dx, y, 2, 1)

        return _backward(y, kernel, 2, 1, shape), gradient

    return convolution(y, kernel)


def _forward(x: tf.Tensor, kernel: tf.Tensor, stride: int, pad: int) -> tf.Tensor:
    """Returns y, the convolution of x."""
    channels, filters = kernel.shape[2:]
    if stride == 1 and filters <= _FEW:
        return _forward_by_taps(x, kernel, pad)
    rows, columns = ((side + 2 * pad - SIDE) // stride + 1 for side in x.shape[1:3])
    few = _FEW_POSITIONS_AVX512 if _avx512() else _FEW_POSITIONS
    if x.shape[0] * rows * columns <= few:
        patches = _patches(x, stride, pad)
        return _product(patches, tf.reshape(kernel, [SIDE * SIDE * channels, filters]))
    many = rows >= (_ROWS if channels > _FEW else _MANY_ROWS)
    if x.shape[0] == 1 and many and not _avx512():
        return _in_bands(_padded(x, pad), kernel, stride)
    return tf.nn.conv2d(_padded(x, pad), kernel, stride, "VALID")


def _backward(
    y: tf.Tensor, kernel: tf.Tensor, stride: int, pad: int, shape: tuple[Any, ...]
) -> tf.Tensor:
    """Returns x of the given shape from y: the transpose of `_forward`."""
    channels, filters = kernel.shape[2:]
    if stride == 1 and (filters <= _FEW or not _avx512()):
        # At stride 1 the transpose is a convolution with the kernel rotated by 180°.
        rotated = tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])
        if filters <= _FEW:
            patches = _patches(y, 1, SIDE - 1 - pad)
            return _product(patches, tf.reshape(rotated, [SIDE * SIDE * filters, channels]))
        return _forward(y, rotated, 1, SIDE - 1 - pad)
    positions = y.shape[:3].num_elements()
    if positions is None:
        small = channels * filters >= _LARGE_KERNEL
    else:
        small = positions <= _FEW_TRANSPOSED
    if stride == 2 and (small or channels <= _FEW):
        matrix = tf.reshape(kernel, [SIDE * SIDE * channels, filters])
        x = _overlapped(_product(y, matrix, transposed=True))
        return x[:, pad:-pad, pad:-pad] if pad else x
    # oneDNN does not support explicit padding here; at stride 2, "SAME" is one pixel on every side.
    return tf.nn.conv2d_transpose(y, kernel, shape, stride, "SAME" if pad else "VALID")


def _kernel_gradient(x: tf.Tensor, y: tf.Tensor, stride: int, pad: int) -> tf.Tensor:
    """Returns the gradient of the kernel; y is the gradient of the convolution's output."""
    channels, filters = x.shape[3], y.shape[3]
    if stride == 1 and filters <= _FEW:
        # Patches of y, which has few channels here, are smaller than those of x.
        gradient = _correlated(_patches(y, 1, SIDE - 1 - pad), x)
        gradient = tf.reshape(gradient, [SIDE, SIDE, filters, channels])
        return tf.transpose(tf.reverse(gradient, [0, 1]), [0, 1, 3, 2])
    if _avx512() and y.shape[:3].num_elements() > _FEW_POSITIONS_AVX512:
        sizes, strides = [SIDE, SIDE, channels, filters], [1, stride, stride, 1]
        padding = "SAME" if pad else "VALID"
        return tf.raw_ops.Conv2DBackpropFilter(
            input=x, filter_sizes=sizes, out_backprop=y, strides=strides, padding=padding
        )
    if stride == 2 and filters < _MANY:
        gradient = tf.stack([_correlated(part, y) for part in _patch_parts(_padded(x, pad))])
    else:
        gradient = _correlated(_patches(x, stride, pad), y)
    return tf.reshape(gradient, [SIDE, SIDE, channels, filters])


def _forward_by_taps(x: tf.Tensor, kernel: tf.Tensor, pad: int) -> tf.Tensor:
    """Returns y for stride 1 and few filters, from the products of each pixel with all taps."""
    channels, filters = kernel.shape[2:]
    taps = tf.reshape(tf.transpose(kernel, [2, 0, 1, 3]), [channels, SIDE * SIDE * filters])
    products = tf.cast(_padded(_product(x, taps), pad), tf.float32)
    height, width = (side - SIDE + 1 for side in products.shape[1:3])
    summed = tf.add_n(
        [
            products[:, i : i + height, j : j + width, n : n + filters]
            for n, (i, j) in zip(range(0, products.shape[3], filters), _OFFSETS, strict=True)
        ]
    )
    return tf.cast(summed, x.dtype)


def _in_bands(x: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
    """Returns an unpadded convolution, computed on a batch of overlapping bands of the images.

    TensorFlow's own is much slower on single images, and does not finish on images of more than
    about a million pixels.
    """
    (batch, height, width), side = _extent(x), kernel.shape[0]
    rows, columns = ((size - side) // stride + 1 for size in (height, width))
    # If the number of rows is unknown, few rows indicate a deep layer, whose kernel is too large
    # for splitting them into two bands.
    band = min(-(-rows // 2), _ROWS) if isinstance(rows, int) else tf.minimum(rows, _ROWS)
    bands = -(-rows // band)
    needed = (band - 1) * stride + side
    positions = tf.range(bands)[:, tf.newaxis] * band * stride + tf.range(needed)
    # The last band may extend beyond the image; its rows there are cropped afterwards.
    positions = tf.reshape(tf.minimum(positions, height - 1), [-1])
    cut = tf.gather(x, positions, axis=1)
    cut = tf.reshape(cut, [batch * bands, needed, width, x.shape[3]])
    y = tf.nn.conv2d(cut, kernel, stride, "VALID")
    return tf.reshape(y, [batch, bands * band, columns, kernel.shape[3]])[:, :rows]


_OFFSETS = [(i, j) for i in range(SIDE) for j in range(SIDE)]


def _patches(x: tf.Tensor, stride: int, pad: int) -> tf.Tensor:
    """Returns the patch of x at each position of y, [N, h, w, 16·C], in the kernel's order."""
    batch, channels = x.shape[0], x.shape[3]
    x = _padded(x, pad)
    height, width = x.shape[1:3]
    rows, columns = ((side - SIDE) // stride + 1 for side in (height, width))
    # At stride 2, a row of a patch is two pairs of pixels, each contiguous in memory.
    runs = SIDE // stride
    i, j, di, dj = np.ogrid[:rows, :columns, :SIDE, :runs]
    positions = (stride * i + di) * (width // stride) + j + dj
    x = tf.reshape(x, [batch, height * width // stride, stride * channels])
    patches = tf.gather(x, positions.astype(np.int32).ravel(), axis=1)
    return tf.reshape(patches, [batch, rows, columns, SIDE * SIDE * channels])


def _patch_parts(x: tf.Tensor) -> list[tf.Tensor]:
    """Returns the eight parts, [N, h, w, 2·C], of `_patches` of a padded x at stride 2."""
    batch, height, width, channels = x.shape
    rows, columns = height // 2 - 1, width // 2 - 1
    pairs = tf.reshape(x, [batch, rows + 1, 2, columns + 1, 2 * channels])
    return [
        pairs[:, i : i + rows, row, j : j + columns]
        for i in range(2)
        for row in range(2)
        for j in range(2)
    ]


def _overlapped(patches: tf.Tensor) -> tf.Tensor:
    """Returns the sum of overlapping patches [N, h, w, 16·C] at stride 2, [N, 2h + 2, 2w + 2, C].

    This is the transpose of `_patches`.
    """
    (batch, rows, columns), pair = _extent(patches), patches.shape[3] // 8
    parts = tf.reshape(tf.cast(patches, tf.float32), [batch, rows, columns, SIDE, 2, pair])
    summed = _shifted_sum(parts[:, :, :, :, 0], parts[:, :, :, :, 1], axis=2)
    parts = tf.reshape(summed, [batch, rows, columns + 1, 2, 2, pair])
    summed = _shifted_sum(parts[:, :, :, 0], parts[:, :, :, 1], axis=1)
    image = tf.transpose(summed, [0, 1, 3, 2, 4])
    image = tf.reshape(image, [batch, 2 * rows + 2, 2 * columns + 2, pair // 2])
    return tf.cast(image, patches.dtype)


def _shifted_sum(one: tf.Tensor, other: tf.Tensor, axis: int) -> tf.Tensor:
    """Returns the sum of `one` and `other` shifted by 1 along the axis, which grows by 1."""
    after, before = ([[0, 0]] * len(one.shape) for _ in range(2))
    after[axis], before[axis] = [0, 1], [1, 0]
    return tf.pad(one, after) + tf.pad(other, before)


def _padded(x: tf.Tensor, pad: int) -> tf.Tensor:
    return tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]]) if pad else x


def _product(x: tf.Tensor, matrix: tf.Tensor, transposed: bool = False) -> tf.Tensor:
    """Returns the product of [N, h, w, A] with [A, B], or `transposed` [B, A]: [N, h, w, B]."""
    product = tf.matmul(tf.reshape(x, [-1, x.shape[3]]), matrix, transpose_b=transposed)
    return tf.reshape(product, [*_extent(x), product.shape[1]])


def _extent(image: tf.Tensor) -> tuple[Any, Any, Any]:
    """Returns N, H and W, each as an int if it is known and otherwise as a scalar tensor."""
    sizes = tf.unstack(tf.shape(image)[:3])
    known = image.shape[:3].as_list()
    return tuple(size if side is None else side for side, size in zip(known, sizes, strict=True))


def _correlated(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Returns the products of [N, h, w, A] and [N, h, w, B], summed over all positions: [A, B]."""
    flat = [tf.reshape(part, [-1, part.shape[3]]) for part in (x, y)]
    return tf.matmul(*flat, transpose_a=True)
