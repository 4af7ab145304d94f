"""Reading of large files by windows: the strips or tiles of a TIFF, or the values of a .npy."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pix2pix_tf.images.convert import to_channels
from pix2pix_tf.images.image_file import Reading
from pix2pix_tf.images.io import (
    LARGE_PIXELS,
    PIXELS_AT_MOST,
    WITH_ALPHA,
    explain_failure,
    open_image_file,
    opened_image,
    other_bands,
    refuse_not_finite,
)
from pix2pix_tf.images.nodata import empty_pixels, nodata_value, replace_nodata
from pix2pix_tf.images.numpy_image import NumpyImage
from pix2pix_tf.images.pillow_image import HEAD_BYTES
from pix2pix_tf.images.tiff.image import TiffImage
from pix2pix_tf.utils.errors import UserError

_WORTH_WINDOWS = 2**20  # pixels of a file; fewer are decoded in some milliseconds


class ImageWindows:
    """A TIFF or .npy that is read by windows; a context manager that closes the file.

    It is indexed like an array: `windows[first:end]` and `windows[first:end, left:right]` are
    arrays [rows, columns, channels].

    Attributes:
        shape: Height, width, channels.
        dtype: The type of the values.
        ndim: 3.
    """

    ndim = 3

    def __init__(
        self,
        path: Path,
        reading: Reading,
        *,
        half: int | None = None,
        max_pixels: int = PIXELS_AT_MOST,
    ) -> None:
        """Reads the header.

        Args:
            path: A file that `has_windows`.
            reading: The number of channels that windows are converted to, see `read_image`, and
                the order of axes of a file that does not name them.
            half: 0 or 1 for the left or right half of the image; None for the whole image.
            max_pixels: The largest number of pixels of a strip or tile.

        Raises:
            UserError: The file cannot be read, or its strips or tiles have more pixels.
        """
        self._path = path
        with open_image_file(path, reading):  # raises an error if the file cannot be used
            pass
        self._file = path.open("rb")
        self._head = self._file.read(HEAD_BYTES)
        opened = opened_image(self._file, self._head, path, reading)
        assert isinstance(opened, TiffImage | NumpyImage)
        self._opened, channels = opened, reading.channels or opened.bands
        self._rules, self._has_alpha = reading.nodata[:1], opened.colour_mode in WITH_ALPHA
        height, width = opened.height, opened.width
        if opened.segment_pixels > max_pixels:
            self._file.close()
            raise UserError(
                f"{path} has {height * width:,} pixels in parts of "
                f"{opened.segment_pixels:,}, and more than {max_pixels:,} are not decoded at "
                "once: write it in tiles (as GDAL does with TILED=YES) or without compression, or "
                f"give --max-pixels {opened.segment_pixels}"
            )
        if opened.colour_mode == "bands" and opened.bands != channels:
            self._file.close()
            raise UserError(other_bands(path, opened.bands, channels))
        width = width if half is None else width // 2
        self._left = width if half == 1 else 0
        self.shape = (height, width, channels)
        self.dtype = opened.dtype

    def __getitem__(self, where: slice | tuple[slice, slice]) -> np.ndarray:
        return to_channels(self._window(where)[0], self.shape[2])

    def empty(self, where: slice | tuple[slice, slice]) -> np.ndarray | None:
        """Returns which pixels of a window have no data in any channel.

        Args:
            where: Rows, or rows and columns.

        Returns:
            bool [rows, columns]; None if none.
        """
        if nodata_value(self._rules[0], self._opened.tags.nodata, self.dtype) is None:
            return None  # without reading anything
        _, missing = self._window(where)
        return empty_pixels(missing, has_alpha=self._has_alpha)

    def _window(self, where: slice | tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray | None]:
        """Reads a window with the bands of the file, and which of its values have no data."""
        rows, columns = where if isinstance(where, tuple) else (where, slice(None))
        top, bottom, _ = rows.indices(self.shape[0])
        left, right, _ = columns.indices(self.shape[1])
        try:
            part = self._opened.window((top, bottom), (self._left + left, self._left + right))
        except UserError:
            raise
        except Exception as error:
            raise UserError(explain_failure(self._path, self._head, error)) from error
        part, missing = replace_nodata(
            part, self._rules, self._opened.tags.nodata, has_alpha=self._has_alpha
        )
        refuse_not_finite(self._path, part, top, self._left + left)
        return part, missing

    def __enter__(self) -> ImageWindows:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


def has_windows(path: Path, reading: Reading) -> bool:
    """Whether a file of more than `LARGE_PIXELS` is to be read by `ImageWindows`.

    Args:
        path: The file.
        reading: The number of channels and the order of axes that are asked for.

    Raises:
        UserError: The header cannot be read.
    """
    with open_image_file(path, reading) as opened:
        return opened.has_windows and opened.height * opened.width > LARGE_PIXELS


def windows_save_time(path: Path, reading: Reading) -> bool:
    """Whether small windows of a file are read much faster by `ImageWindows` than the whole file.

    Args:
        path: The file.
        reading: The number of channels and the order of axes that are asked for.

    Raises:
        UserError: The header cannot be read.
    """
    with open_image_file(path, reading) as opened:
        if not opened.has_windows or opened.height * opened.width <= _WORTH_WINDOWS:
            return False
        assert isinstance(opened, TiffImage | NumpyImage)
        return opened.segment_pixels <= _WORTH_WINDOWS
