"""Location and decoding of the segments (strips or tiles) of a TIFF."""

from __future__ import annotations

import math
import zlib
from collections import OrderedDict
from typing import BinaryIO, NamedTuple

import numpy as np

from pix2pix_tf.images.tiff.header import Header
from pix2pix_tf.images.tiff.libtiff import decode_pixels, decompress
from pix2pix_tf.images.tiff.tags import (
    BILEVEL,
    BLACK_IS_ZERO,
    BY_IMAGECODECS,
    DEFLATE,
    JPEG,
    NONE,
    Tag,
)

CACHED_BYTES = 64 * 2**20  # of decoded segments, which several windows may overlap
_SPLIT_BYTES = 2**20  # uncompressed strips are read in parts of about this size
_SEGMENT_PIXELS = 2**26  # the largest number of pixels of a segment larger than its image

# The largest number of bytes that one byte is decompressed to; the last value is for compressions
# without an entry, which can exceed any ratio that photographs reach.
_RATIOS, _RATIO = {8: 1033, 32946: 1033, 5: 2800, 32773: 64}, 2**15
_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Segments(NamedTuple):
    """The location of the samples in the file.

    Attributes:
        height, width: The size of a segment in pixels; the last strip may have fewer rows.
        down, across: The number of segments of one plane in each direction.
        planes: The number of planes, which follow one another: one, or one per band.
        offsets, sizes: The offset of each segment in the file, and its size in bytes.
    """

    height: int
    width: int
    down: int
    across: int
    planes: int
    offsets: np.ndarray
    sizes: np.ndarray


def find_segments(header: Header) -> Segments:
    """Finds the segments of a TIFF; uncompressed strips are split into small ones.

    Raises:
        ValueError: The header is damaged, or pixels are missing.
    """
    height, width = header.size
    planes = header.planes
    tiled = Tag.tile_width in header.tags
    if tiled:
        high, wide = header.number(Tag.tile_height), header.number(Tag.tile_width)
        offsets, sizes = header.numbers(Tag.tiles), header.numbers(Tag.tile_bytes)
    else:
        high, wide = min(header.number(Tag.rows, height), height), width
        offsets, sizes = header.numbers(Tag.strips), header.numbers(Tag.strip_bytes)
    if min(high, wide) < 1 or high * wide > max(_SEGMENT_PIXELS, height * width):
        raise ValueError(f"segments of {wide}×{high} pixels")
    down, across = math.ceil(height / high), math.ceil(width / wide)
    if not sizes and len(offsets) == 1:  # very old programs omit them
        sizes = (header.file_size - offsets[0],)
    count = down * across * planes
    if min(len(offsets), len(sizes)) < count:
        raise ValueError(f"{len(offsets)} of {count} segments")
    found = Segments(
        high, wide, down, across, planes, *(np.array(v, np.int64) for v in (offsets, sizes))
    )
    ends = found.offsets + found.sizes
    missing = (found.sizes <= 0) | (found.offsets <= 0) | (ends > header.file_size)
    if missing[:count].any() or _claims_too_much(header, found.sizes.sum()):
        raise ValueError("some of its pixels are not there")
    return found if tiled or header.compression not in NONE else _split(header, found)


def _claims_too_much(header: Header, coded: int) -> bool:
    """Whether the coded bytes are too few for the pixels, for which memory would be allocated."""
    ratio = 1 if header.compression in NONE else _RATIOS.get(header.compression, _RATIO)
    height, width = header.size
    return height * width * header.samples * header.bits // 8 > ratio * int(coded)


