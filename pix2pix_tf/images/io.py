"""Image files to arrays and back: as a file has its values, or refused by name.

Reading
    - What a file holds counts, not its suffix. `formats.READ_FORMATS` are read: JPEG, PNG, TIFF,
      WebP, BMP, GIF, AVIF, JPEG 2000, PPM, TGA and others that Pillow decodes. Of a JPEG with
      further images behind the first (MPO, as phones write for previews), the first is read; of a
      TIFF the one image of full size, overviews and masks beside it being passed over.
    - The orientation of EXIF and TIFF is applied; an unreadable EXIF block counts as none, as image
      viewers have it. Colour profiles are not applied.
    - Palette images become RGB, or RGBA where they have transparency; bilevel becomes 0/255 grey.
    - 1 channel is grey: colour by ITU-R 601 luma, alpha composited over white first. 2 channels are
      grey and alpha. 3 are RGB, grey replicated, alpha composited over white first. 4 are RGBA,
      opaque where a file has no alpha.
    - Bands of a TIFF that are no colours and not tagged as alpha (near infrared, for instance) are
      never dropped: such a file is read with as many channels as it has bands, or refused.
    - 8-bit files become uint8 and 16-bit files uint16, full scale to full scale.

Refused by name
    - CMYK, LAB, HSV, and YCbCr that Pillow leaves as such; 32-bit, floating point, signed samples;
      9 to 15 bits but in PNM; more than 4 bands; 16 bits where Pillow would keep only 8 of them.
    - More than one frame or page; empty, damaged and truncated files; more than
      `PIXELS_AT_MOST` pixels unless `max_pixels` says more; files of so many parts, or JPEGs of so
      many scans, that reading them would take minutes.

Damage that leaves a file's own checks satisfied is not seen: PNG has checksums, a JPEG's pixels
have none.

Images of more than 16 million pixels are decoded one at a time, whoever asks, so that many of
them at once do not fill the memory.
"""

from __future__ import annotations

import contextlib
import io
import threading
import uuid
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile as PillowFile
from PIL.PngImagePlugin import PngInfo

from pix2pix_tf.images.formats import IMAGE_SUFFIXES as IMAGE_SUFFIXES  # for those who list files
from pix2pix_tf.images.formats import SUFFIXES_IN_WORDS as SUFFIXES_IN_WORDS
from pix2pix_tf.images.formats import open_by_content, unread_kind
from pix2pix_tf.images.orientation import ORIENTATION_TAG, TRANSPOSED, upright
from pix2pix_tf.images.tiff import SIGNATURES, Meaning, TiffImage
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import is_special, write_error_message

_WRITTEN_AS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
WRITTEN_SUFFIXES = tuple(_WRITTEN_AS)
PIXELS_AT_MOST = 178_956_970  # decoded at once; Pillow's limit for decompression bombs

_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},  # the default halves the resolution of colour
    "WEBP": {"lossless": True, "exact": True},  # exact keeps colour where alpha is 0
}
_GREY_MODES = ("1", "L", "LA", "La")
_COLOUR_MODES = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX")
_MODE_NAMES = {"I": "32-bit or signed integer", "F": "32-bit floating point"}
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BARE_MARKERS = {bytes([kind]) for kind in (0x00, 0x01, *range(0xD0, 0xD9))}  # without a length
_HEAD_BYTES = 26  # as far as bit depth and colour type of a PNG

SCAN = b"\xff\xda"  # begins one; among a JPEG's coded pixels it never occurs
SCANS_AT_MOST = 2 * 10**9  # times pixels: what a JPEG of any size takes a few seconds for
_READ_AT_ONCE = 1 << 20

PARTS_AT_MOST = 50_000  # chunks of a PNG or segments of a JPEG before its pixels, and one more for
_BYTES_A_PART = 4096  # each so many bytes: libraries write the pixels in parts of 8192

_MEANINGS: dict[int, Meaning] = {1: "grey", 2: "grey + alpha", 3: "RGB", 4: "RGBA"}
_LARGE_PIXELS = 16 * 2**20
_LARGE = threading.Lock()

