"""Transposed convolutions as sub-pixel convolutions (Shi et al. 2016), for interpreters.

At stride 2, each output pixel depends on 4 of the 16 taps of a 4×4 kernel; which ones depends on
whether its row and column are even or odd. The transposed convolution therefore equals four
convolutions with 2×2 kernels, one for each kind of pixel, whose outputs are interleaved. LiteRT's
own transposed convolution also multiplies the zeros between the pixels, which is four times the
work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import tensorflow as tf

_active: ContextVar[bool] = ContextVar("active", default=False)


@contextmanager
def subpixel_convolutions() -> Iterator[None]:
    """Context manager in which 4×4 transposed convolutions of stride 2 use this form."""
    token = _active.set(True)
    try:
        yield
    finally:
        _active.reset(token)


def fits(kernel: tf.Tensor, stride: int) -> bool:
    """Returns whether this form is turned on and exists for this kernel and stride."""
    return _active.get() and kernel.shape[:2] == (4, 4) and stride == 2


def convolve_transposed(image: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Returns the result of `tf.nn.conv2d_transpose` at stride 2 with padding "SAME".

    Args:
        image: [N, H, W, C]; height and width may be unknown.
        kernel: [4, 4, D, C].

    Returns:
        [N, 2·H, 2·W, D].
    """
    padded = tf.pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]])
    kernel = tf.transpose(kernel, [0, 1, 3, 2])
    # Output row 2·i depends on input rows i - 1 and i through kernel rows 3 and 1, and output row
    # 2·i + 1 on input rows i and i + 1 through kernel rows 2 and 0; likewise for columns.
    parities = [(slice(0, -1), (3, 1)), (slice(1, None), (2, 0))]
    outputs = []
    for rows, kernel_rows in parities:
        for columns, kernel_columns in parities:
            taps = tf.gather(tf.gather(kernel, kernel_rows, axis=0), kernel_columns, axis=1)
            outputs.append(tf.nn.conv2d(padded[:, rows, columns], taps, 1, "VALID"))
    return tf.nn.depth_to_space(tf.concat(outputs, -1), 2)
