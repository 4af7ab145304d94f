"""Images in requests: few file formats, with sizes that are checked before decoding."""

from __future__ import annotations

import numpy as np

from pix2pix_tf.data.input_source import InputForm, InputSource
from pix2pix_tf.images.convert import for_display, resize_image
from pix2pix_tf.images.image_file import Axes, ImageBytes
from pix2pix_tf.images.io import decode_image, image_size
from pix2pix_tf.images.numpy_image import NPY_SIGNATURE
from pix2pix_tf.images.tiff.tags import SIGNATURES as TIFF_SIGNATURES
from pix2pix_tf.utils.errors import UserError

MAX_PHOTO_PIXELS = 25_000_000  # of a photograph to open; a camera's 6000×4000 has 24 million
_NAME = "This picture"  # in messages, which the page shows
_AS_IT_IS = InputForm(None, derive=False)


def holds_array(data: bytes) -> bool:
    """Whether a file is a .npy or a TIFF, which may hold what is no colour."""
    return data.startswith((NPY_SIGNATURE, *TIFF_SIGNATURES))


def read_input(
    data: bytes,
    source: InputSource,
    max_side: int,
    *,
    arrays: bool = False,
    axes: Axes | None = None,
) -> np.ndarray:
    """Reads the image to translate, by the rules of `pix2pix_tf.images.io`.

    Args:
        data: The content of a JPEG, PNG or WebP file, or of one that `holds_array`.
        source: The source that reads the run's inputs.
        max_side: Maximal height and width, in pixels.
        arrays: Whether the inputs of the run are arrays for a page, see `page_task.is_array`;
            otherwise files of arrays are refused.
        axes: The order of the axes of a .npy, if it is not that of the run's files.

    Returns:
        [H, W, C] of the type of the file, in the channels of the run's inputs.

    Raises:
        UserError: The file has another format, is too large, or is refused by those rules.
    """
    file = _check_format(data, arrays)
    channels = source.spec.input_channels
    if axes is not None:
        height, width = image_size(file, channels, axes)
    elif arrays:
        height, width = source.size_of(file, _AS_IT_IS)
    else:
        height, width = image_size(file)
    if max(height, width) > max_side:
        raise UserError(
            f"{_NAME} has {width}×{height} pixels (width×height), and {max_side} a side is the "
            "limit: make it smaller."
        )
    if axes is not None:
        return decode_image(file, channels, axes)
    return source.input_of(file)


def read_middle(data: bytes, source: InputSource, size: tuple[int, int]) -> np.ndarray:
    """Reads the middle of an input that is an array for the page, with its own values.

    Args:
        data: The content of a file, as of `read_input`.
        source: The source that reads the run's inputs.
        size: Height and width of the result, in pixels.

    Returns:
        [height, width, C] of the type of the file, in the channels of the run's inputs.

    Raises:
        UserError: The file has another format, is larger than `MAX_PHOTO_PIXELS` or smaller than
            `size`, or is refused by the rules of `pix2pix_tf.images.io`.
    """
    file = _check_format(data, arrays=True)
    rows, columns = source.size_of(file, _AS_IT_IS)
    _refuse_many_pixels(rows, columns)
    height, width = size
    if rows < height or columns < width:
        raise UserError(
            f"{_NAME} has {columns}×{rows} pixels (width×height), and this page translates "
            f"{width}×{height}: give one at least as large."
        )
    top, left = (rows - height) // 2, (columns - width) // 2
    image = source.input_of(file, max_pixels=MAX_PHOTO_PIXELS)
    return image[top : top + height, left : left + width]


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
    _refuse_many_pixels(*image_size(file))
    return for_display(resize_image(_center_crop(decode_image(file), *size), *size))


def _refuse_many_pixels(height: int, width: int) -> None:
    if height * width > MAX_PHOTO_PIXELS:
        raise UserError(
            f"{_NAME} has {width}×{height} pixels (width×height), and {MAX_PHOTO_PIXELS // 10**6} "
            "million are the limit: make it smaller."
        )


def _check_format(data: bytes, arrays: bool = False) -> ImageBytes:
    """Refuses formats that browsers and phones do not write, to reduce the attack surface.

    Args:
        data: The content of a file.
        arrays: Whether files that `holds_array` are taken too.
    """
    if not (
        data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))
        or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")
        or (arrays and holds_array(data))
    ):
        formats = "JPEG, PNG, WebP, .npy or TIFF" if arrays else "JPEG, PNG or WebP"
        raise UserError(f"{_NAME} is not a {formats} file: save it as one of them.")
    return ImageBytes(_NAME, data)


def _center_crop(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Crops the centre of an image to the aspect ratio of height to width."""
    rows, columns = image.shape[:2]
    kept_rows = max(1, min(rows, round(columns * height / width)))
    kept_columns = max(1, min(columns, round(rows * width / height)))
    top, left = (rows - kept_rows) // 2, (columns - kept_columns) // 2
    return image[top : top + kept_rows, left : left + kept_columns]
