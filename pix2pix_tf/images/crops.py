"""Windows cut out of images, beyond whose borders they are reflected."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Size = tuple[int, int]  # height and width in pixels


class Window(NamedTuple):
    """A rectangle of an image in pixels.

    It may reach beyond the image on both sides of an axis, where the image is padded by reflection.
    """

    top: int
    left: int
    height: int
    width: int

    def within(self, size: Size) -> bool:
        """Whether the window lies within an image of this height and width."""
        bottom, right = self.top + self.height, self.left + self.width
        return self.top >= 0 and self.left >= 0 and bottom <= size[0] and right <= size[1]


def cut(image: np.ndarray, window: Window) -> np.ndarray:
    """Cuts a window out of an image, padded by reflection where the window reaches beyond it.

    Args:
        image: [H, W, C] of any type.
        window: The window.

    Returns:
        [height, width, C]; a view of the image if the window lies within it.

    Example:
        >>> cut(np.array([[[1], [2], [3]]]), Window(0, -1, 1, 5))[..., 0].tolist()
        [[2, 1, 2, 3, 2]]
    """
    top, left, height, width = window
    rows, columns = image.shape[:2]
    if window.within((rows, columns)):
        return image[top : top + height, left : left + width]
    return image[
        np.ix_(_reflected(top, top + height, rows), _reflected(left, left + width, columns))
    ]


def _reflected(first: int, end: int, length: int) -> np.ndarray:
    """Returns the pixels of an axis that lie at `first` .. `end` - 1 of its endless reflection."""
    if length == 1:
        return np.zeros(end - first, int)
    period = 2 * (length - 1)
    places = np.arange(first, end) % period
    return np.minimum(places, period - places)