# warnings.catch_warnings swaps a process-wide list, which threads must not do at the same time.
_QUIET = threading.Lock()


@dataclass(frozen=True)
class ImageBytes:
    """An image file held in memory, to be read as one on disk is.

    Attributes:
        name: What messages call it.
        data: Its content.
    """

    name: str
    data: bytes

    def open(self, mode: str) -> BinaryIO:
        """The content as a file; as of a `Path`."""
        return io.BytesIO(self.data)

    def read_bytes(self) -> bytes:
        """The content; as of a `Path`."""
        return self.data

    def __str__(self) -> str:
        return self.name


ImageFile = str | Path | ImageBytes


def read_image(path: ImageFile, channels: int, *, max_pixels: int = PIXELS_AT_MOST) -> np.ndarray:
    """Read an image file as [H, W, channels], channels 1 to 4 (see the module for what each means).

    uint8 in 0..255 or uint16 in 0..65535, by what the file holds. Raises `UserError`, which names
    the path, for whatever cannot be read or is refused.
    """
    return to_channels(decode_image(path, channels, max_pixels=max_pixels), channels)


def decode_image(
    path: ImageFile, channels: int | None = None, *, max_pixels: int = PIXELS_AT_MOST
) -> np.ndarray:
    """Read an image file with the channels it has: [H, W, 1..4] for grey, grey + alpha, RGB, RGBA.

    Args:
        path: The file.
        channels: What the image will be converted to. A file of bands without a meaning is only
            read if this is their number.
        max_pixels: How many pixels may be decoded at once.

    Raises:
        UserError: As of `read_image`.
    """
    pixels, meaning = inspect_image(path, max_pixels=max_pixels)
    if meaning == "bands" and pixels.shape[2] != channels:
        raise UserError(other_bands(path, pixels.shape[2]))
    return pixels


def inspect_image(
    path: ImageFile, *, max_pixels: int = PIXELS_AT_MOST
) -> tuple[np.ndarray, Meaning]:
    """Read an image file with the channels it has, and what they are.

    Values and errors are those of `read_image`; channels of meaning `bands` are no colours, and
    `to_channels` cannot convert them.
    """
    path = _openable(path)
    with _opened(path) as opened:
        pixels = opened.height * opened.width
        if pixels > max_pixels:
            raise UserError(_too_many_pixels(path, opened.height, opened.width, max_pixels))
        with _LARGE if pixels > _LARGE_PIXELS else contextlib.nullcontext():
            decoded = np.ascontiguousarray(opened.decode())
        return decoded, opened.meaning or _MEANINGS[decoded.shape[2]]


def other_bands(path: ImageFile, bands: int) -> str:
    """The sentence about a file of bands that are no colours, to be read as fewer or more."""
    return (
        f"{path} is a TIFF of {bands} bands that are no colours and not tagged as alpha, which can "
        f"only be read as {bands} channels, by a run of data.input_channels={bands} (for targets, "
        f"data.target_channels={bands}): else save it without the bands that are not wanted."
    )


