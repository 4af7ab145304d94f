"""One image of a TIFF file, whole or by windows: every sample as the file has it, or refused.

The header is read by tifffile. Segments (strips or tiles) are decoded here one by one, so that a
window costs only those it meets; LZW, JPEG, CCITT and the like by Pillow's libtiff, as TIFFs of
one segment each: tifffile by itself would need the package imagecodecs for them.

Read are 1, 2, 4, 8 and 16 bits of grey, 8 and 16 of colour, palettes; up to 4 bands, interleaved or
in planes; white as zero, predictors, tiles, either byte order, BigTIFF, orientation. Overviews
(reduced resolution) and masks beside the image are passed over. Refused by name is the rest.
"""

from __future__ import annotations

import io
import logging
import math
import re
import struct
import zlib
from collections import OrderedDict
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np

from pix2pix_tf.images.orientation import TRANSPOSED, stored_window, upright
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import pluralize

# What the channels of an image are; `bands` are any number of channels that are no colours.
ColourMode = Literal["grey", "grey + alpha", "RGB", "RGBA", "bands"]

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
BANDS_AT_MOST = 4
_PAGES_AT_MOST = 1000
_CACHED_BYTES = 64 * 2**20  # of decoded segments, for windows that share them
_SPLIT_BYTES = 2**20  # uncompressed strips are read in parts of about this size
_NOT_ALPHA = 0.01  # share of colours above their alpha: rounding does not make so many
_SEGMENT_PIXELS = 2**26  # of one that is larger than its image

_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_COLOURS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _YCBCR: 3}
_OTHER_COLOURS = {
    4: "a transparency mask",
    5: "CMYK",
    8: "LAB",
    9: "LAB",
    10: "LAB",
    32803: "a camera's raw data",
    34892: "a camera's raw data",
}
_ASSOCIATED, _UNASSOCIATED = 1, 2  # alpha, among extra samples

_NONE, _DEFLATE, _JPEG, _BILEVEL = (1,), (8, 32946), (7,), (2, 3, 4)
_BY_LIBTIFF = {5: "LZW", 32773: "PackBits", 34925: "LZMA", 50000: "Zstandard"}  # to plain bytes
_READ = (*_NONE, *_DEFLATE, *_JPEG, *_BILEVEL, *_BY_LIBTIFF)
# Bytes made of one at most. Others can do better than is of use for photographs.
_RATIOS, _RATIO = {8: 1033, 32946: 1033, 5: 2800, 32773: 64}, 2**15
_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class _Tag:
    """Numbers of TIFF tags."""

    subfile, width, height, bits, compression, photometric = 254, 256, 257, 258, 259, 262
    fill_order, description, orientation, samples, rows, planes = 266, 270, 274, 277, 278, 284
    strips, strip_bytes, tiles, tile_bytes = 273, 279, 324, 325
    t4, t6, predictor, colours, tile_width, tile_height = 292, 293, 317, 320, 322, 323
    sub_images, extra, sample_format, jpeg_tables, subsampling = 330, 338, 339, 347, 530
    depth, planes_of_metamorph = 32997, 33629


class _Segments(NamedTuple):
    """How the samples lie in the file.

    Attributes:
        height, width: Of a segment, in pixels; the last strip may have fewer rows.
        down, across: How many there are.
        planes: How often, one after the other: once for each band, or once.
        offsets, sizes: Where each begins and how many bytes it has.
    """

    height: int
    width: int
    down: int
    across: int
    planes: int
    offsets: np.ndarray
    sizes: np.ndarray


