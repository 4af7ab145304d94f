"""Pictures as requests bring them: few kinds of files, sizes bounded before anything is decoded."""

from __future__ import annotations

import numpy as np

from pix2pix_tf.data.input_source import InputSource
from pix2pix_tf.images.convert import for_display, resize_image
from pix2pix_tf.images.image_file import ImageBytes
from pix2pix_tf.images.io import decode_image, image_size
from pix2pix_tf.utils.errors import UserError

PHOTO_PIXELS = 25_000_000  # of a picture to open; a camera's 6000×4000 has 24
_NAME = "This picture"  # what messages call it


def read_input(data: bytes, source: InputSource, longest: int) -> np.ndarray:
    """The picture to translate, by the rules of `pix2pix_tf.images.io`.

    Args:
        data: A file's content: JPEG, PNG or WebP.
        source: How the run's inputs come of files.
        longest: Pixels a side at most.

    Returns:
        uint8 or uint16 [H, W, C], in the channels of the run's inputs.

    Raises:
        UserError: Another kind of file, one that is too large, or refused by those rules.
    """
    file = _known(data)
    height, width = image_size(file)
    if max(height, width) > longest:
        raise UserError(
            f"{_NAME} has {width}×{height} pixels (width×height), and {longest} a side is the "
            "limit: make it smaller."
        )
    return source.input_of(file)


def read_photo(data: bytes, size: tuple[int, int]) -> np.ndarray:
    """A picture to draw on: it covers `size`, what sticks out is cut off evenly.

    Args:
        data: As of `read_input`.
        size: Height and width wanted.

    Returns:
        uint8 [height, width, 3], grey replicated, alpha over white.

    Raises:
        UserError: As `read_input`; the limit is `PHOTO_PIXELS`.
    """
    file = _known(data)
    height, width = image_size(file)
    if height * width > PHOTO_PIXELS:
        raise UserError(
            f"{_NAME} has {width}×{height} pixels (width×height), and {PHOTO_PIXELS // 10**6} "
            "million are the limit: make it smaller."
        )
    return for_display(resize_image(_cropped(decode_image(file), *size), *size))


def _known(data: bytes) -> ImageBytes:
    """Refuses what browsers and phones do not write: each further kind is more to attack."""
    if not (
        data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))
        or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")
    ):
        raise UserError(f"{_NAME} is not a JPEG, PNG or WebP file: save it as one of them.")
    return ImageBytes(_NAME, data)


def _cropped(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle of a picture in the proportions of height to width."""
    rows, columns = image.shape[:2]
    kept_rows = max(1, min(rows, round(columns * height / width)))
    kept_columns = max(1, min(columns, round(rows * width / height)))
    top, left = (rows - kept_rows) // 2, (columns - kept_columns) // 2
    return image[top : top + kept_rows, left : left + kept_columns]
