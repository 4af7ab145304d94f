"""Decoding of the image of a TIFF file, whole or by windows, without loss of values.

The header is read by tifffile. Segments (strips or tiles) are decoded separately, so that a window
takes only the time of the segments that it overlaps.

These are read: 1, 2, 4, 8 and 16 bits of grey, 8 and 16 bits of colour, palettes; any number of
bands of integers of 8 to 64 bits, signed or not, or floats of 16 to 64 bits; interleaved, in planes
or in pages that the file (OME, ImageJ) or the config says to be channels; white as zero,
predictors, tiles, either byte order, BigTIFF, orientation. Overviews (reduced resolution) and masks
beside the image are ignored. Everything else raises an error that names the file.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import BinaryIO

import numpy as np

from pix2pix_tf.images.carried_tags import tags_of_tiff
from pix2pix_tf.images.image_file import Axes
from pix2pix_tf.images.orientation import TRANSPOSED, stored_window, upright
from pix2pix_tf.images.tiff.header import Header
from pix2pix_tf.images.tiff.pages import BoundedFile, find_pages
from pix2pix_tf.images.tiff.segments import CACHED_BYTES, SegmentReader
from pix2pix_tf.images.tiff.tags import ASSOCIATED, WHITE_IS_ZERO, Tag
from pix2pix_tf.utils.errors import UserError

_NOT_ALPHA = 0.01  # share of colours above their alpha that rounding cannot explain


class TiffImage:
    """The one image of a TIFF file, which must stay open while it is read.

    Attributes:
        height, width: The upright size in pixels.
        dtype: The type of the result: that of the samples, in native byte order; uint8 for fewer
            than 8 bits.
        bands: The number of bands.
        colour_mode: The meaning of the bands.
        segment_pixels: The number of pixels of a strip or tile, which are decoded at once.
        has_windows: Whether windows are read without the rest.
        tags: What the file says beside values, of the upright image.
    """

    has_windows = True

    def __init__(self, file: BinaryIO, path: object, axes: Axes | None = None) -> None:
        """Reads the header.

        Args:
            file: The file, open.
            path: The name of the file in error messages.
            axes: The order of axes of several pages if the file does not name them.

        Raises:
            UserError: The file holds no image that can be read, or several.
            Exception: The file is damaged; exceptions may be of any type.
        """
        file_size = file.seek(0, io.SEEK_END)
        found = find_pages(BoundedFile(file, file_size), path, axes)
        headers = [Header(page, found.byte_order, file_size, path) for page in found.pages]
        if found.axes is not None:
            _refuse_unstackable(headers, path)
        cached = CACHED_BYTES // len(headers)
        self._pages = [_Page(file, header, cached) for header in headers]
        self._axes = found.axes
        first = self._pages[0]
        self.dtype = first.dtype
        self.segment_pixels = max(page.segment_pixels for page in self._pages)
        self.colour_mode = "bands" if found.axes else first.header.colour_mode
        header = first.header
        tags = tags_of_tiff(header.tags, header.size, header.orientation)
        self.tags = replace(tags, nodata=_decoded_nodata(header, tags.nodata))
        self.height, self.width, self.bands = first.height, first.width, first.bands
        if self._axes == "CYX":
            self.bands = len(headers)
        elif self._axes == "YXC":
            self.height, self.width, self.bands = len(headers), first.height, first.width

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
        if self._axes == "YXC":
            pages = self._pages[slice(*rows)]
            return np.stack([page.window(columns, (0, self.bands))[..., 0] for page in pages])
        parts = [page.window(rows, columns) for page in self._pages]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)


class _Page:
    """A page of a TIFF.

    Attributes:
        header: Its header.
        height, width, bands, dtype, segment_pixels: As of `TiffImage`, of this page alone.
    """

    def __init__(self, file: BinaryIO, header: Header, cached_bytes: int) -> None:
        self.header = header
        self._palette = _palette(header.numbers(Tag.colours)) if header.is_palette else None
        self.bands = 3 if header.is_palette else header.samples
        values = header.dtype if self._palette is None else self._palette.dtype
        self.dtype = values.newbyteorder("=")
        self._reader = SegmentReader(file, header, cached_bytes)
        self.segment_pixels = self._reader.segments.height * self._reader.segments.width
        transposed = header.orientation in TRANSPOSED
        self.height, self.width = header.size[::-1] if transposed else header.size

    def window(self, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
        """Decodes a window of the upright page, see `TiffImage.window`."""
        orientation = self.header.orientation
        stored = stored_window(rows, columns, (self.height, self.width), orientation)
        pixels = self._to_values(self._reader.window(*stored))
        return np.ascontiguousarray(upright(pixels, orientation))

    def _to_values(self, samples: np.ndarray) -> np.ndarray:
        """Converts samples to the values that they stand for, of `dtype`, in full scale."""
        header = self.header
        if self._palette is not None:
            return self._palette[samples[..., 0]]
        if header.bits < 8:
            samples *= 255 // (2**header.bits - 1)
        if header.photometric == WHITE_IS_ZERO:
            top = np.iinfo(samples.dtype).max
            samples[..., 0] = top - samples[..., 0]
        has_alpha = header.colour_mode in ("grey + alpha", "RGBA")
        if has_alpha and header.numbers(Tag.extra)[0] == ASSOCIATED:
            if np.mean(samples[..., :-1] > samples[..., -1:]) > _NOT_ALPHA:
                raise UserError(
                    f"{header.path} is a TIFF whose last band is tagged as alpha that its colours "
                    "were multiplied by, yet they are larger than it: write it without that tag."
                )
            return _unassociated(samples)
        return samples


def _decoded_nodata(header: Header, value: float | None) -> float | None:
    """Returns the value that decoded samples have where stored ones stand for no data.

    Colours of a palette have none, since those of an entry may be those of another one too.
    """
    if value is None or header.is_palette:
        return None
    if header.bits < 8:
        value *= 255 // (2**header.bits - 1)
    if header.photometric == WHITE_IS_ZERO:
        value = np.iinfo(header.dtype).max - value
    return value


def _refuse_unstackable(headers: list[Header], path: object) -> None:
    """Raises an error for pages that are not planes of numbers of one size and type."""
    first = headers[0]
    kinds = {(header.size, header.dtype, header.bits, header.orientation) for header in headers}
    if len(kinds) > 1 or first.samples > 1 or first.is_palette:
        raise UserError(
            f"{path} holds {len(headers)} frames or pages that are not channels of one size and "
            "type: save the one you want by itself."
        )


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
