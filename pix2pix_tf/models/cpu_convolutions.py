"""CPU fast paths for 4×4 convolutions and their gradients.

TensorFlow's CPU kernels compute some of the networks' convolutions at the processor's full rate and
others at half of it or much less: layers of few pixels, kernels of one filter and, without AVX-512,
single images and the gradients of kernels too. Here these are rearranged into what runs at
full rate: a matrix product of patches, or an image cut into a batch of overlapping bands. The
sums are the same, in another order (of bfloat16 too: what is added here is added in float32).
benchmarks/README.md says how they were found.

Names, throughout: `x` is the side of the image with more pixels, [N, H, W, C]; `y` the other,
[N, h, w, F], with h = (H + 2·pad - 4) / stride + 1; `kernel` is [4, 4, C, F]. A convolution takes
x to y; a transposed one, of stride 2 and pad 1, takes y to x by the same kernel. N, H and W may be
open in `convolve_in_bands` and `convolve_transposed`; gradients are TensorFlow's then.
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
_FEW = 8  # filters or channels that fill no vector register
# Positions of y, of all images, up to which the kernel is more work than the pixels; TensorFlow
# would bring it into another order first.
_FEW_POSITIONS, _FEW_POSITIONS_AVX512, _FEW_TRANSPOSED = 64, 1024, 256
_LARGE_KERNEL = 512 * 512  # channels · filters; of the same layers, where sizes are open
_ROWS = 16  # of a band of y, at most, and from which bands pay
_MANY_ROWS = 256  # from which they pay with few channels
_LARGE = 2**18  # pixels of an image from which bands pay for kernels of any size
# Filters from which one product with whole patches is fast. With fewer of them its rows, a power of
# two apart, fall onto the same lines of the cache.
_MANY = 512

_active: ContextVar[bool] = ContextVar("active", default=False)
_Gradient = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


@cache
def _avx512() -> bool:
    """Whether this processor has AVX-512, as far as its system tells."""
    return cpu_has_feature("avx512f")


@contextmanager
def cpu_convolutions() -> Iterator[None]:
    """Within it, the networks' layers compute 4×4 convolutions as this module does."""
    token = _active.set(True)
    try:
        yield
    finally:
        _active.reset(token)


def fits(image: tf.Tensor, kernel: tf.Tensor, stride: int, pad: int) -> bool:
    """Whether this module is to be used, and takes a convolution of `image`, its x."""
    if not _takes(image, kernel):
        return False
    if not image.shape.is_fully_defined() or (stride, pad) not in ((1, 0), (2, 0), (2, 1)):
        return False
    return all(side + 2 * pad >= SIDE and side % stride == 0 for side in image.shape[1:3])


def fits_bands(image: tf.Tensor) -> bool:
    """Whether `convolve_in_bands` is to be used for what `fits` leaves: large or open images."""
    height, width = image.shape[1:3]
    large = height is None or width is None or height * width >= _LARGE
    return _active.get() and image.dtype == tf.float32 and large


def fits_transposed(image: tf.Tensor, kernel: tf.Tensor, stride: int) -> bool:
    """The same of a transposed convolution of `image`, its y."""
    return _takes(image, kernel) and stride == 2


def _takes(image: tf.Tensor, kernel: tf.Tensor) -> bool:
    # Without AVX-512 no way of computing in bfloat16 is fast.
    dtypes = (tf.float32, tf.bfloat16) if _avx512() else (tf.float32,)
    return _active.get() and image.dtype in dtypes and kernel.shape[:2] == (SIDE, SIDE)


