"""Decoding of the image of a TIFF file, whole or by windows, without loss of values.

The header is read by tifffile. Segments (strips or tiles) are decoded separately, so that a window
takes only the time of the segments that it overlaps.

These are read: 1, 2, 4, 8 and 16 bits of grey, 8 and 16 bits of colour, palettes; up to 4 bands,
interleaved or in planes; white as zero, predictors, tiles, either byte order, BigTIFF, orientation.
Overviews (reduced resolution) and masks beside the image are ignored. Everything else raises an
error that names the file.
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from pix2pix_tf.images.orientation import TRANSPOSED, stored_window, upright
from pix2pix_tf.images.tiff.header import Header
from pix2pix_tf.images.tiff.segments import SegmentReader
from pix2pix_tf.images.tiff.tags import ASSOCIATED, WHITE_IS_ZERO, Tag
from pix2pix_tf.utils.errors import UserError

_NOT_ALPHA = 0.01  # share of colours above their alpha that rounding cannot explain


class TiffImage:
    """The one image of a TIFF file, which must stay open while it is read.

    Attributes:
        height, width: The upright size in pixels.
        dtype: uint8, or uint16 for 16 bits.
        bands: The number of bands, 1 to 4.
        colour_mode: The meaning of the bands.
    """

    def __init__(self, file: BinaryIO, path: object) -> None:
        """Reads the header.

        Args:
            file: The file, open.
            path: The name of the file in error messages.

        Raises:
            UserError: The file holds no image that can be read, or several.
            Exception: The file is damaged; exceptions may be of any type.
        """
        self._header = header = Header(file, path)
        self._palette = _palette(header.numbers(Tag.colours)) if header.is_palette else None
        self.colour_mode = header.colour_mode
        self.bands = 3 if header.is_palette else header.samples
        wide_palette = self._palette is not None and self._palette.dtype == np.uint16
        self.dtype = np.dtype(np.uint16 if header.bits == 16 or wide_palette else np.uint8)
        self._reader = SegmentReader(file, header)
        transposed = header.orientation in TRANSPOSED
        self.height, self.width = header.size[::-1] if transposed else header.size

    @property
    def segment_pixels(self) -> int:
        """The number of pixels of a strip or tile, which are decoded at once."""
        return self._reader.segments.height * self._reader.segments.width

    def decode(self) -> np.ndarray:
        """Decodes the upright image, [height, width, bands] of `dtype`."""
        return self.window((0, self.height), (0, self.width))

    def window(self, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
        """Decodes a window of the upright image.

        Args:
            rows: The first row and the one after the last.
            columns: The first column and the one after the last.

        Returns:
            [rows, columns, bands] of `dtype`.
        """
        orientation = self._header.orientation
        stored = stored_window(rows, columns, (self.height, self.width), orientation)
        pixels = self._to_values(self._reader.window(*stored))
        return np.ascontiguousarray(upright(pixels, orientation))

    def _to_values(self, samples: np.ndarray) -> np.ndarray:
        """Converts samples to the values that they stand for, of `dtype`, in full scale."""
        header = self._header
        if self._palette is not None:
            return self._palette[samples[..., 0]]
        if header.bits < 8:
            samples *= 255 // (2**header.bits - 1)
        if header.photometric == WHITE_IS_ZERO:
            top = np.iinfo(samples.dtype).max
            samples[..., 0] = top - samples[..., 0]
        has_alpha = self.colour_mode in ("grey + alpha", "RGBA")
        if has_alpha and header.numbers(Tag.extra)[0] == ASSOCIATED:
            if np.mean(samples[..., :-1] > samples[..., -1:]) > _NOT_ALPHA:
                raise UserError(
                    f"{header.path} is a TIFF whose last band is tagged as alpha that its colours "
                    "were multiplied by, yet they are larger than it: write it without that tag."
                )
            return _unassociated(samples)
        return samples


def _palette(colours: tuple[int, ...]) -> np.ndarray:
    """Returns a palette as [entries, 3]: uint8 if that holds all its values, else uint16."""
    table = np.array(colours, np.uint16).reshape(3, -1).T
    low, high = table & 255, table >> 8
    if not high.any():  # some programs write 8-bit values
        return low.astype(np.uint8)
    if (low == 0).all() or (low == high).all() or (low == 255).all():
        return high.astype(np.uint8)
    return table


def _unassociated(samples: np.ndarray) -> np.ndarray:
    """Divides colours by the alpha that they were multiplied by, rounded."""
    top = np.uint32(np.iinfo(samples.dtype).max)
    alpha = samples[..., -1:].astype(np.uint32)
    colour = (samples[..., :-1] * top + alpha // 2) // np.maximum(alpha, 1)
    colour = np.where(alpha == 0, samples[..., :-1], np.minimum(colour, top))
    return np.concatenate([colour, alpha], axis=-1).astype(samples.dtype)
