"""Reading and writing of image files without loss of values, with errors that name the file.

Reading
    - The format is recognized by the content of a file, not by its suffix. `formats.READ_FORMATS`
      are read: JPEG, PNG, TIFF, WebP, BMP, GIF, AVIF, JPEG 2000, PPM, TGA and others that Pillow
      decodes; arrays that NumPy saved, as .npy or as .npz of one array; and slices of DICOM and
      NIfTI, whose values are rescaled by the slope and intercept of the file. Of a JPEG with
      further images after the first (MPO, which phones write for previews) the first is read; of a
      TIFF the one image of full size, without overviews and masks.
    - The orientation of EXIF and TIFF is applied; an unreadable EXIF block is ignored, as image
      viewers do. Colour profiles are not applied.
    - Palette images become RGB, or RGBA if they have transparency; bilevel becomes 0/255 grey.
    - 1 channel is grey: colour by ITU-R 601 luma, alpha composited over white first. 2 channels are
      grey and alpha. 3 are RGB, grey replicated, alpha composited over white first. 4 are RGBA,
      opaque if a file has no alpha.
    - 8-bit colours become uint8 and 16-bit colours uint16, full scale to full scale.
    - Everything else has bands that are not colours: arrays of NumPy, TIFFs of integers of other
      types or of floats, and those with bands that are neither colours nor tagged as alpha (near
      infrared, for instance). Such a file is read in its own type with as many channels as it has
      bands, or raises an error; nothing is dropped or converted. Booleans become uint8, 0 and 255.
    - The order of axes is never guessed, see `images.axes`.

Files that are not read, with an error that names the file
    - CMYK, LAB, HSV, and YCbCr that Pillow leaves as such; 32-bit, floating point and signed
      samples in other formats than TIFF and NumPy's; complex numbers; 9 to 15 bits except in PNM;
      16 bits where Pillow would keep only 8 of them.
    - More than one frame or page, unless they are channels; volumes; several arrays; empty, damaged
      and truncated files; headers that claim more than the file can hold; more than
      `PIXELS_AT_MOST` pixels unless `max_pixels` allows more; files of so many parts, or JPEGs of
      so many scans, that reading them would take minutes.

Damage is detected only by the checks of the format: PNG has checksums, the pixels of a JPEG have
none.

Images of more than 16 million pixels are decoded one at a time over all threads, so that they do
not fill the memory.
"""

from __future__ import annotations

import contextlib
import io
import math
import threading
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from pix2pix_tf.images.carried_tags import NO_TAGS, CarriedTags
from pix2pix_tf.images.convert import to_channels
from pix2pix_tf.images.dicom_image import DicomImage, is_dicom
from pix2pix_tf.images.formats import unknown_kind
from pix2pix_tf.images.image_file import (
    ANY_READING,
    Axes,
    ColourMode,
    ImageFile,
    OpenableFile,
    Reading,
    openable,
)
from pix2pix_tf.images.nifti_image import NiftiImage, is_nifti
from pix2pix_tf.images.nodata import DECLARED, NodataRule, empty_pixels, replace_nodata
from pix2pix_tf.images.numpy_image import NPY_SIGNATURE, NPZ_SIGNATURES, NumpyImage
from pix2pix_tf.images.pillow_image import HEAD_BYTES, PillowImage
from pix2pix_tf.images.png_writer import encode_png16, png_holds, png_options
from pix2pix_tf.images.row_writers import tiff_rows
from pix2pix_tf.images.tiff.descriptions import is_ome, ome_description
from pix2pix_tf.images.tiff.image import TiffImage
from pix2pix_tf.images.tiff.tags import SIGNATURES
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import WriteError, is_special, write_error_message
from pix2pix_tf.utils.text import pluralize

OpenedImage = PillowImage | TiffImage | NumpyImage | DicomImage | NiftiImage

_WRITTEN_AS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".npy": "NPY",
}
WRITTEN_SUFFIXES = tuple(_WRITTEN_AS)
_PIXEL_BYTES = 8  # of four channels of 16 bits
PIXELS_AT_MOST = 178_956_970  # that are decoded at once; Pillow's limit for decompression bombs

_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},  # the default halves the resolution of colour
    "WEBP": {"lossless": True, "exact": True},  # exact keeps colour where alpha is 0
}

MODE_OF_CHANNELS: dict[int, ColourMode] = {1: "grey", 2: "grey + alpha", 3: "RGB", 4: "RGBA"}
WITH_ALPHA: tuple[ColourMode, ...] = ("grey + alpha", "RGBA")  # their last channel is alpha
LARGE_PIXELS = 16 * 2**20  # images of more pixels are decoded one at a time
_ONE_LARGE_IMAGE = threading.Lock()


