"""Decoding of all formats except TIFF by Pillow, or by TensorFlow where Pillow loses bits."""

from __future__ import annotations

import contextlib
import io
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile as PillowFile

from pix2pix_tf.images.carried_tags import tags_of_info
from pix2pix_tf.images.file_structure import exif_of_png, refuse_many_parts, refuse_many_scans
from pix2pix_tf.images.formats import open_by_content, unread_kind
from pix2pix_tf.images.image_file import ColourMode, OpenableFile
from pix2pix_tf.images.orientation import ORIENTATION_TAG, TRANSPOSED, upright
from pix2pix_tf.utils.errors import UserError

_GREY_MODES = ("1", "L", "LA", "La")
_COLOUR_MODES = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX")
_MODE_NAMES = {"I": "32-bit or signed integer", "F": "32-bit floating point"}
HEAD_BYTES = 26  # these include the bit depth and colour type of a PNG
# warnings.catch_warnings replaces a process-wide list, which only one thread may do at a time.
_QUIET = threading.Lock()


class PillowImage:
    """An image of any format except TIFF whose header has been checked, but not yet decoded.

    Attributes:
        height, width: The upright size in pixels.
        dtype: uint8 or uint16.
        bands: 4, the largest number of channels that it can have.
        colour_mode: None, since the number of channels determines it.
        has_windows: False, since the image is decoded as a whole.
        tags: The resolution, if the file says it in a unit of length, and the colour profile.
    """

    bands = 4
    colour_mode: ColourMode | None = None
    has_windows = False

    def __init__(self, file: BinaryIO, head: bytes, path: OpenableFile) -> None:
        """Reads the header.

        Args:
            file: The file, open.
            head: Its first `HEAD_BYTES` bytes.
            path: The name of the file in error messages.

        Raises:
            UserError: The file is of a kind that is not read.
            Exception: The file is damaged; exceptions may be of any type.
        """
        refuse_many_parts(file, head, path)
        file.seek(0)
        suffix = Path(str(path)).suffix.lower()
        with _quiet():
            self._image = open_by_content(file, suffix)
            _refuse_unusable(self._image, file, path)
        self._head, self._path = head, path
        self._orientation = _orientation(self._image, file)
        self.tags = tags_of_info(self._image.info, self._orientation)
        self.height, self.width = self._image.height, self._image.width
        if self._orientation in TRANSPOSED:
            self.height, self.width = self.width, self.height
        self._is_16bit = _has_16bit_samples(self._image)
        is_16bit = self._is_16bit or _png_depth(self._image, head) == 16
        self.dtype = np.dtype(np.uint16 if is_16bit else np.uint8)

    @property
    def channels(self) -> int:
        """The number of channels by the header; decoding shows whether alpha is used, in a TGA."""
        has_alpha = self._image.has_transparency_data
        if self._is_16bit:
            is_colour = self._image.mode == "RGB"
        else:
            is_colour = self._image.mode in _COLOUR_MODES
        return (3 if is_colour else 1) + has_alpha

    def decode(self) -> np.ndarray:
        """Decodes the upright image, [height, width, 1..4] of `dtype`."""
        image = self._image
        if image.format in ("JPEG", "MPO"):
            refuse_many_scans(image, self._path)
        if self._is_16bit and image.mode == "RGB":
            return _decode_16bit_ppm(image)
        image.load()
        if self._is_16bit and not _pillow_alters(image, self._head):
            pixels = np.array(image).astype(np.uint16)[..., None]  # converts either byte order
        else:
            pixels = _pixels(image, self._head, self._path)
        return upright(pixels, self._orientation)


def _refuse_unusable(image: PillowFile, file: BinaryIO, path: OpenableFile) -> None:
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise UserError(f"{path} holds {frames} frames or pages: save the one you want by itself.")
    mode, kind = image.mode, unread_kind(image, file)
    if kind is None and mode not in _GREY_MODES + _COLOUR_MODES and not _has_16bit_samples(image):
        kind = f"a {_MODE_NAMES.get(mode, mode)} image"
    if kind is not None:
        raise UserError(
            f"{path} is {kind}, which cannot be used: convert it to 8-bit or 16-bit grey or RGB."
        )


