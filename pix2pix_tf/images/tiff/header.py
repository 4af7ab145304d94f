"""The header of a page of a TIFF, with the meaning of its samples, and whether they can be read."""

from __future__ import annotations

import importlib.util
import math
from typing import Any

import numpy as np

from pix2pix_tf.images.image_file import ColourMode
from pix2pix_tf.images.tiff.tags import (
    ASSOCIATED,
    BILEVEL,
    BLACK_IS_ZERO,
    BY_IMAGECODECS,
    BY_LIBTIFF,
    DEFLATE,
    JPEG,
    NONE,
    PALETTE,
    RGB,
    UNASSOCIATED,
    WHITE_IS_ZERO,
    YCBCR,
    Tag,
)
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import pluralize

_COLOURS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, YCBCR: 3}
_OTHER_COLOURS = {
    4: "a transparency mask",
    5: "CMYK",
    8: "LAB",
    9: "LAB",
    10: "LAB",
    32803: "a camera's raw data",
    34892: "a camera's raw data",
}
_READ = (*NONE, *DEFLATE, *JPEG, *BILEVEL, *BY_LIBTIFF)
_KINDS = {1: "u", 2: "i", 3: "f"}  # of dtypes, by SampleFormat
_DEPTHS = {"u": (8, 16, 32, 64), "i": (8, 16, 32, 64), "f": (16, 32, 64)}  # bits per sample
_COLOUR_DEPTHS = (1, 2, 4, 8, 16)  # of unsigned samples whose full scale is that of a colour