class TiffImage:
    """The one image of a TIFF file, which stays open as long as it is read.

    Attributes:
        height, width: Upright, in pixels.
        dtype: uint8, or uint16 for 16 bits.
        bands: 1 to 4.
        colour_mode: What the bands are.
    """

    def __init__(self, file: BinaryIO, path: object) -> None:
        """Reads the header.

        Args:
            file: The file, open.
            path: What messages call it.

        Raises:
            UserError: It holds no image that can be read, or several.
            Exception: It is damaged: of any type.
        """
        self._file, self._path = file, path
        self._size = file.seek(0, io.SEEK_END)
        page, self._order = _page(_Bounded(file, self._size), path)
        self._tags: dict[int, Any] = {tag.code: tag.value for tag in page.tags}
        self._stored = self._number(_Tag.height), self._number(_Tag.width)
        self._compression = self._number(_Tag.compression, 1)
        self._photometric = self._number(_Tag.photometric, -1)
        self._predictor = self._number(_Tag.predictor, 1)
        self._orientation = self._number(_Tag.orientation, 1)
        self._samples = self._number(_Tag.samples, 1)
        bits = self._numbers(_Tag.bits, (1,))
        self._refuse_unusable(bits)
        self._bits = bits[0]
        self.colour_mode = self._colour_mode()
        self._lookup = _lookup(self._numbers(_Tag.colours)) if self._is_palette else None
        is_16bit = self._bits == 16 or (
            self._lookup is not None and self._lookup.dtype == np.uint16
        )
        self.dtype = np.dtype(np.uint16 if is_16bit else np.uint8)
        self.bands = 3 if self._is_palette else self._samples
        self._segments = self._laid_out()
        self._cache: OrderedDict[int, np.ndarray] = OrderedDict()
        turned = self._orientation in TRANSPOSED
        self.height, self.width = self._stored[::-1] if turned else self._stored

    @property
    def segment_pixels(self) -> int:
        """How many pixels are decoded at once at least: those of a strip or tile."""
        return self._segments.height * self._segments.width

    def decode(self) -> np.ndarray:
        """The image, upright, [height, width, bands] of `dtype`."""
        return self.window((0, self.height), (0, self.width))

    def window(self, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
        """A part of the image.

        Args:
            rows: The first one and the one after the last.
            columns: Likewise.

        Returns:
            [rows, columns, bands] of `dtype`.
        """
        size = self.height, self.width
        stored = stored_window(rows, columns, size, self._orientation)
        pixels = self._to_values(self._stored_pixels(*stored))
        return np.ascontiguousarray(upright(pixels, self._orientation))

    # --- the header ---------------------------------------------------------------------------

    def _numbers(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        return tuple(int(value) for value in np.ravel(self._tags.get(tag, default)))

    def _number(self, tag: int, default: int | None = None) -> int:
        values = self._numbers(tag, () if default is None else (default,))
        if not values:
            raise ValueError(f"tag {tag} is missing")
        return values[0]

    @property
    def _is_palette(self) -> bool:
        return self._photometric == _PALETTE

    def _colour_mode(self) -> ColourMode:
        colours = _COLOURS[self._photometric]
        if self._is_palette:
            return "RGB"
        beyond = self._samples - colours
        extra = self._numbers(_Tag.extra)[:beyond]
        if beyond == 0:
            return "RGB" if colours == 3 else "grey"
        if beyond == 1 and extra in ((_ASSOCIATED,), (_UNASSOCIATED,)):
            return "RGBA" if colours == 3 else "grey + alpha"
        return "bands"

    def _refuse_unusable(self, bits: tuple[int, ...]) -> None:
        problem = self._problem(bits)
        if problem:
            raise UserError(
                f"{self._path} is a TIFF {problem}, which cannot be read: convert it to grey or "
                "RGB of 8 or 16 bits."
            )
        if self._samples > BANDS_AT_MOST:
            raise UserError(
                f"{self._path} has {self._samples} bands; at most {BANDS_AT_MOST} are read: save "
                "those that are needed by themselves."
            )

    def _problem(self, bits: tuple[int, ...]) -> str | None:
        colours = _COLOURS.get(self._photometric)
        kinds = self._numbers(_Tag.sample_format, (1,))
        of = pluralize(self._samples, "band")
        depth = " and ".join(f"{count}" for count in sorted(set(bits)))
        if min(self._stored) < 1 or self._samples < 1:
            return "without pixels"
        if self._photometric in _OTHER_COLOURS:
            return f"of {_OTHER_COLOURS[self._photometric]}"
        if colours is None:
            return "that does not say what its values mean (PhotometricInterpretation)"
        if any(kind != 1 for kind in kinds):
            words = {1: "unsigned", 2: "signed", 3: "floating point", 4: "untyped"}
            words |= {5: "complex integer", 6: "complex"}
            kind = " and ".join(sorted({words.get(kind, "unknown") for kind in kinds}))
            return f"of {of} with {depth}-bit {kind} samples"
        accepted = {8, 16} if self._samples > 1 else {1, 2, 4, 8, 16}
        if self._photometric == _PALETTE:
            accepted -= {16}
        if len(set(bits)) > 1 or bits[0] not in accepted:
            return f"of {of} with {depth} bits per sample ({depth}-bit)"
        if self._samples < colours or (self._is_palette and self._samples > 1):
            return f"of {of}, which do not go with its colours"
        return self._coding_problem(bits[0])

    def _coding_problem(self, bits: int) -> str | None:
        """What keeps the segments from being decoded."""
        kind, planes = self._compression, self._number(_Tag.planes, 1)
        if kind not in _READ:
            return f"compressed as number {kind} (read are none, LZW, deflate, JPEG ...)"
        if self._photometric == _YCBCR and kind not in _JPEG:
            return "of YCbCr"
        alone = self._samples == 1 or planes == 2
        if kind in _JPEG and (bits != 8 or not (alone or self._samples == 3)):
            return f"of {self._samples} bands with {bits} bits, compressed as JPEG"
        if kind in _JPEG and self._photometric == _YCBCR and planes == 2:
            return "of YCbCr in planes"
        if kind in _BILEVEL and (bits != 1 or self._samples != 1):
            return "compressed as bilevel, which it is not"
        predicted = kind in (*_DEFLATE, *_BY_LIBTIFF) and self._predictor != 1
        if predicted and (self._predictor != 2 or bits < 8):
            return f"with predictor {self._predictor}"
        return None

    def _laid_out(self) -> _Segments:
        height, width = self._stored
        planes = self._samples if self._number(_Tag.planes, 1) == 2 else 1
        tiled = _Tag.tile_width in self._tags
        if tiled:
            high, wide = self._number(_Tag.tile_height), self._number(_Tag.tile_width)
            offsets, sizes = self._numbers(_Tag.tiles), self._numbers(_Tag.tile_bytes)
        else:
            high, wide = min(self._number(_Tag.rows, height), height), width
            offsets, sizes = self._numbers(_Tag.strips), self._numbers(_Tag.strip_bytes)
        if min(high, wide) < 1 or high * wide > max(_SEGMENT_PIXELS, height * width):
            raise ValueError(f"segments of {wide}×{high} pixels")
        down, across = math.ceil(height / high), math.ceil(width / wide)
        if not sizes and len(offsets) == 1:  # very old writers leave them out
            sizes = (self._size - offsets[0],)
        if min(len(offsets), len(sizes)) < down * across * planes:
            raise ValueError(f"{len(offsets)} of {down * across * planes} segments")
        made = _Segments(
            high, wide, down, across, planes, *(np.array(v, np.int64) for v in (offsets, sizes))
        )
        missing = (made.sizes <= 0) | (made.offsets <= 0) | (made.offsets + made.sizes > self._size)
        if missing[: down * across * planes].any() or self._claims_too_much(made.sizes.sum()):
            raise ValueError("some of its pixels are not there")
        if tiled or self._compression not in _NONE:
            return made
        return self._split(made)

    def _claims_too_much(self, coded: int) -> bool:
        """Whether so many bytes can never be so many pixels; memory for them would be taken."""
        ratio = 1 if self._compression in _NONE else _RATIOS.get(self._compression, _RATIO)
        height, width = self._stored
        return height * width * self._samples * self._bits // 8 > ratio * int(coded)

    def _split(self, strips: _Segments) -> _Segments:
        """Uncompressed strips in parts, so that a window of a large one costs little."""
        row = self._row_bytes(strips.width, strips.planes)
        for strip in range(strips.down * strips.planes):  # too short ones are not to be split
            rows = min(strips.height, self._stored[0] - strip % strips.down * strips.height)
            if rows * row > strips.sizes[strip]:
                raise ValueError("some of its pixels are not there")
        high = max(1, _SPLIT_BYTES // row)
        if strips.height <= high:
            return strips
        high = next(rows for rows in range(high, 0, -1) if strips.height % rows == 0)
        if strips.down == 1:
            high = max(1, _SPLIT_BYTES // row)
        down = math.ceil(self._stored[0] / high)
        each = np.arange(down)
        strips_of, rows_before = np.divmod(each * high, strips.height)
        first = np.arange(strips.planes)[:, np.newaxis] * strips.down
        offsets = (strips.offsets[first + strips_of] + rows_before * row).ravel()
        sizes = np.full(len(offsets), high * row, np.int64)
        return strips._replace(height=high, down=down, offsets=offsets, sizes=sizes)

    def _row_bytes(self, width: int, planes: int) -> int:
        return math.ceil(width * (self._samples // planes) * self._bits / 8)

    # --- the pixels ---------------------------------------------------------------------------

    def _stored_pixels(self, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
        """Samples as they are stored, [rows, columns, samples]."""
        cut, (top, left) = self._segments, (rows[0], columns[0])
        dtype = np.uint16 if self._bits == 16 else np.uint8
        pixels = np.empty((rows[1] - top, columns[1] - left, self._samples), dtype)
        each = self._samples // cut.planes
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
        """A strip or tile, [rows, columns, samples], from the cache if it is there."""
        if index in self._cache:
            self._cache.move_to_end(index)
            return self._cache[index]
        high = self._segments.height
        if _Tag.tile_width not in self._tags:
            high = min(high, self._stored[0] - down * high)
        segment = self._decoded(index, high, self._segments.width)
        self._cache[index] = segment
        while sum(kept.nbytes for kept in self._cache.values()) > _CACHED_BYTES:
            self._cache.popitem(last=False)
        return segment

    def _decoded(self, index: int, height: int, width: int) -> np.ndarray:
        samples = self._samples // self._segments.planes
        row = self._row_bytes(width, self._segments.planes)
        self._file.seek(int(self._segments.offsets[index]))
        data = self._file.read(int(self._segments.sizes[index]))
        if self._number(_Tag.fill_order, 1) == 2:
            data = data.translate(_REVERSED_BITS)
        kind = self._compression
        if kind in _JPEG or kind in _BILEVEL:
            return self._by_libtiff(data, height, width, samples)
        if kind in _DEFLATE:
            data = zlib.decompressobj().decompress(data, height * row)
        elif kind not in _NONE:
            return self._arranged(_libtiff_bytes(data, kind, height, row), height, width)
        if len(data) < height * row:
            raise ValueError("some of its pixels are not there")
        return self._arranged(data[: height * row], height, width)

    def _arranged(self, data: bytes, height: int, width: int) -> np.ndarray:
        """Samples of decompressed bytes."""
        shape = (height, width, self._samples // self._segments.planes)
        if self._bits < 8:
            return _unpacked(data, height, self._bits)[:, :width, np.newaxis]
        stored = np.frombuffer(data, f"{self._order}u{self._bits // 8}").reshape(shape)
        samples = stored.astype(stored.dtype.newbyteorder("="))
        if self._predictor == 2 and self._compression not in _NONE:
            samples = np.cumsum(samples, axis=1, dtype=samples.dtype)  # wraps around, as it should
        return samples

    def _by_libtiff(self, data: bytes, height: int, width: int, samples: int) -> np.ndarray:
        """A segment whose compression knows what pixels are."""
        tags = {
            _Tag.width: width,
            _Tag.height: height,
            _Tag.bits: (self._bits,) * samples,
            _Tag.compression: self._compression,
            _Tag.photometric: self._photometric if samples == 3 else _BLACK_IS_ZERO,
            _Tag.samples: samples,
            _Tag.rows: height,
        }
        kept = (_Tag.t4, _Tag.t6, _Tag.jpeg_tables, _Tag.subsampling)
        tags |= {tag: self._tags[tag] for tag in kept if tag in self._tags}
        pixels = _libtiff_pixels(tags, data)
        return pixels.astype(np.uint8).reshape(height, width, samples)

    def _to_values(self, samples: np.ndarray) -> np.ndarray:
        """What the samples stand for, of `dtype`, full scale to full scale."""
        if self._lookup is not None:
            return self._lookup[samples[..., 0]]
        if self._bits < 8:
            samples *= 255 // (2**self._bits - 1)
        if self._photometric == _WHITE_IS_ZERO:
            top = np.iinfo(samples.dtype).max
            samples[..., 0] = top - samples[..., 0]
        if (
            self.colour_mode in ("grey + alpha", "RGBA")
            and self._numbers(_Tag.extra)[0] == _ASSOCIATED
        ):
            if np.mean(samples[..., :-1] > samples[..., -1:]) > _NOT_ALPHA:
                raise UserError(
                    f"{self._path} is a TIFF whose last band is tagged as alpha that its colours "
                    "were multiplied by, yet they are larger than it: write it without that tag."
                )
            return _unassociated(samples)
        return samples


class _Bounded:
    """A file of which no more is read than there is: sizes in damaged headers may be anything."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._file.tell())
        return self._file.read(left if size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _page(file: _Bounded, path: object) -> tuple[Any, str]:
    """The only page that is an image of its own, and the byte order, `<` or `>`."""
    import tifffile  # takes a while, and few datasets need it

    # It logs what is odd in a file. What matters of that is said here.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    file.seek(0)
    tiff = tifffile.TiffFile(file, name=str(path))  # type: ignore[arg-type]
    pages: list[Any] = []
    for number in range(_PAGES_AT_MOST + 1):
        try:
            pages.append(tiff.pages[number])
        except IndexError:
            break
    if not pages:
        raise ValueError("it has no pages")
    if len(pages) > _PAGES_AT_MOST:
        raise UserError(f"{path} holds very many pages: save the one you want by itself.")
    images = [page for page in pages if not _beside(page)]
    if not images and len(pages) == 1 and _Tag.sub_images not in pages[0].tags:
        images = pages
    frames = len(images) if len(images) != 1 else _frames(images[0])
    if frames == 0:
        raise UserError(
            f"{path} holds {len(pages)} pages, none of them an image of full size: save the one "
            "you want by itself."
        )
    if frames > 1:
        raise UserError(f"{path} holds {frames} frames or pages: save the one you want by itself.")
    return images[0], tiff.byteorder


def _beside(page: Any) -> bool:
    """Whether a page only goes with another: an overview or a mask."""
    kind = page.tags.get(_Tag.subfile)
    return kind is not None and bool(int(kind.value) & (_REDUCED | _MASK))


def _frames(page: Any) -> int:
    """How many images one page holds: some programs put all of them behind the first."""
    tags = page.tags
    depth = tags.get(_Tag.depth)
    if depth is not None and depth.value > 1:
        return int(depth.value)
    if (planes := tags.get(_Tag.planes_of_metamorph)) is not None:
        return max(1, planes.count)
    description = tags.get(_Tag.description)
    text = str(description.value) if description is not None else ""
    if text.startswith("ImageJ=") and (found := re.search(r"^images=(\d+)\s*$", text, re.M)):
        return max(1, int(found[1]))
    if found := re.match(r'\{"shape": \[([\d, ]+)\]|shape=\(([\d, ]+)\)', text):  # tifffile's own
        sides = [int(side) for side in re.findall(r"\d+", found[0])]
        one = page.imagelength * page.imagewidth * page.samplesperpixel
        return max(1, math.prod(sides) // max(1, one))
    return 1


def _lookup(colours: tuple[int, ...]) -> np.ndarray:
    """A palette as [entries, 3]: uint8 where that holds it, else uint16."""
    table = np.array(colours, np.uint16).reshape(3, -1).T
    low, high = table & 255, table >> 8
    if not high.any():  # written as if it had 8 bits
        return low.astype(np.uint8)
    if (low == 0).all() or (low == high).all() or (low == 255).all():
        return high.astype(np.uint8)
    return table


def _unpacked(data: bytes, height: int, bits: int) -> np.ndarray:
    """uint8 [height, samples a row] of 1, 2 or 4 bits each, rows beginning with a byte."""
    flags = np.unpackbits(np.frombuffer(data, np.uint8)).reshape(height, -1, bits)
    return flags @ (1 << np.arange(bits - 1, -1, -1)).astype(np.uint8)


def _unassociated(samples: np.ndarray) -> np.ndarray:
    """Colour that was multiplied by its alpha, as it was before, rounded."""
    top = np.uint32(np.iinfo(samples.dtype).max)
    alpha = samples[..., -1:].astype(np.uint32)
    colour = (samples[..., :-1] * top + alpha // 2) // np.maximum(alpha, 1)
    colour = np.where(alpha == 0, samples[..., :-1], np.minimum(colour, top))
    return np.concatenate([colour, alpha], axis=-1).astype(samples.dtype)


def _libtiff_bytes(data: bytes, compression: int, rows: int, row: int) -> bytes:
    """What a segment of rows of so many bytes was before it was compressed."""
    tags = {
        _Tag.width: row,
        _Tag.height: rows,
        _Tag.bits: 8,
        _Tag.compression: compression,
        _Tag.photometric: _BLACK_IS_ZERO,
        _Tag.samples: 1,
        _Tag.rows: rows,
    }
    return _libtiff_pixels(tags, data).tobytes()


def _libtiff_pixels(tags: dict[int, Any], data: bytes) -> np.ndarray:
    """Decode one segment as a TIFF of its own, by Pillow."""
    from PIL import TiffImagePlugin

    # Not by Image.open, whose limit on pixels is for files whose size nobody has looked at.
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(_one_segment(tags, data)))
    image.load()
    return np.array(image)


def _one_segment(tags: dict[int, Any], data: bytes) -> bytes:
    """A little-endian TIFF of one strip."""
    start = 8 + 2 + 12 * (len(tags) + 2) + 4
    extra, entries = b"", []
    tags = {**tags, _Tag.strip_bytes: len(data)}
    for tag, value in sorted({**tags, _Tag.strips: 0}.items()):
        if tag == _Tag.strips:
            continue
        kind, count, packed = _packed(value)
        if len(packed) > 4:
            place = struct.pack("<I", start + len(extra))
            extra += packed + b"\0" * (len(packed) % 2)
            packed = place
        entries.append((tag, struct.pack("<HHI", tag, kind, count) + packed.ljust(4, b"\0")))
    where = start + len(extra)
    entries.append((_Tag.strips, struct.pack("<HHII", _Tag.strips, 4, 1, where)))
    table = b"".join(entry for _, entry in sorted(entries))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4) + extra + data


def _packed(value: Any) -> tuple[int, int, bytes]:
    """Type, count and bytes of a tag's value."""
    if isinstance(value, bytes):
        return 7, len(value), value
    values = value if isinstance(value, tuple | list) else (value,)
    if max(values) < 65536:
        return 3, len(values), struct.pack(f"<{len(values)}H", *values)
    return 4, len(values), struct.pack(f"<{len(values)}I", *values)
