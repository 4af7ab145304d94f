"""Transposed convolutions as sub-pixel convolutions (Shi et al. 2016), for interpreters.

Of the 16 taps of a 4×4 kernel at stride 2 each output pixel sees 4, and which depends on whether
its row and column are even or odd. So there are four convolutions by 2×2 kernels, one for each kind
of pixel, whose outputs interleave. LiteRT's own transposed convolution multiplies with the zeros
between the pixels too: four times the work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import tensorflow as tf

_active: ContextVar[bool] = ContextVar("active", default=False)


@contextmanager
def subpixel_convolutions() -> Iterator[None]:
    """Within it, the networks' transposed convolutions of 4×4 at stride 2 are computed so."""
    token = _active.set(True)
    try:
        yield
    finally:
        _active.reset(token)


def fits(kernel: tf.Tensor, stride: int) -> bool:
    """Whether this form is turned on, and there is one."""
    return _active.get() and kernel.shape[:2] == (4, 4) and stride == 2


def convolve_transposed(image: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """`tf.nn.conv2d_transpose` at stride 2, padded "SAME".

    Args:
        image: [N, H, W, C]; height and width may be open.
        kernel: [4, 4, D, C].

    Returns:
        [N, 2·H, 2·W, D].
    """
    padded = tf.pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]])
    kernel = tf.transpose(kernel, [0, 1, 3, 2])
    # Output row 2·i sees input rows i - 1 and i by kernel rows 3 and 1, row 2·i + 1 rows i and
    # i + 1 by 2 and 0; columns alike.
    ways = [(slice(0, -1), (3, 1)), (slice(1, None), (2, 0))]
    outputs = []
    for rows, kernel_rows in ways:
        for columns, kernel_columns in ways:
            taps = tf.gather(tf.gather(kernel, kernel_rows, axis=0), kernel_columns, axis=1)
            outputs.append(tf.nn.conv2d(padded[:, rows, columns], taps, 1, "VALID"))
    return tf.nn.depth_to_space(tf.concat(outputs, -1), 2)