class Header:
    """The properties of a page of a TIFF.

    Attributes:
        page: The page, an object of tifffile.
        path: The name of the file in error messages.
        file_size: The size of the file in bytes.
        tags: The values of all tags, by their numbers.
        size: Height and width of the stored pixels, in pixels, not yet upright.
        compression, photometric, predictor, orientation: The values of these tags.
        samples: The number of samples per pixel.
        bits: The number of bits per sample: 1, 2, 4, 8, 16, 32 or 64.
        dtype: The type of samples as they are stored, in the byte order of the file; uint8 for
            samples of fewer than 8 bits.
        colour_mode: The meaning of the bands.
    """

    def __init__(self, page: Any, byte_order: str, file_size: int, path: object) -> None:
        """Reads the header.

        Args:
            page: The page, an object of tifffile.
            byte_order: `<` or `>`.
            file_size: The size of the file in bytes.
            path: The name of the file in error messages.

        Raises:
            UserError: The page cannot be read.
            Exception: The file is damaged; exceptions may be of any type.
        """
        self.page, self.path, self.file_size = page, path, file_size
        self.tags: dict[int, Any] = {tag.code: tag.value for tag in page.tags}
        self.size = self.number(Tag.height), self.number(Tag.width)
        self.compression = self.number(Tag.compression, 1)
        self.photometric = self.number(Tag.photometric, -1)
        self.predictor = self.number(Tag.predictor, 1)
        self.orientation = self.number(Tag.orientation, 1)
        self.samples = self.number(Tag.samples, 1)
        bits = self.numbers(Tag.bits, (1,))
        self._refuse_unusable(bits)
        self.bits = bits[0]
        kind = _KINDS[self.number(Tag.sample_format, 1)]
        self.dtype = np.dtype(f"{byte_order}{kind}{max(8, self.bits) // 8}")
        self.colour_mode = self._find_colour_mode()

    def numbers(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """Returns the values of a tag as integers, or the default if there is no such tag."""
        return tuple(int(value) for value in np.ravel(self.tags.get(tag, default)))

    def number(self, tag: int, default: int | None = None) -> int:
        """Returns the first value of a tag, or the default if there is no such tag.

        Raises:
            ValueError: There is neither the tag nor a default.
        """
        values = self.numbers(tag, () if default is None else (default,))
        if not values:
            raise ValueError(f"tag {tag} is missing")
        return values[0]

    @property
    def is_palette(self) -> bool:
        """Whether samples are entries of a palette."""
        return self.photometric == PALETTE

    def _find_colour_mode(self) -> ColourMode:
        """Returns the meaning of the bands."""
        colours = _COLOURS[self.photometric]
        if self.is_palette:
            return "RGB"
        if self.dtype.kind != "u" or self.bits not in _COLOUR_DEPTHS:
            return "bands"
        extra_bands = self.samples - colours
        extra = self.numbers(Tag.extra)[:extra_bands]
        if extra_bands == 0:
            return "RGB" if colours == 3 else "grey"
        if extra_bands == 1 and extra in ((ASSOCIATED,), (UNASSOCIATED,)):
            return "RGBA" if colours == 3 else "grey + alpha"
        return "bands"

    def _refuse_unusable(self, bits: tuple[int, ...]) -> None:
        problem = self._problem(bits)
        if problem:
            raise UserError(
                f"{self.path} is a TIFF {problem}, which cannot be read: save it without "
                "compression as grey, RGB or bands, integers of 8, 16 or 32 bits or floats."
            )
        if self.compression in BY_IMAGECODECS and not importlib.util.find_spec("imagecodecs"):
            raise UserError(
                f"{self.path} is a TIFF compressed by {BY_IMAGECODECS[self.compression]}, which "
                "needs imagecodecs, which is not installed: pip install 'pix2pix-tf[scientific]'"
            )

    def _problem(self, bits: tuple[int, ...]) -> str | None:
        """Explains why the image cannot be read; None if it can."""
        colours = _COLOURS.get(self.photometric)
        kinds = self.numbers(Tag.sample_format, (1,))
        bands = pluralize(self.samples, "band")
        depth = " and ".join(f"{count}" for count in sorted(set(bits)))
        if min(self.size) < 1 or self.samples < 1:
            return "without pixels"
        if self.photometric in _OTHER_COLOURS:
            return f"of {_OTHER_COLOURS[self.photometric]}"
        if colours is None:
            return "that does not say what its values mean (PhotometricInterpretation)"
        if len(set(kinds)) > 1 or kinds[0] not in _KINDS:
            words = {1: "unsigned", 2: "signed", 3: "floating point", 4: "untyped"}
            words |= {5: "complex integer", 6: "complex"}
            named = " and ".join(sorted({words.get(kind, "unknown") for kind in kinds}))
            return f"of {bands} with {depth}-bit {named} samples"
        kind = _KINDS[kinds[0]]
        accepted = set(_DEPTHS[kind])
        if kind == "u" and self.samples == 1:
            accepted |= {1, 2, 4}
        if self.photometric == PALETTE:
            accepted = {1, 2, 4, 8} if kind == "u" else set()
        if len(set(bits)) > 1 or bits[0] not in accepted:
            return f"of {bands} with {depth} bits per sample ({depth}-bit)"
        is_colour = kind == "u" and bits[0] in _COLOUR_DEPTHS
        if self.photometric == WHITE_IS_ZERO and not is_colour:
            return f"of {depth}-bit samples with white as zero"
        if self.samples < colours or (self.is_palette and self.samples > 1):
            return f"of {bands}, which do not go with its colours"
        return self._coding_problem(bits[0], is_float=kind == "f")

    def _coding_problem(self, bits: int, *, is_float: bool) -> str | None:
        """Explains why the segments cannot be decoded; None if they can."""
        kind, planes = self.compression, self.number(Tag.planes, 1)
        if kind in BY_IMAGECODECS:
            return None
        if kind not in _READ:
            return f"compressed as number {kind} (read are none, LZW, deflate, JPEG ...)"
        if self.photometric == YCBCR and kind not in JPEG:
            return "of YCbCr"
        alone = self.samples == 1 or planes == 2
        if kind in JPEG and (bits != 8 or not (alone or self.samples == 3)):
            return f"of {pluralize(self.samples, 'band')} with {bits} bits, compressed as JPEG"
        if kind in JPEG and self.photometric == YCBCR and planes == 2:
            return "of YCbCr in planes"
        if kind in BILEVEL and (bits != 1 or self.samples != 1):
            return "compressed as bilevel, which it is not"
        predicted = kind in (*DEFLATE, *BY_LIBTIFF) and self.predictor != 1
        if predicted and (self.predictor not in ((2, 3) if is_float else (2,)) or bits < 8):
            return f"with predictor {self.predictor}"
        return None

    @property
    def planes(self) -> int:
        """The number of planes that the samples are stored in: one, or one per band."""
        return self.samples if self.number(Tag.planes, 1) == 2 else 1

    def row_bytes(self, width: int) -> int:
        """Returns the number of bytes of a row of `width` pixels of one plane."""
        return math.ceil(width * (self.samples // self.planes) * self.bits / 8)
