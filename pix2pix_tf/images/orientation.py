"""The orientation tag of EXIF and TIFF (0x0112), which tells how to turn stored pixels."""

from __future__ import annotations

import numpy as np

ORIENTATION_TAG = 0x0112
TRANSPOSED = (5, 6, 7, 8)  # damaged blocks may have numbers other than 1 to 8; they are ignored
_ROWS_REVERSED = (3, 4, 7, 8)
_COLUMNS_REVERSED = (2, 3, 6, 7)


def upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """Turns stored pixels upright by their orientation.

    Args:
        image: The stored pixels, [H, W, C].
        orientation: 1 to 8; for any other number the pixels are not turned.

    Returns:
        A view, [H, W, C] or [W, H, C].

    Example:
        >>> upright(np.array([[[1], [2]]]), 3)[..., 0].tolist()  # upside down
        [[2, 1]]
    """
    if orientation in TRANSPOSED:  # stored rows are columns of the image
        image = image.swapaxes(0, 1)
    if orientation in _ROWS_REVERSED:
        image = image[::-1]
    if orientation in _COLUMNS_REVERSED:
        image = image[:, ::-1]
    return image


def stored_window(
    rows: tuple[int, int], columns: tuple[int, int], size: tuple[int, int], orientation: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Converts a window of the upright image to the window of the stored pixels.

    Args:
        rows: The first row and the one after the last.
        columns: The first column and the one after the last.
        size: Height and width of the upright image.
        orientation: 1 to 8.

    Returns:
        Rows and columns of the stored pixels, which `upright` turns into the window.
    """
    height, width = size
    if orientation in _ROWS_REVERSED:
        rows = (height - rows[1], height - rows[0])
    if orientation in _COLUMNS_REVERSED:
        columns = (width - columns[1], width - columns[0])
    return (columns, rows) if orientation in TRANSPOSED else (rows, columns)


def upright_transform(
    size: tuple[int, int], orientation: int
) -> tuple[tuple[int, int, int], tuple[int, int, int]] | None:
    """Returns the transform of places in the upright image to places in the stored pixels.

    Args:
        size: Height and width of the stored pixels.
        orientation: 1 to 8.

    Returns:
        Rows of the matrix by which (column, row, 1) is multiplied; None if nothing moves.

    Example:
        >>> upright_transform((10, 20), 3)  # upside down
        ((-1, 0, 20), (0, -1, 10))
    """
    if orientation not in range(2, 9):
        return None
    height, width = size
    if orientation in TRANSPOSED:
        height, width = width, height  # of the upright image
    column = (-1, 0, width) if orientation in _COLUMNS_REVERSED else (1, 0, 0)
    row = (0, -1, height) if orientation in _ROWS_REVERSED else (0, 1, 0)
    return (row, column) if orientation in TRANSPOSED else (column, row)