def _has_16bit_samples(image: PillowFile) -> bool:
    """Whether samples have 16 bits; this is known only before the image is loaded."""
    return image.mode.startswith("I;16") or _largest_of_ppm(image) > 255


def _largest_of_ppm(image: PillowFile) -> int:
    """Returns the value of white in a PNM; 255 if the file has none."""
    args = image.tile[0].args if image.format == "PPM" and image.tile else ()
    args = args if isinstance(args, tuple) else (args,)
    if "I;16B" in args:
        return 65535
    return next((value for value in args[1:2] if isinstance(value, int) and value), 255)


def _decode_16bit_ppm(image: PillowFile) -> np.ndarray:
    """Decodes a PPM of more than 8 bits, of which Pillow would keep only 8.

    It is read as a grey image of three times the width, for which Pillow keeps all bits.
    """
    offset, largest, file = image.tile[0].offset, _largest_of_ppm(image), image.fp
    assert file is not None
    file.seek(0)
    kind = {b"P3": b"P2", b"P6": b"P5"}[file.read(2)]
    file.seek(offset)
    head = b"%s\n%d %d\n%d\n" % (kind, 3 * image.width, image.height, largest)
    grey = open_by_content(io.BytesIO(head + file.read()), "")
    grey.load()
    return np.array(grey).astype(np.uint16).reshape(image.height, image.width, 3)


def _png_depth(image: Image.Image, head: bytes) -> int | None:
    """Returns the bits per sample of a PNG, from its IHDR chunk; None for other formats."""
    return head[24] if image.format == "PNG" else None


def _pixels(image: PillowFile, head: bytes, path: OpenableFile) -> np.ndarray:
    if _pillow_alters(image, head):
        return _decode_png(path, head)
    if image.mode in _COLOUR_MODES:
        plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    else:
        plain = image.convert("LA" if image.has_transparency_data else "L")
    pixels = np.array(plain)
    if (
        image.format == "TGA"
        and _no_alpha_bits(head)
        and (pixels[..., 3:] == pixels[0, 0, 3:]).all()
    ):
        pixels = pixels[..., :3]
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _no_alpha_bits(head: bytes) -> bool:
    """Whether the header of a TGA of 16 or 32 bits per pixel says that its alpha bits are unused.

    Some programs say so and write alpha nevertheless: bits that are not constant count as alpha.
    """
    return head[2] in (2, 10) and head[16] in (16, 32) and not head[17] & 15


def _pillow_alters(image: Image.Image, head: bytes) -> bool:
    """Whether Pillow decodes a PNG to other values than the file holds.

    Pillow reduces 16-bit colour to 8 bits. It does not scale the grey value that stands for
    transparent, so that at depths other than 8 it matches the wrong pixels or none.
    """
    depth = _png_depth(image, head)
    if depth == 16 and image.mode in _COLOUR_MODES:
        return True
    grey = image.mode in ("1", "L") or image.mode.startswith("I;16")
    return depth not in (None, 8) and grey and "transparency" in image.info


def _decode_png(path: OpenableFile, head: bytes) -> np.ndarray:
    """Decodes by TensorFlow as grey + alpha or RGBA, uint16 for 16 bits and uint8 for fewer."""
    import tensorflow as tf  # imported here because it takes seconds and few files need it

    depth, colour_type = head[24], head[25]
    dtype = tf.uint16 if depth == 16 else tf.uint8
    with tf.init_scope():  # runs eagerly even while a caller is traced
        pixels = tf.io.decode_png(path.read_bytes(), channels=4, dtype=dtype).numpy()
    return pixels if colour_type & 2 else pixels[..., ::3]  # bit 1 stands for colour


def _orientation(image: PillowFile, file: BinaryIO) -> int:
    """Reads the EXIF orientation, 1 to 8, without decoding pixels as Pillow would for a PNG."""
    with contextlib.suppress(Exception), _quiet():  # malformed blocks raise many types of errors
        if image.format == "PNG" and "exif" not in image.info:
            image.info["exif"] = exif_of_png(file)
        return Image.Image.getexif(image).get(ORIENTATION_TAG, 1)
    return 1


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
