"""Images in requests: few file formats, with sizes that are checked before decoding."""

from __future__ import annotations

import numpy as np

from pix2pix_tf.data.input_source import InputSource
from pix2pix_tf.images.convert import for_display, resize_image
from pix2pix_tf.images.image_file import ImageBytes
from pix2pix_tf.images.io import decode_image, image_size
from pix2pix_tf.utils.errors import UserError

MAX_PHOTO_PIXELS = 25_000_000  # of a photograph to open; a camera's 6000×4000 has 24 million
_NAME = "This picture"  # in messages, which the page shows


def read_input(data: bytes, source: InputSource, max_side: int) -> np.ndarray:
    """Reads the image to translate, by the rules of `pix2pix_tf.images.io`.

    Args:
        data: The content of a JPEG, PNG or WebP file.
        source: The source that reads the run's inputs.
        max_side: Maximal height and width, in pixels.

    Returns:
        uint8 or uint16 [H, W, C], in the channels of the run's inputs.

    Raises:
        UserError: The file has another format, is too large, or is refused by those rules.
    """
    file = _check_format(data)
    height, width = image_size(file)
    if max(height, width) > max_side:
        raise UserError(
            f"{_NAME} has {width}×{height} pixels (width×height), and {max_side} a side is the "
            "limit: make it smaller."
        )
    return source.input_of(file)


def read_photo(data: bytes, size: tuple[int, int]) -> np.ndarray:
    """Reads an image to draw on, cropped centrally and resized to `size`.

    Args:
        data: The content of a JPEG, PNG or WebP file.
        size: Height and width of the result, in pixels.

    Returns:
        uint8 [height, width, 3], grey replicated, alpha over white.

    Raises:
        UserError: The file has another format, more than `MAX_PHOTO_PIXELS`, or is refused by the
            rules of `pix2pix_tf.images.io`.
    """
    file = _check_format(data)
    height, width = image_size(file)
    if height * width > MAX_PHOTO_PIXELS:
        raise UserError(
            f"{_NAME} has {width}×{height} pixels (width×height), and {MAX_PHOTO_PIXELS // 10**6} "
            "million are the limit: make it smaller."
        )
    return for_display(resize_image(_center_crop(decode_image(file), *size), *size))


def _check_format(data: bytes) -> ImageBytes:
    """Refuses formats that browsers and phones do not write, to reduce the attack surface."""
    if not (
        data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))
        or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")
    ):
        raise UserError(f"{_NAME} is not a JPEG, PNG or WebP file: save it as one of them.")
    return ImageBytes(_NAME, data)


def _center_crop(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Crops the centre of an image to the aspect ratio of height to width."""
    rows, columns = image.shape[:2]
    kept_rows = max(1, min(rows, round(columns * height / width)))
    kept_columns = max(1, min(columns, round(rows * width / height)))
    top, left = (rows - kept_rows) // 2, (columns - kept_columns) // 2
    return image[top : top + kept_rows, left : left + kept_columns]