class ImageWindows:
    """A TIFF of which only those parts are read that are asked for; closed by `with`.

    It is asked as an array is: `windows[first:end]` and `windows[first:end, left:right]` are
    arrays [rows, columns, channels].

    Attributes:
        shape: Height, width, channels.
        dtype: uint8 or uint16.
        ndim: 3.
    """

    ndim = 3

    def __init__(
        self,
        path: Path,
        channels: int,
        *,
        half: int | None = None,
        max_pixels: int = PIXELS_AT_MOST,
    ) -> None:
        """Reads the header.

        Args:
            path: A TIFF.
            channels: What its bands are converted to, see `read_image`.
            half: 0 or 1 for the left or right half of it; None: all of it.
            max_pixels: How many pixels a strip or tile may have.

        Raises:
            UserError: It cannot be read, or not in parts of so few pixels.
        """
        self._path = path
        with _opened(path):  # what is wrong with it is said there
            pass
        self._file = path.open("rb")
        self._tiff = TiffImage(self._file, path)
        height, width = self._tiff.height, self._tiff.width
        if self._tiff.segment_pixels > max_pixels:
            self._file.close()
            raise UserError(
                f"{path} has {height * width:,} pixels in parts of "
                f"{self._tiff.segment_pixels:,}, and more than {max_pixels:,} are not decoded at "
                "once: write it in tiles (as GDAL does with TILED=YES) or without compression, or "
                f"give --max-pixels {self._tiff.segment_pixels}"
            )
        if self._tiff.meaning == "bands" and self._tiff.bands != channels:
            self._file.close()
            raise UserError(other_bands(path, self._tiff.bands))
        width = width if half is None else width // 2
        self._left = width if half == 1 else 0
        self.shape = (height, width, channels)
        self.dtype = self._tiff.dtype

    def __getitem__(self, where: slice | tuple[slice, slice]) -> np.ndarray:
        rows, columns = where if isinstance(where, tuple) else (where, slice(None))
        top, bottom, _ = rows.indices(self.shape[0])
        left, right, _ = columns.indices(self.shape[1])
        try:
            part = self._tiff.window((top, bottom), (self._left + left, self._left + right))
        except UserError:
            raise
        except Exception as error:
            raise UserError(_explain(self._path, b"II*", error)) from error
        return to_channels(part, self.shape[2])

    def __enter__(self) -> ImageWindows:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


def has_windows(path: Path) -> bool:
    """Whether a file is a TIFF so large that it is better read by `ImageWindows` than at once."""
    with _opened(path) as opened:
        return isinstance(opened, TiffImage) and opened.height * opened.width > _LARGE_PIXELS


def image_dtype(path: ImageFile) -> np.dtype:
    """uint8 or uint16: the type `read_image` would return, from the file's header alone.

    Raises `UserError` for what the header shows to be unusable; damaged pixels it cannot see.
    """
    with _opened(_openable(path)) as opened:
        return opened.dtype


def image_size(path: ImageFile) -> tuple[int, int]:
    """Height and width of what `read_image` would return, from the file's header alone."""
    with _opened(_openable(path)) as opened:
        return opened.height, opened.width


def to_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """Convert uint8 or uint16 [H, W, 1..4] to [H, W, channels] by the module's rules.

    The type stays; the same array comes back when it already has the channels.
    """
    if channels not in (1, 2, 3, 4):
        raise ValueError(f"channels is {channels}, not 1 to 4")
    if image.shape[2] == channels:
        return image
    has_alpha = image.shape[2] in (2, 4)
    colour = image[..., :-1] if has_alpha else image
    if has_alpha and channels in (1, 3):
        colour = _over_white(colour, image[..., -1:])
    if channels <= 2 and colour.shape[2] == 3:
        colour = _luma(colour)
    if channels >= 3 and colour.shape[2] == 1:
        colour = np.repeat(colour, 3, axis=2)
    if channels in (1, 3):
        return colour
    opaque = np.full_like(colour[..., :1], np.iinfo(image.dtype).max)
    return np.concatenate([colour, image[..., -1:] if has_alpha else opaque], axis=2)