def read_image(
    path: ImageFile,
    channels: int,
    axes: Axes | None = None,
    *,
    max_pixels: int = PIXELS_AT_MOST,
) -> np.ndarray:
    """Reads an image file and converts it to a number of channels.

    Args:
        path: The file.
        channels: The number of channels: 1 (grey), 2 (grey + alpha), 3 (RGB) or 4 (RGBA) for
            colours, the file's own number for other images; see the module for the rules.
        axes: The order of axes of a file that does not name them, see `images.axes`.
        max_pixels: The largest number of pixels that are decoded at once.

    Returns:
        [H, W, channels] of the file's own type: uint8 in 0..255 or uint16 in 0..65535 for colours.

    Raises:
        UserError: The file cannot be read or is of a kind that is not read; the message names it.

    Example:
        >>> pair = read_image("sample/train/city-0.png", channels=1)
        >>> pair.shape, pair.dtype
        ((32, 64, 1), dtype('uint8'))
    """
    return to_channels(decode_image(path, channels, axes, max_pixels=max_pixels), channels)


def decode_image(
    path: ImageFile,
    channels: int | None = None,
    axes: Axes | None = None,
    nodata: tuple[NodataRule, ...] = DECLARED,
    array: str | None = None,
    *,
    max_pixels: int = PIXELS_AT_MOST,
) -> np.ndarray:
    """Reads an image file with its own channels: grey, grey + alpha, RGB, RGBA, or any bands.

    Args:
        path: The file.
        channels: The number of channels that the image is converted to afterwards. A file whose
            bands are not colours is read only if this is the number of its bands.
        axes: The order of axes of a file that does not name them, see `images.axes`.
        nodata: Which values stand for no data; they are replaced by the low end of the range.
        array: The name of the array to read of a .npz file that has several.
        max_pixels: The largest number of pixels that are decoded at once.

    Returns:
        [H, W, C] of the file's own type, see `read_image`.

    Raises:
        UserError: As for `read_image`.
    """
    return decode_with_mask(
        path, Reading(channels, axes, nodata, array), max_pixels=max_pixels
    ).pixels


def decode_with_mask(
    path: ImageFile, reading: Reading, *, max_pixels: int = PIXELS_AT_MOST
) -> DecodedImage:
    """Reads an image file as `decode_image` does, and which of its values stand for no data.

    Args:
        path: The file.
        reading: As the arguments of `decode_image`.
        max_pixels: The largest number of pixels that are decoded at once.

    Returns:
        The image.

    Raises:
        UserError: As for `read_image`.
    """
    found, channels = inspect_image(path, *reading, max_pixels=max_pixels), reading.channels
    own = found.pixels.shape[2]
    if found.colour_mode == "bands" and own != channels:
        raise UserError(other_bands(path, own, channels))
    refuse_other_channels(path, own, channels)
    return found


class DecodedImage(NamedTuple):
    """An image with its own channels.

    Attributes:
        pixels: [H, W, C] of the file's own type, without values that stand for no data.
        colour_mode: The meaning of the channels. Those of `bands` are not colours, so that
            `to_channels` cannot convert them.
        missing: Which values stood for no data, bool [H, W, C]; None if none did.
        tags: What the file says beside values.
    """

    pixels: np.ndarray
    colour_mode: ColourMode
    missing: np.ndarray | None
    tags: CarriedTags

    @property
    def empty(self) -> np.ndarray | None:
        """Which pixels had no data in any channel, bool [H, W]; None if there are none."""
        return empty_pixels(self.missing, has_alpha=self.colour_mode in WITH_ALPHA)


def inspect_image(
    path: ImageFile,
    channels: int | None = None,
    axes: Axes | None = None,
    nodata: tuple[NodataRule, ...] = DECLARED,
    array: str | None = None,
    *,
    max_pixels: int = PIXELS_AT_MOST,
) -> DecodedImage:
    """Reads an image file with its own channels and their meaning.

    Args:
        path: The file.
        channels: The number of channels that is asked for, by which those of an array are found,
            see `images.axes`.
        axes: The order of axes of a file that does not name them.
        nodata: Which values stand for no data; they are replaced by the low end of the range.
        array: The name of the array to read of a .npz file that has several.
        max_pixels: The largest number of pixels that are decoded at once. For this limit, pixels
            of more than 8 bytes (four channels of 16 bits) count once for every 8 of them.

    Returns:
        The image.

    Raises:
        UserError: As for `read_image`.
    """
    path = openable(path)
    with open_image_file(path, Reading(channels, axes, array=array)) as opened:
        pixel_bytes = opened.bands * opened.dtype.itemsize
        pixels = opened.height * opened.width * math.ceil(pixel_bytes / _PIXEL_BYTES)
        if pixels > max_pixels:
            raise UserError(_too_many_pixels(path, opened, pixels, max_pixels))
        with _ONE_LARGE_IMAGE if pixels > LARGE_PIXELS else contextlib.nullcontext():
            decoded = np.ascontiguousarray(opened.decode())
        colour_mode = opened.colour_mode or MODE_OF_CHANNELS[decoded.shape[2]]
        decoded, missing = replace_nodata(
            decoded, nodata, opened.tags.nodata, has_alpha=colour_mode in WITH_ALPHA
        )
        refuse_not_finite(path, decoded)
        return DecodedImage(decoded, colour_mode, missing, opened.tags)


