"""The order of the axes of arrays with channels, which is never guessed.

Most files say which of their axes are rows, columns and channels. Two kinds do not: NumPy arrays of
three axes, and TIFFs of several pages whose metadata does not name what the pages are.

- The axes that the config gives (`data.input_axes`, `data.target_axes`) hold for such files. Files
  that name their axes are read by their own.
- Without them, the channels of a NumPy array are its first or its last axis, whichever has as many
  entries as the config asks for channels. If both have, or the number is not known, the file is
  refused.
- Without them, a TIFF of several pages is refused, since pages are slices of a volume or moments
  in time as often as channels.
- An array of two axes has one channel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pix2pix_tf.images.image_file import Axes, Reading
from pix2pix_tf.utils.errors import UserError

# How an error says where to give the order of axes.
AXES_KEYS = "data.input_axes (for targets, data.target_axes)"


def find_axes(shape: Sequence[int], reading: Reading, path: object) -> Axes:
    """Returns the order of the axes of an array that does not name them, by the rule above.

    Args:
        shape: The lengths of its three axes.
        reading: The number of channels and the axes that are asked for.
        path: The name of the file in error messages.

    Raises:
        UserError: The shape can mean two things, or no axis has the number of channels.

    Example:
        >>> find_axes((5, 64, 64), Reading(channels=5), "x.npy")
        'CYX'
        >>> find_axes((64, 64, 64), Reading(channels=64, axes="YXC"), "x.npy")
        'YXC'
    """
    if reading.axes is not None:
        return reading.axes
    found, channels = f"{path} is an array of {times(shape)}", reading.channels
    if channels is None:
        raise UserError(
            f"{found}, whose channels may be the first axis or the last: say so with {AXES_KEYS}, "
            "CYX or YXC (data check and evaluate: --axes)."
        )
    first, last = shape[0] == channels, shape[-1] == channels
    if first == last:
        which = "both have" if first else "neither has"
        raise UserError(
            f"{found}, whose channels are the first axis or the last, and {which} the "
            f"{channels} that the config asks for: give their number with data.input_channels "
            f"(data.target_channels), or the order of axes with {AXES_KEYS}, CYX or YXC."
        )
    return "CYX" if first else "YXC"


def channels_last(array: np.ndarray, axes: Axes) -> np.ndarray:
    """Returns a view of an array, [H, W, C].

    Args:
        array: The array, of three axes.
        axes: Their order.
    """
    return np.moveaxis(array, 0, -1) if axes == "CYX" else array


def image_shape(shape: Sequence[int], axes: Axes) -> tuple[int, int, int]:
    """Returns height, width and channels of an array of three axes.

    Example:
        >>> image_shape((5, 32, 64), "CYX")
        (32, 64, 5)
    """
    first, second, third = shape
    return (second, third, first) if axes == "CYX" else (first, second, third)


def times(shape: Sequence[int]) -> str:
    """Returns a shape in words, such as `5×32×64`."""
    return "×".join(map(str, shape))


def size_in_bytes(shape: Sequence[int], dtype: np.dtype) -> int:
    """Returns the number of bytes of an array, which may be more than fit in 64 bits."""
    return math.prod(shape) * dtype.itemsize