def resize_image(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize uint8 or uint16 [H, W, 1..4] to [height, width, same channels], bicubic, antialiased.

    The type stays; the same array comes back when it already has the size. Each channel is resized
    on its own: Pillow would weigh colour by alpha.
    """
    if image.shape[:2] == (height, width):
        return image
    if image.dtype == np.uint8 and image.shape[2] == 3:  # one by one is half as slow again
        return _resize(image, height, width)
    planes = [_resize(image[..., k], height, width) for k in range(image.shape[2])]
    return np.stack(planes, axis=2)


def write_image(
    path: str | Path, image: np.ndarray, *, text: Mapping[str, str] | None = None
) -> None:
    """Write uint8 [H, W, 1..4] in the format that the suffix says: WebP lossless, JPEG quality 95.

    The file appears under its name when it is whole, never before. `text` is what a PNG file says
    of itself, by keyword; no other format holds it. Raises `UserError` for a suffix that is not an
    image's, for alpha in a format that has none (JPEG, BMP), and when the file cannot be written.
    """
    path = Path(path)
    pillow_image = _pillow_image(image)
    written_as = _format_for(path, image.shape[2])
    # Hidden, so that no listing of images takes an abandoned one for an image.
    partial = path.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        with partial.open("xb") as file:
            pillow_image.save(file, written_as, **_save_options(written_as, text))
        partial.replace(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(write_error_message(path, reason)) from error
    finally:
        with contextlib.suppress(OSError):  # mostly gone under its final name, or never there
            partial.unlink()


def _save_options(written_as: str, text: Mapping[str, str] | None) -> dict[str, Any]:
    if text is None:
        return _SAVE_OPTIONS.get(written_as, {})
    if written_as != "PNG":
        raise ValueError(f"text in {written_as}, not PNG")
    block = PngInfo()
    for keyword, content in text.items():
        block.add_text(keyword, content)
    return {"pnginfo": block}


def encode_png(image: np.ndarray) -> bytes:
    """A PNG file's content of uint8 [H, W, 1..4]."""
    file = io.BytesIO()
    _pillow_image(image).save(file, "PNG")
    return file.getvalue()


def _pillow_image(image: np.ndarray) -> Image.Image:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 2, 3, 4):
        raise ValueError(f"expected uint8 [H, W, 1..4], not {image.dtype} {image.shape}")
    return Image.fromarray(np.ascontiguousarray(image[..., 0] if image.shape[2] == 1 else image))


def _format_for(path: Path, channels: int) -> str:
    written_as = _WRITTEN_AS.get(path.suffix.lower())
    if written_as is None:
        raise UserError(
            f"{path} cannot be written: its name must end in one of {', '.join(WRITTEN_SUFFIXES)}."
        )
    if channels in (2, 4) and written_as in ("JPEG", "BMP"):
        raise UserError(f"{path} cannot be written: {written_as} holds no alpha, use .png instead.")
    return written_as


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _openable(path: ImageFile) -> Path | ImageBytes:
    return path if isinstance(path, ImageBytes) else Path(path)


class _PillowImage:
    """An image that its header shows to be usable, not yet decoded, of any format but TIFF.

    Attributes:
        height, width: Upright, in pixels.
        dtype: uint8 or uint16.
    """

    meaning: Meaning | None = None  # as many channels have it

    def __init__(self, file: BinaryIO, head: bytes, path: Path | ImageBytes) -> None:
        suffix = Path(str(path)).suffix.lower()
        with _quiet():
            self._image = open_by_content(file, suffix)
            _refuse_unusable(self._image, file, path)
        self._head, self._path = head, path
        self._orientation = _orientation(self._image, file)
        self.height, self.width = self._image.height, self._image.width
        if self._orientation in TRANSPOSED:
            self.height, self.width = self.width, self.height
        self._is_16bit = _has_16bit_samples(self._image)
        is_16bit = self._is_16bit or _png_depth(self._image, head) == 16
        self.dtype = np.dtype(np.uint16 if is_16bit else np.uint8)

    def decode(self) -> np.ndarray:
        """[height, width, 1..4] of `dtype`."""
        image = self._image
        if image.format in ("JPEG", "MPO"):
            _refuse_many_scans(image, self._path)
        if self._is_16bit and image.mode == "RGB":
            return _decode_16bit_ppm(image)
        image.load()
        if self._is_16bit and not _pillow_alters(image, self._head):
            pixels = np.array(image).astype(np.uint16)[..., None]  # from either byte order
        else:
            pixels = _pixels(image, self._head, self._path)
        return upright(pixels, self._orientation)


@contextlib.contextmanager
def _opened(path: Path | ImageBytes) -> Iterator[_PillowImage | TiffImage]:
    """An image that its header shows to be usable, not yet decoded.

    Whatever goes wrong inside becomes a `UserError`: a damaged file makes its readers raise any
    type.
    """
    head = b""
    try:
        if isinstance(path, Path) and is_special(path):  # opening a pipe would wait for ever
            raise UserError(f"{path} is a pipe, a device or the like: an image file was expected.")
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            if head[:4] in SIGNATURES:
                yield TiffImage(file, path)
                return
            _refuse_many_parts(file, head, path)
            file.seek(0)
            yield _PillowImage(file, head, path)
    except UserError:
        raise
    except Exception as error:
        raise UserError(_explain(path, head, error)) from error