def refuse_not_finite(path: ImageFile, pixels: np.ndarray, top: int = 0, left: int = 0) -> None:
    """Raises an error for values that are no numbers, of which a network makes more of them.

    Args:
        path: The file, for the message.
        pixels: An image or a part of it, [H, W, C].
        top: The row of the image that the part begins with.
        left: The column of the image that the part begins with.

    Raises:
        UserError: There are values that are NaN or infinite.
    """
    if pixels.dtype.kind != "f":
        return
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(pixels.sum(dtype=np.float64)):  # faster than to look at each value
            return
    bad = np.argwhere(~np.isfinite(pixels))
    if len(bad):  # else only the sum was too large
        row, column, channel = bad[0]
        raise UserError(
            f"{path} has {pluralize(len(bad), 'value')} of NaN or infinity, the first in row "
            f"{top + row + 1}, column {left + column + 1}, channel {channel + 1}: remove the "
            "image, replace them, or, where NaN stands for no data, set data.nodata=nan."
        )


def image_dtype(path: ImageFile, array: str | None = None) -> np.dtype:
    """Reads the data type of the result of `read_image` from the header.

    Args:
        path: The file.
        array: The name of the array to read of a .npz file that has several.

    Raises:
        UserError: The file cannot be used by its header; damaged pixels are not detected.
    """
    reading = Reading(axes="CYX", array=array)  # whatever their order
    with open_image_file(openable(path), reading) as opened:
        return opened.dtype


def image_rescaling(path: ImageFile) -> str:
    """Reads from the header how stored numbers are rescaled, in words; "" if they are not.

    Raises:
        UserError: As for `image_dtype`.
    """
    with open_image_file(openable(path), Reading(axes="CYX")) as opened:
        return opened.rescaling.words if isinstance(opened, DicomImage | NiftiImage) else ""


def image_size(
    path: ImageFile,
    channels: int | None = None,
    axes: Axes | None = None,
    nodata: tuple[NodataRule, ...] = DECLARED,
    array: str | None = None,
) -> tuple[int, int]:
    """Reads height and width in pixels of the result of `read_image` from the header.

    Args:
        path: The file.
        channels: The number of channels that is asked for, see `inspect_image`.
        axes: The order of axes of a file that does not name them.
        nodata: Which values stand for no data, which matters nothing here.
        array: The name of the array to read of a .npz file that has several.

    Raises:
        UserError: As for `image_dtype`.
    """
    with open_image_file(openable(path), Reading(channels, axes, array=array)) as opened:
        return opened.height, opened.width


def image_tags(path: ImageFile, reading: Reading = ANY_READING) -> CarriedTags:
    """Reads what a file says beside values, see `images.carried_tags`.

    Args:
        path: The file.
        reading: The number of channels and the order of axes that are asked for.

    Raises:
        UserError: As for `image_dtype`.
    """
    with open_image_file(openable(path), reading) as opened:
        return opened.tags


def refuse_other_channels(path: ImageFile, found: int, channels: int | None) -> None:
    """Raises an error if a file cannot be converted to a number of channels that are no colours.

    Args:
        path: The file.
        found: The number of its channels.
        channels: The number of channels that it is converted to; None for its own.

    Raises:
        UserError: One of the numbers is more than 4, and they differ.
    """
    if channels is not None and channels != found and max(channels, found) > 4:
        raise UserError(
            f"{path} has {pluralize(found, 'channel')}, and {channels} are to be read: set "
            f"data.input_channels={found} (for targets, data.target_channels={found}), or give "
            f"files of {pluralize(channels, 'channel')}."
        )