def convolve(x: tf.Tensor, kernel: tf.Tensor, stride: int, pad: int) -> tf.Tensor:
    """The convolution of x, as `tf.nn.conv2d` computes it; `pad` pixels of zeros on every side."""

    @tf.custom_gradient
    def of(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, _Gradient]:
        def gradient(dy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            dx = _backward(dy, kernel, stride, pad, tuple(x.shape))
            return dx, _kernel_gradient(x, dy, stride, pad)

        return _forward(x, kernel, stride, pad), gradient

    return of(x, kernel)


def convolve_in_bands(x: tf.Tensor, kernel: tf.Tensor, stride: int, padding: str) -> tf.Tensor:
    """The convolution of x by a kernel of any size; `padding` is `same` or `valid`, as Keras'."""
    if padding == "same":
        sides = []
        for size in _extent(x)[1:]:
            missing = (-(-size // stride) - 1) * stride + kernel.shape[0] - size
            total = tf.maximum(missing, 0)
            sides.append([total // 2, total - total // 2])
        x = tf.pad(x, [[0, 0], *sides, [0, 0]])
    return _in_bands(x, kernel, stride)


def convolve_transposed(y: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """The transposed convolution of y, of stride 2 and pad 1, which doubles height and width."""
    batch, height, width = _extent(y)
    shape = (batch, 2 * height, 2 * width, kernel.shape[2])
    if not y.shape.is_fully_defined():
        return _backward(y, kernel, 2, 1, shape)

    @tf.custom_gradient
    def of(y: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, _Gradient]:
        def gradient(dx: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return _forward(dx, kernel, 2, 1), _kernel_gradient(dx, y, 2, 1)

        return _backward(y, kernel, 2, 1, shape), gradient

    return of(y, kernel)


def _forward(x: tf.Tensor, kernel: tf.Tensor, stride: int, pad: int) -> tf.Tensor:
    """y from x."""
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
    """x of `shape` from y: the transpose of `_forward`."""
    channels, filters = kernel.shape[2:]
    if stride == 1 and (filters <= _FEW or not _avx512()):
        # It is a convolution by the turned kernel.
        turned = tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])
        if filters <= _FEW:
            patches = _patches(y, 1, SIDE - 1 - pad)
            return _product(patches, tf.reshape(turned, [SIDE * SIDE * filters, channels]))
        return _forward(y, turned, 1, SIDE - 1 - pad)
    positions = y.shape[:3].num_elements()
    if positions is None:
        small = channels * filters >= _LARGE_KERNEL
    else:
        small = positions <= _FEW_TRANSPOSED
    if stride == 2 and (small or channels <= _FEW):
        patches = _product(y, tf.reshape(kernel, [SIDE * SIDE * channels, filters]), turned=True)
        x = _overlapped(patches)
        return x[:, pad:-pad, pad:-pad] if pad else x
    # oneDNN takes no explicit padding here; at stride 2 "SAME" is one pixel on every side.
    return tf.nn.conv2d_transpose(y, kernel, shape, stride, "SAME" if pad else "VALID")


def _kernel_gradient(x: tf.Tensor, y: tf.Tensor, stride: int, pad: int) -> tf.Tensor:
    """The gradient of the kernel, y being that of the convolution."""
    channels, filters = x.shape[3], y.shape[3]
    if stride == 1 and filters <= _FEW:
        # Patches of y, which are few numbers, instead of those of x.
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
    """Stride 1 and few filters: what each pixel gives to each of its 16 neighbours, then sums."""
    channels, filters = kernel.shape[2:]
    taps = tf.reshape(tf.transpose(kernel, [2, 0, 1, 3]), [channels, SIDE * SIDE * filters])
    given = tf.cast(_padded(_product(x, taps), pad), tf.float32)
    height, width = (side - SIDE + 1 for side in given.shape[1:3])
    summed = tf.add_n(
        [
            given[:, i : i + height, j : j + width, n : n + filters]
            for n, (i, j) in zip(range(0, given.shape[3], filters), _OFFSETS, strict=True)
        ]
    )
    return tf.cast(summed, x.dtype)


def _in_bands(x: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
    """A convolution without padding as that of a batch of bands of the images, which overlap.

    TensorFlow's takes single images much longer, and beyond about a million pixels does not end.
    """
    (batch, height, width), side = _extent(x), kernel.shape[0]
    rows, columns = ((size - side) // stride + 1 for size in (height, width))
    # Where rows are not known, few of them mean a deep layer: of a kernel too large for two bands.
    band = min(-(-rows // 2), _ROWS) if isinstance(rows, int) else tf.minimum(rows, _ROWS)
    bands = -(-rows // band)
    needed = (band - 1) * stride + side
    positions = tf.range(bands)[:, tf.newaxis] * band * stride + tf.range(needed)
    # The last band may reach beyond the image; its rows there are cut off again.
    positions = tf.reshape(tf.minimum(positions, height - 1), [-1])
    cut = tf.gather(x, positions, axis=1)
    cut = tf.reshape(cut, [batch * bands, needed, width, x.shape[3]])
    y = tf.nn.conv2d(cut, kernel, stride, "VALID")
    return tf.reshape(y, [batch, bands * band, columns, kernel.shape[3]])[:, :rows]


_OFFSETS = [(i, j) for i in range(SIDE) for j in range(SIDE)]


def _patches(x: tf.Tensor, stride: int, pad: int) -> tf.Tensor:
    """[N, h, w, 16·C]: what the kernel sees at each position, in the kernel's order."""
    batch, channels = x.shape[0], x.shape[3]
    x = _padded(x, pad)
    height, width = x.shape[1:3]
    rows, columns = ((side - SIDE) // stride + 1 for side in (height, width))
    # At stride 2 a patch's row is two pairs of pixels, which lie side by side in memory.
    runs = SIDE // stride
    i, j, di, dj = np.ogrid[:rows, :columns, :SIDE, :runs]
    positions = (stride * i + di) * (width // stride) + j + dj
    x = tf.reshape(x, [batch, height * width // stride, stride * channels])
    patches = tf.gather(x, positions.astype(np.int32).ravel(), axis=1)
    return tf.reshape(patches, [batch, rows, columns, SIDE * SIDE * channels])


def _patch_parts(x: tf.Tensor) -> list[tf.Tensor]:
    """The eighths, [N, h, w, 2·C], that `_patches` of a padded x at stride 2 is made of."""
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
    """The transpose of `_patches` at stride 2: [N, h, w, 16·C] summed to [N, 2h + 2, 2w + 2, C]."""
    (batch, rows, columns), pair = _extent(patches), patches.shape[3] // 8
    parts = tf.reshape(tf.cast(patches, tf.float32), [batch, rows, columns, SIDE, 2, pair])
    summed = _shifted_sum(parts[:, :, :, :, 0], parts[:, :, :, :, 1], axis=2)
    parts = tf.reshape(summed, [batch, rows, columns + 1, 2, 2, pair])
    summed = _shifted_sum(parts[:, :, :, 0], parts[:, :, :, 1], axis=1)
    image = tf.transpose(summed, [0, 1, 3, 2, 4])
    image = tf.reshape(image, [batch, 2 * rows + 2, 2 * columns + 2, pair // 2])
    return tf.cast(image, patches.dtype)


def _shifted_sum(one: tf.Tensor, other: tf.Tensor, axis: int) -> tf.Tensor:
    """`one` plus `other` moved on by one along the axis, which becomes one longer."""
    after, before = ([[0, 0]] * len(one.shape) for _ in range(2))
    after[axis], before[axis] = [0, 1], [1, 0]
    return tf.pad(one, after) + tf.pad(other, before)


def _padded(x: tf.Tensor, pad: int) -> tf.Tensor:
    return tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]]) if pad else x


def _product(x: tf.Tensor, matrix: tf.Tensor, turned: bool = False) -> tf.Tensor:
    """[N, h, w, A] times [A, B], or `turned` [B, A]: [N, h, w, B]."""
    product = tf.matmul(tf.reshape(x, [-1, x.shape[3]]), matrix, transpose_b=turned)
    return tf.reshape(product, [*_extent(x), product.shape[1]])


def _extent(image: tf.Tensor) -> tuple[Any, Any, Any]:
    """N, H and W: numbers where they are known, tensors where they are open."""
    sizes = tf.unstack(tf.shape(image)[:3])
    known = image.shape[:3].as_list()
    return tuple(size if side is None else side for side, size in zip(known, sizes, strict=True))


def _correlated(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """[N, h, w, A] and [N, h, w, B] to [A, B]: the sum over all positions of their products."""
    flat = [tf.reshape(part, [-1, part.shape[3]]) for part in (x, y)]
    return tf.matmul(*flat, transpose_a=True)