def _explain(path: Path | ImageBytes, head: bytes, error: Exception) -> str:
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
    if "MAX_TEXT" in str(error):  # Pillow's bounds on what it unpacks
        return (
            f"{path} has a colour profile or texts too large to read safely: save it without them."
        )
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


def _too_many_pixels(path: Path | ImageBytes, height: int, width: int, max_pixels: int) -> str:
    return (
        f"{path} has {width}×{height} pixels (width×height), and more than {max_pixels:,} are not "
        "decoded at once: cut it into smaller images; or, to translate it, give "
        f"--max-pixels {height * width}, or --tile 512 for a TIFF, which is read by parts then."
    )


def _refuse_unusable(image: PillowFile, file: BinaryIO, path: Path | ImageBytes) -> None:
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
    """Whether samples have 16 bits; only known of an image that is not loaded yet."""
    return image.mode.startswith("I;16") or _largest_of_ppm(image) > 255


def _largest_of_ppm(image: PillowFile) -> int:
    """The value that is white in a PNM; 255 where the file says none."""
    args = image.tile[0].args if image.format == "PPM" and image.tile else ()
    args = args if isinstance(args, tuple) else (args,)
    if "I;16B" in args:
        return 65535
    return next((value for value in args[1:2] if isinstance(value, int) and value), 255)


def _decode_16bit_ppm(image: PillowFile) -> np.ndarray:
    """A PPM of more than 8 bits, of which Pillow keeps 8: read as a grey one of three times the
    width, of which it keeps all."""
    offset, largest, file = image.tile[0].offset, _largest_of_ppm(image), image.fp
    assert file is not None
    file.seek(0)
    kind = {b"P3": b"P2", b"P6": b"P5"}[file.read(2)]
    file.seek(offset)
    head = b"%s\n%d %d\n%d\n" % (kind, 3 * image.width, image.height, largest)
    grey = open_by_content(io.BytesIO(head + file.read()), "")
    grey.load()
    return np.array(grey).astype(np.uint16).reshape(image.height, image.width, 3)


def _refuse_many_parts(file: BinaryIO, head: bytes, path: Path | ImageBytes) -> None:
    """Pillow looks at each part in Python, some microseconds long, however small it is."""
    if head.startswith(_PNG_SIGNATURE):
        place, after = len(_PNG_SIGNATURE), _after_chunk
    elif head.startswith(b"\xff\xd8"):
        place, after = 2, _after_segment
    else:
        return
    size = file.seek(0, io.SEEK_END)
    parts = 0
    while place < size:
        place = after(file, place, size)
        parts += 1
        if parts > PARTS_AT_MOST + size // _BYTES_A_PART:
            raise UserError(f"{path} is made of very many tiny parts: save it anew.")


def _after_chunk(file: BinaryIO, place: int, size: int) -> int:
    file.seek(place)
    return place + 12 + int.from_bytes(file.read(4), "big")


def _after_segment(file: BinaryIO, place: int, size: int) -> int:
    """Where the next segment of a JPEG begins; behind the end where the pixels do."""
    file.seek(place)
    marker = file.read(4)
    if marker[:1] != b"\xff" or marker[1:2] == b"\xff":  # something between, which is skipped
        return place + 1
    if marker[:2] == SCAN:
        return size
    if marker[1:2] in _BARE_MARKERS:
        return place + 2
    return place + 2 + int.from_bytes(marker[2:], "big")


def _refuse_many_scans(image: Image.Image, path: Path | ImageBytes) -> None:
    """A scan of a few bytes goes over all pixels again: a small file can take hours to decode."""
    scans = _scans(path)
    if scans * image.width * image.height > SCANS_AT_MOST:
        raise UserError(
            f"{path} is a JPEG of {scans} scans, which would take too long to read: save it anew."
        )


def _scans(path: Path | ImageBytes) -> int:
    count, before = 0, b""
    with path.open("rb") as file:
        while part := file.read(_READ_AT_ONCE):
            count += (before + part).count(SCAN)
            before = part[-1:]
    return count