def other_bands(path: ImageFile, bands: int, channels: int | None) -> str:
    """Error message for a file whose bands are not colours and not as many as the channels.

    Args:
        path: The file.
        bands: The number of its bands.
        channels: The number of channels that was asked for; None for an image of colours.
    """
    found = f"{path} has {pluralize(bands, 'band')}, not colours or alpha, instead of"
    if channels is None:
        return f"{found} colours: save it as grey or RGB."
    return (
        f"{found} {pluralize(channels, 'channel')}: it is only read as it is, by "
        f"data.input_channels={bands} (for targets, data.target_channels={bands}); else save it "
        "without the bands that are not wanted."
    )


def write_image(
    path: str | Path,
    image: np.ndarray,
    *,
    text: Mapping[str, str] | None = None,
    tags: CarriedTags = NO_TAGS,
) -> None:
    """Writes an image in the format of the suffix: PNG, TIFF, NumPy, BMP, lossless WebP, JPEG (95).

    The file appears under its name only when it is complete.

    Args:
        path: The file, of one of `WRITTEN_SUFFIXES`.
        image: Integers or floats [H, W, C]. TIFF and NumPy files hold all of them, PNG uint8 and
            uint16 of 1 to 4 channels, the others uint8 of 1 to 4, without alpha in JPEG and BMP.
        text: Text entries by keyword, in ASCII, for PNG and TIFF files only.
        tags: What else the file says, as far as its format has a place for it, see
            `images.carried_tags`.

    Raises:
        UserError: The suffix is not that of an image, or the format cannot hold the image.
        WriteError: The file cannot be written.
        ValueError: The image has another type or shape, or `text` is given for another format.
    """
    path = Path(path)
    if image.dtype.kind not in "iuf" or image.ndim != 3:
        raise ValueError(f"expected integers or floats [H, W, C], not {image.dtype} {image.shape}")
    written_as = _format_for(path, image)
    # The name is hidden, so that listings of images skip a file that is left behind.
    partial = path.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        with partial.open("xb") as file:
            _save(file, image, written_as, text or {}, tags)
        partial.replace(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise WriteError(write_error_message(path, reason)) from error
    finally:
        with contextlib.suppress(OSError):  # usually it was renamed or never created
            partial.unlink()


def encode_png(image: np.ndarray) -> bytes:
    """Encodes an image, uint8 or uint16 [H, W, 1..4], as the content of a PNG file."""
    file = io.BytesIO()
    _save(file, image, "PNG", {}, NO_TAGS)
    return file.getvalue()


def encode_npy(image: np.ndarray) -> bytes:
    """Encodes an image, [H, W, C], as the content of a .npy file."""
    file = io.BytesIO()
    _save(file, image, "NPY", {}, NO_TAGS)
    return file.getvalue()


def encode_tiff(image: np.ndarray) -> bytes:
    """Encodes an image, [H, W, C], as the content of a TIFF file."""
    file = io.BytesIO()
    _save(file, image, "TIFF", {}, NO_TAGS)
    return file.getvalue()


def tiff_text(description: str) -> dict[str, str]:
    """Returns the text entries of a TIFF file that `write_image` wrote, by their keywords.

    Args:
        description: The description of its first page.
    """
    text = ome_description(description) if is_ome(description) else description
    entries = (line.partition("=") for line in text.splitlines())
    return {keyword: content for keyword, _, content in entries}


def _save(
    file: BinaryIO, image: np.ndarray, written_as: str, text: Mapping[str, str], tags: CarriedTags
) -> None:
    """Writes an image; 8 bits by Pillow, which has no 16-bit colour."""
    if written_as == "TIFF":
        lines = [f"{keyword}={content}" for keyword, content in text.items()]
        description = "\n".join(lines) or None
        tiff_rows(file, image.shape, image.dtype, description, tags).write(image)
        return
    options = dict(_SAVE_OPTIONS.get(written_as, {}))
    if text:
        if written_as != "PNG":
            raise ValueError(f"text in {written_as}, neither PNG nor TIFF")
        options["pnginfo"] = PngInfo()
        for keyword, content in text.items():
            options["pnginfo"].add_text(keyword, content)
    if written_as == "NPY":
        np.save(file, image)
    elif image.dtype == np.uint16:
        file.write(encode_png16(image, options.get("pnginfo"), tags))
    else:
        if written_as == "PNG":
            options |= png_options(image, tags)
        pixels = np.ascontiguousarray(image[..., 0] if image.shape[2] == 1 else image)
        Image.fromarray(pixels).save(file, written_as, **options)


def _format_for(path: Path, image: np.ndarray) -> str:
    written_as = _WRITTEN_AS.get(path.suffix.lower())
    if written_as is None:
        raise UserError(
            f"{path} cannot be written: its name must end in one of {', '.join(WRITTEN_SUFFIXES)}."
        )
    channels = image.shape[2]
    if written_as in ("TIFF", "NPY") or (written_as == "PNG" and png_holds(image.dtype, channels)):
        return written_as
    if image.dtype != np.uint8 or channels > 4:
        raise UserError(
            f"{path} cannot be written: {written_as} holds no {image.dtype} images of "
            f"{pluralize(channels, 'channel')}, use .tif or .npy instead."
        )
    if channels in (2, 4) and written_as in ("JPEG", "BMP"):
        raise UserError(f"{path} cannot be written: {written_as} holds no alpha, use .png instead.")
    return written_as


@contextlib.contextmanager
def open_image_file(path: OpenableFile, reading: Reading = ANY_READING) -> Iterator[OpenedImage]:
    """Opens an image file and checks its header; pixels are not decoded yet.

    Args:
        path: The file.
        reading: The number of channels and the order of axes that are asked for.

    Raises:
        UserError: The file cannot be used, or any exception occurs within the context, because
            reading damaged files can raise exceptions of any type.
    """
    head = b""
    try:
        if isinstance(path, Path) and is_special(path):  # opening a pipe would block
            raise UserError(f"{path} is a pipe, a device or the like: an image file was expected.")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            yield opened_image(file, head, path, reading)
    except UserError:
        raise
    except Exception as error:
        raise UserError(explain_failure(path, head, error)) from error


def opened_image(file: BinaryIO, head: bytes, path: OpenableFile, reading: Reading) -> OpenedImage:
    """Returns the image in a file, whose kind is recognized by its content; reads the header.

    Args:
        file: The file, open, which must stay open while the image is read.
        head: Its first `HEAD_BYTES` bytes.
        path: The name of the file in error messages.
        reading: The number of channels and the order of axes that are asked for.

    Raises:
        UserError: The file is of a kind that is not read.
        Exception: The file is damaged; exceptions may be of any type.
    """
    if head[:4] in SIGNATURES:
        return TiffImage(file, path, reading.axes)
    if head.startswith((NPY_SIGNATURE, *NPZ_SIGNATURES)):
        return NumpyImage(file, path, reading)
    if is_dicom(file):
        return DicomImage(file, path)
    if is_nifti(file):
        return NiftiImage(file, path)
    return PillowImage(file, head, path)


def explain_failure(path: OpenableFile, head: bytes, error: Exception) -> str:
    """Error message for a file that could not be read.

    Args:
        path: The file.
        head: Its first bytes; empty for an empty file.
        error: The exception from opening or decoding it.
    """
    if isinstance(error, FileNotFoundError):
        return f"{path} does not exist: an image file was expected there."
    if isinstance(error, OSError) and error.strerror:
        return f"{path} cannot be read: {error.strerror}."
    if not head:
        return f"{path} is empty (0 bytes): replace it or remove it."
    if isinstance(error, Image.DecompressionBombError):
        return f"{path} has more pixels than Pillow decodes of its kind: save it as TIFF or PNG."
    if isinstance(error, MemoryError):
        return f"{path} takes more memory than there is: make it smaller."
    if "MAX_TEXT" in str(error):  # Pillow's limit on unpacked texts and profiles
        return (
            f"{path} has a colour profile or texts too large to read safely: save it without them."
        )
    if head.startswith(b"PK"):
        return f"{path} is no archive of NumPy (.npz), or damaged: write it anew."
    if isinstance(error, UnidentifiedImageError) and (kind := unknown_kind(head)):
        return f"{path} is {kind}."
    if isinstance(error, UnidentifiedImageError) and str(error):
        return (
            f"{path} is not an image that can be read: it is a damaged {error}, or one of a kind "
            "that is not known; save it anew, as PNG for instance."
        )
    if isinstance(error, UnidentifiedImageError):
        return (
            f"{path} is not an image that can be read, whatever its name: replace it by a PNG, "
            "JPEG or TIFF, or remove it."
        )
    return f"{path} is damaged or cut short ({error}): replace it or remove it."


def _too_many_pixels(path: OpenableFile, opened: OpenedImage, pixels: int, max_pixels: int) -> str:
    large = opened.bands * opened.dtype.itemsize > _PIXEL_BYTES
    bands = f" of {opened.bands} × {opened.dtype}" if large else ""
    return (
        f"{path} has {opened.width}×{opened.height} pixels (width×height){bands}, and more than "
        f"{max_pixels:,} are not decoded at once: cut it into smaller images; or, to translate it, "
        f"give --max-pixels {pixels}, or --tile 512 for a TIFF or .npy, which is read by parts "
        "then."
    )