def _split(header: Header, strips: Segments) -> Segments:
    """Splits uncompressed strips, so that windows of large strips take little time."""
    row = header.row_bytes(strips.width)
    for strip in range(strips.down * strips.planes):  # strips that are too short raise an error
        rows = min(strips.height, header.size[0] - strip % strips.down * strips.height)
        if rows * row > strips.sizes[strip]:
            raise ValueError("some of its pixels are not there")
    high = max(1, _SPLIT_BYTES // row)
    if strips.height <= high:
        return strips
    high = next(rows for rows in range(high, 0, -1) if strips.height % rows == 0)
    if strips.down == 1:
        high = max(1, _SPLIT_BYTES // row)
    down = math.ceil(header.size[0] / high)
    strip_of, rows_before = np.divmod(np.arange(down) * high, strips.height)
    first = np.arange(strips.planes)[:, np.newaxis] * strips.down
    offsets = (strips.offsets[first + strip_of] + rows_before * row).ravel()
    sizes = np.full(len(offsets), high * row, np.int64)
    return strips._replace(height=high, down=down, offsets=offsets, sizes=sizes)


class SegmentReader:
    """Decodes the segments of a page of a TIFF and caches the last ones.

    Attributes:
        segments: The location of the segments.
    """

    def __init__(self, file: BinaryIO, header: Header, cached_bytes: int = CACHED_BYTES) -> None:
        """Finds the segments.

        Args:
            file: The file, open.
            header: The header of the page.
            cached_bytes: The largest number of bytes of decoded segments that are kept.

        Raises:
            ValueError: The header is damaged, or pixels are missing.
        """
        self.segments = find_segments(header)
        self._file, self._header, self._cached_bytes = file, header, cached_bytes
        self._cache: OrderedDict[int, np.ndarray] = OrderedDict()

    def window(self, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
        """Decodes a window of the stored pixels.

        Args:
            rows: The first row and the one after the last.
            columns: The first column and the one after the last.

        Returns:
            The samples as they are stored, in native byte order, [rows, columns, samples].
        """
        cut, (top, left) = self.segments, (rows[0], columns[0])
        dtype = self._header.dtype.newbyteorder("=")
        pixels = np.empty((rows[1] - top, columns[1] - left, self._header.samples), dtype)
        each = self._header.samples // cut.planes
        for plane in range(cut.planes):
            for down in range(top // cut.height, math.ceil(rows[1] / cut.height)):
                for across in range(left // cut.width, math.ceil(columns[1] / cut.width)):
                    index = (plane * cut.down + down) * cut.across + across
                    segment = self._segment(index, down)
                    first_row, first_column = down * cut.height, across * cut.width
                    part = segment[
                        max(0, top - first_row) : rows[1] - first_row,
                        max(0, left - first_column) : columns[1] - first_column,
                    ]
                    row, column = max(first_row - top, 0), max(first_column - left, 0)
                    pixels[
                        row : row + part.shape[0],
                        column : column + part.shape[1],
                        plane * each : plane * each + each,
                    ] = part
        return pixels

    def _segment(self, index: int, down: int) -> np.ndarray:
        """Returns a strip or tile, [rows, columns, samples], from the cache if possible."""
        if index in self._cache:
            self._cache.move_to_end(index)
            return self._cache[index]
        high = self.segments.height
        if Tag.tile_width not in self._header.tags:
            high = min(high, self._header.size[0] - down * high)
        segment = self._decode(index, high, self.segments.width)
        self._cache[index] = segment
        while sum(cached.nbytes for cached in self._cache.values()) > self._cached_bytes:
            self._cache.popitem(last=False)
        return segment

    def _decode(self, index: int, height: int, width: int) -> np.ndarray:
        row = self._header.row_bytes(width)
        self._file.seek(int(self.segments.offsets[index]))
        data = self._file.read(int(self.segments.sizes[index]))
        if self._header.compression in BY_IMAGECODECS:
            return self._decode_by_imagecodecs(data, index, height, width)
        if self._header.number(Tag.fill_order, 1) == 2:
            data = data.translate(_REVERSED_BITS)
        kind = self._header.compression
        if kind in JPEG or kind in BILEVEL:
            return self._decode_by_libtiff(data, height, width)
        if kind in DEFLATE:
            data = zlib.decompressobj().decompress(data, height * row)
        elif kind not in NONE:
            return self._to_samples(decompress(data, kind, height, row), height, width)
        if len(data) < height * row:
            raise ValueError("some of its pixels are not there")
        return self._to_samples(data[: height * row], height, width)

    def _to_samples(self, data: bytes, height: int, width: int) -> np.ndarray:
        """Converts decompressed bytes to samples, [height, width, samples]."""
        header = self._header
        shape = (height, width, header.samples // self.segments.planes)
        if header.bits < 8:
            return _unpack_bits(data, height, header.bits)[:, :width, np.newaxis]
        predictor = 1 if header.compression in NONE else header.predictor
        if predictor == 3:
            return _undo_float_predictor(data, shape, header.dtype)
        stored = np.frombuffer(data, header.dtype).reshape(shape)
        samples = stored.astype(stored.dtype.newbyteorder("="))
        if predictor == 2:  # of integers that wrap around, also for floats
            bits = samples.view(f"u{samples.dtype.itemsize}")
            samples = np.cumsum(bits, axis=1, dtype=bits.dtype).view(samples.dtype)
        return samples

    def _decode_by_imagecodecs(
        self, data: bytes, index: int, height: int, width: int
    ) -> np.ndarray:
        """Decodes a segment by tifffile, which uses the package imagecodecs."""
        decoded, _, _ = self._header.page.decode(data, index, _fullsize=True)
        shape = (height, width, self._header.samples // self.segments.planes)
        return decoded[0, :height].reshape(shape).astype(self._header.dtype.newbyteorder("="))

    def _decode_by_libtiff(self, data: bytes, height: int, width: int) -> np.ndarray:
        """Decodes a segment whose compression codes pixels rather than bytes."""
        header = self._header
        samples = header.samples // self.segments.planes
        tags = {
            Tag.width: width,
            Tag.height: height,
            Tag.bits: (header.bits,) * samples,
            Tag.compression: header.compression,
            Tag.photometric: header.photometric if samples == 3 else BLACK_IS_ZERO,
            Tag.samples: samples,
            Tag.rows: height,
        }
        copied = (Tag.t4, Tag.t6, Tag.jpeg_tables, Tag.subsampling)
        tags |= {tag: header.tags[tag] for tag in copied if tag in header.tags}
        return decode_pixels(tags, data).astype(np.uint8).reshape(height, width, samples)


def _undo_float_predictor(data: bytes, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Undoes the floating point predictor of a segment (Adobe Photoshop TIFF technical note 3).

    Each row holds first the most significant bytes of all its samples, then the next ones, and so
    on, whatever the byte order of the file; each byte is the difference to that of the pixel
    before.

    Args:
        data: The decompressed bytes.
        shape: Height, width and samples of the segment.
        dtype: The type of samples.
    """
    height, width, samples = shape
    size = dtype.itemsize
    differences = np.frombuffer(data, np.uint8).reshape(height, size * width, samples)
    planes = np.cumsum(differences, axis=1, dtype=np.uint8).reshape(height, size, -1)
    values = np.ascontiguousarray(np.moveaxis(planes, 1, -1)).view(f">f{size}")
    return values.reshape(shape).astype(dtype.newbyteorder("="))


def _unpack_bits(data: bytes, height: int, bits: int) -> np.ndarray:
    """Unpacks samples of 1, 2 or 4 bits, with rows that begin at a byte, to uint8 [height, n]."""
    flags = np.unpackbits(np.frombuffer(data, np.uint8)).reshape(height, -1, bits)
    return flags @ (1 << np.arange(bits - 1, -1, -1)).astype(np.uint8)