def _png_depth(image: Image.Image, head: bytes) -> int | None:
    """Bits per sample of a PNG, from its IHDR chunk; None for other formats."""
    return head[24] if image.format == "PNG" else None


def _pixels(image: PillowFile, head: bytes, path: Path | ImageBytes) -> np.ndarray:
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
    """Whether a TGA of 16 or 32 bits a pixel says that it has no alpha: then its place is unused.

    Some programs say so and write one nevertheless: it is alpha where it is not constant.
    """
    return head[2] in (2, 10) and head[16] in (16, 32) and not head[17] & 15


def _pillow_alters(image: Image.Image, head: bytes) -> bool:
    """Whether Pillow decodes this PNG to other values than the file holds.

    It reduces 16-bit colour to 8 bits, and compares the grey value that means transparent unscaled:
    at depths other than 8 that meets the wrong pixels or none.
    """
    depth = _png_depth(image, head)
    if depth == 16 and image.mode in _COLOUR_MODES:
        return True
    grey = image.mode in ("1", "L") or image.mode.startswith("I;16")
    return depth not in (None, 8) and grey and "transparency" in image.info


def _decode_png(path: Path | ImageBytes, head: bytes) -> np.ndarray:
    """Decode by TensorFlow as grey + alpha or RGBA, uint16 for 16 bits and uint8 for fewer."""
    import tensorflow as tf  # takes seconds, and few files need it

    depth, colour_type = head[24], head[25]
    dtype = tf.uint16 if depth == 16 else tf.uint8
    with tf.init_scope():  # eager, even when a caller is being traced
        pixels = tf.io.decode_png(path.read_bytes(), channels=4, dtype=dtype).numpy()
    return pixels if colour_type & 2 else pixels[..., ::3]  # bit 1 says colour


def _orientation(image: PillowFile, file: BinaryIO) -> int:
    """The EXIF orientation, 1 to 8, without decoding pixels, which Pillow would do for a PNG's."""
    with contextlib.suppress(Exception), _quiet():  # a malformed block raises nearly anything
        if image.format == "PNG" and "exif" not in image.info:
            image.info["exif"] = _exif_of_png(file)
        return Image.Image.getexif(image).get(ORIENTATION_TAG, 1)
    return 1


def _exif_of_png(file: BinaryIO) -> bytes | None:
    """The EXIF block of a PNG, which may come after the pixels."""
    before = file.tell()
    place, size = len(_PNG_SIGNATURE), file.seek(0, io.SEEK_END)
    try:
        while place < size:
            file.seek(place)
            length, kind = int.from_bytes(file.read(4), "big"), file.read(4)
            if kind == b"eXIf":
                return b"Exif\0\0" + file.read(min(length, size))
            place += 12 + length
        return None
    finally:
        file.seek(before)


def _over_white(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Composite over white, rounded; 65535 squared and a half of it still fit uint32."""
    top = np.uint32(np.iinfo(colour.dtype).max)
    weight = alpha.astype(np.uint32)
    total = colour * weight + top * (top - weight)
    return ((total + top // 2) // top).astype(colour.dtype)


def _luma(rgb: np.ndarray) -> np.ndarray:
    """ITU-R 601 luma of [H, W, 3] as [H, W, 1]: Pillow's own for uint8, exact for uint16."""
    if rgb.dtype == np.uint8:
        return np.array(Image.fromarray(np.ascontiguousarray(rgb)).convert("L"))[..., None]
    weighted = rgb @ np.array([299, 587, 114], np.uint32)
    return ((weighted + 500) // 1000).astype(rgb.dtype)[..., None]


def _resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize [H, W] of either type, or uint8 [H, W, 3]."""
    size, bicubic = (width, height), Image.Resampling.BICUBIC
    if pixels.dtype == np.uint8:
        return np.array(Image.fromarray(np.ascontiguousarray(pixels)).resize(size, bicubic))
    # By way of floats, which Pillow does not round or clip: bicubic overshoots.
    resized = np.array(Image.fromarray(pixels.astype(np.float32)).resize(size, bicubic))
    top = np.iinfo(pixels.dtype).max
    return np.clip(np.rint(resized), 0, top).astype(pixels.dtype)
