"""Decoding and encoding of PNG and JPEG files in a graph, by the rules of `pix2pix_tf.images.io`.

A served model thus takes common image files: EXIF orientation is applied, images with alpha are
composited on white if the model takes no alpha, palettes are resolved, and images of 16 bits keep
their precision. Files that cannot be read, or that would take too much memory or minutes of a
server's time, are rejected with their index in the request. One difference from `read_image`: an
ancillary PNG chunk with a wrong checksum is ignored, as in libpng; `read_image` rejects the file.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from pix2pix_tf.images.file_structure import PARTS_AT_MOST, SCAN, SCANS_AT_MOST

PIXELS_AT_MOST = 25_000_000  # per file; an image of 6000×4000 from a camera has 24 million
_EXIF_MARKER = b"Exif\0\0"
_WHOLE_PNG = base64.b64decode(  # one grey pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
# The EXIF orientations for which an image is transposed, then flipped vertically, then
# horizontally.
_TRANSPOSED, _FLIPPED, _MIRRORED = (5, 6, 7, 8), (3, 4, 7, 8), (2, 3, 6, 7)


def translate_encoded(
    files: tf.Tensor,
    channels: int,
    translate: Callable[[tf.Tensor], tf.Tensor],
    *,
    scaled: bool = True,
) -> tf.Tensor:
    """Decodes files, translates each image separately and encodes the results as PNG.

    If files cannot be read, the graph fails with INVALID_ARGUMENT and names their indices.

    Args:
        files: string [N], PNG or JPEG files of any sizes.
        channels: Number of channels of the translation's input.
        translate: Function from uint16 [1, H, W, channels] to uint8 or uint16 [1, H, W, D].
        scaled: Whether values of 8 bits are scaled to 16 bits, see `decode_file`.

    Returns:
        string [N], PNG files.
    """

    def translate_file(file: tf.Tensor) -> tf.Tensor:
        return tf.io.encode_png(translate(decode_file(file, channels, scaled)[tf.newaxis])[0])

    unreadable = find_unreadable(files)
    message = tf.strings.join(
        [
            "image_bytes: number ",
            tf.strings.reduce_join(tf.strings.as_string(unreadable), separator=", "),
            " (counted from 0) cannot be read; expected whole PNG or JPEG files, not animated, "
            "not CMYK",
        ]
    )
    with tf.control_dependencies([tf.debugging.Assert(tf.size(unreadable) == 0, [message])]):
        return tf.map_fn(translate_file, files, fn_output_signature=tf.string)


def find_unreadable(files: tf.Tensor) -> tf.Tensor:
    """Returns the indices of files that `translate_encoded` rejects.

    A graph cannot catch the error of an operation, but a dataset can skip the elements that fail.
    Decoding twice costs less than a hundredth of a translation.

    Args:
        files: string [N].

    Returns:
        int32 [K].
    """
    count = tf.shape(files)[0]
    # A valid file is appended, because the dataset must not be empty.
    numbered = tf.data.Dataset.from_tensor_slices(
        (tf.range(count + 1), tf.concat([files, [_WHOLE_PNG]], 0))
    )
    # Returning the decoded size prevents that the decoding is optimised away.
    checked = numbered.map(lambda number, file: (number, tf.shape(_decode_checked(file))))
    options = tf.data.Options()  # optimisations cost more time than they save on a few elements
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    readable, _ = (
        checked.ignore_errors()
        .batch(tf.cast(count + 1, tf.int64))
        .with_options(options)
        .get_single_element()
    )
    found = tf.scatter_nd(readable[:, tf.newaxis], tf.ones_like(readable), [count + 1])
    return tf.where(found[:count] == 0)[:, 0]


def _decode_checked(file: tf.Tensor) -> tf.Tensor:
    """Decodes a file without conversions; fails on files that are to be rejected."""
    usable = tf.cond(_is_jpeg(file), lambda: _usable_jpeg(file), lambda: _usable_png(file))
    with tf.control_dependencies([tf.debugging.Assert(usable, ["refused"])]):
        return tf.io.decode_image(file, expand_animations=False)


def _usable_jpeg(file: tf.Tensor) -> tf.Tensor:
    height, width, components = tf.unstack(tf.image.extract_jpeg_shape(file, tf.int64))
    data = tf.io.decode_raw(file, tf.uint8)
    scans = tf.math.count_nonzero((data[:-1] == SCAN[0]) & (data[1:] == SCAN[1]))
    pixels = height * width
    small = (pixels <= PIXELS_AT_MOST) & (scans * pixels <= SCANS_AT_MOST)
    return small & (components <= 3) & _jpeg_exif(file).found  # 4 components are CMYK


def _usable_png(file: tf.Tensor) -> tf.Tensor:
    size = tf.cast(tf.strings.length(file), tf.int64)

    def small() -> tf.Tensor:
        width, height = (_big_endian(file, offset, tf.int32) for offset in (16, 20))  # in IHDR
        sound = (width > 0) & (height > 0)
        return sound & (width <= PIXELS_AT_MOST) & (width * height <= PIXELS_AT_MOST)

    chunks = _png_chunks(file)
    whole_head = _is_png(file) & (size >= 24)
    return tf.cond(whole_head, small, lambda: False) & chunks.walked & ~chunks.animated


def _is_jpeg(file: tf.Tensor) -> tf.Tensor:
    return tf.strings.substr(file, 0, 3) == b"\xff\xd8\xff"


def _is_png(file: tf.Tensor) -> tf.Tensor:
    return tf.strings.substr(file, 0, 8) == b"\x89PNG\r\n\x1a\n"


class _PngChunks(NamedTuple):
    """Metadata in the chunks of a PNG file.

    Attributes:
        animated: bool, whether the file is an animation.
        transparent: bool, whether it has a transparency chunk (tRNS), without an alpha channel.
        exif: string, the EXIF block; empty if there is none.
        walked: bool, whether all chunks were read: the file has no more than the limit.
    """

    animated: tf.Tensor
    transparent: tf.Tensor
    exif: tf.Tensor
    walked: tf.Tensor


def _png_chunks(file: tf.Tensor) -> _PngChunks:
    """Reads the chunks: each is a length, a kind, content of this length and a checksum."""
    size = tf.cast(tf.strings.length(file), tf.int64)

    def step(offset: tf.Tensor, chunks: _PngChunks) -> tuple[tf.Tensor, _PngChunks]:
        # The offset must grow even if a damaged length is negative.
        length = tf.maximum(_big_endian(file, offset, tf.int32), 0)
        kind = tf.strings.substr(file, offset + 4, 4)
        exif = tf.cond(
            kind == b"eXIf",
            lambda: tf.strings.substr(file, offset + 8, length),
            lambda: chunks.exif,
        )
        animated, transparent = kind == b"acTL", kind == b"tRNS"
        after = tf.where(kind == b"IEND", size, offset + 12 + length)
        animated, transparent = chunks.animated | animated, chunks.transparent | transparent
        return after, _PngChunks(animated, transparent, exif, after + 12 > size)

    initial = _PngChunks(tf.constant(False), tf.constant(False), tf.constant(b""), size < 20)
    start = tf.constant(8, tf.int64)  # after the signature
    return tf.while_loop(
        lambda offset, chunks: offset + 12 <= size,
        step,
        (start, initial),
        maximum_iterations=PARTS_AT_MOST,
    )[1]


class _JpegExif(NamedTuple):
    """The EXIF block of a JPEG file.

    Attributes:
        block: string, the block with its marker; empty if there is none.
        found: bool, false if the file has more segments than the limit.
    """

    block: tf.Tensor
    found: tf.Tensor


def _jpeg_exif(file: tf.Tensor) -> _JpegExif:
    """Searches a JPEG file for its EXIF block.

    It reads the segments before the pixels: each is a kind, a length that includes itself, and the
    content.
    """
    size = tf.cast(tf.strings.length(file), tf.int64)

    def more(offset: tf.Tensor, exif: tf.Tensor) -> tf.Tensor:
        pixels = tf.strings.substr(file, offset, 2) == b"\xff\xda"
        return (offset + 10 <= size) & ~pixels & (exif == b"")

    def step(offset: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        length = _big_endian(file, offset + 2, tf.uint16)
        application_1 = tf.strings.substr(file, offset, 2) == b"\xff\xe1"
        marked = tf.strings.substr(file, offset + 4, len(_EXIF_MARKER)) == _EXIF_MARKER
        exif = tf.cond(
            application_1 & marked,
            lambda: tf.strings.substr(file, offset + 4, tf.maximum(length - 2, 0)),
            lambda: b"",
        )
        return tf.minimum(offset + 2 + length, size), exif

    start = (tf.constant(2, tf.int64), tf.constant(b""))
    offset, exif = tf.while_loop(more, step, start, maximum_iterations=PARTS_AT_MOST)
    return _JpegExif(exif, ~more(offset, exif))


def _big_endian(file: tf.Tensor, offset: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Returns the number at an offset, int64."""
    data = tf.strings.substr(file, offset, dtype.size)
    return tf.cast(tf.io.decode_raw(data, dtype, little_endian=False)[0], tf.int64)


def decode_file(file: tf.Tensor, channels: int, scaled: bool = True) -> tf.Tensor:
    """Decodes one file, a string, to uint16 [H, W, channels].

    Args:
        file: string [], a PNG or JPEG file.
        channels: Number of channels of the result.
        scaled: Whether values of 8 bits are scaled to the range of 16 bits, exactly; otherwise
            values are those of the file.

    Returns:
        uint16 [H, W, channels].
    """
    rgba, top, orientation = tf.cond(
        _is_jpeg(file), lambda: _decode_jpeg(file), lambda: _decode_png(file)
    )
    image = _to_channels(rgba, top, channels)
    if scaled:
        image *= 65535 // top
    return _upright(tf.cast(image, tf.uint16), orientation)


def _decode_jpeg(file: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    # Decoded with Pillow's settings, so that the pixels are the same as in training.
    rgb = tf.io.decode_jpeg(file, channels=3, dct_method="INTEGER_ACCURATE")
    alpha = tf.fill([*tf.unstack(tf.shape(rgb)[:2]), 1], 255)
    rgba = tf.concat([tf.cast(rgb, tf.int32), alpha], -1)
    return rgba, tf.constant(255), _orientation(_jpeg_exif(file).block)


def _decode_png(file: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    rgba = tf.cast(tf.io.decode_png(file, channels=4, dtype=tf.uint16), tf.int32)
    depth = tf.io.decode_raw(tf.strings.substr(file, 24, 1), tf.uint8)[0]  # in IHDR
    chunks = _png_chunks(file)
    # TensorFlow does not scale the alpha that it adds to images of less than 8 bits.
    added = (depth < 8) & ~chunks.transparent
    rgba = tf.concat([rgba[..., :3], tf.where(added, 65535, rgba[..., 3:])], -1)
    deep = depth == 16
    rgba, top = tf.where(deep, rgba, rgba // 257), tf.where(deep, 65535, 255)
    return rgba, top, _orientation(chunks.exif)


def _orientation(exif: tf.Tensor) -> tf.Tensor:
    """Returns the orientation in an EXIF block, int32 1 to 8; 1 if it has none or is damaged.

    The block is a TIFF file, usually after a marker: the byte order, then the offset of the first
    directory, which is a count and 12 bytes per entry.
    """
    marked = tf.strings.substr(exif, 0, len(_EXIF_MARKER)) == _EXIF_MARKER
    exif = tf.cond(
        marked, lambda: tf.strings.substr(exif, len(_EXIF_MARKER), 1 << 30), lambda: exif
    )
    size = tf.cast(tf.strings.length(exif), tf.int64)
    # Offsets in damaged blocks may be arbitrary; those beyond the end read the appended zero.
    padded = tf.concat([tf.cast(tf.io.decode_raw(exif, tf.uint8), tf.int64), [0]], 0)
    byte_order = tf.strings.substr(exif, 0, 4)
    big_endian = byte_order == b"MM\0*"

    def number(offset: tf.Tensor, bytes: int) -> tf.Tensor:
        offsets = tf.minimum(offset[..., tf.newaxis] + tf.range(bytes, dtype=tf.int64), size)
        powers = tf.bitwise.left_shift(
            tf.constant(1, tf.int64), 8 * tf.range(bytes, dtype=tf.int64)
        )
        powers = tf.where(big_endian, powers[::-1], powers)
        return tf.reduce_sum(tf.gather(padded, offsets) * powers, -1)

    directory = number(tf.constant(4, tf.int64), 4)
    entries = directory + 2 + 12 * tf.range(number(directory, 2))
    kinds = number(entries + 2, 2)  # 3: a number of 2 bytes, as in the standard; 4: of 4 bytes
    usable = (entries + 12 <= size) & ((kinds == 3) | (kinds == 4)) & (number(entries + 4, 4) == 1)
    usable &= number(entries, 2) == 0x0112
    values = tf.where(kinds == 3, number(entries + 8, 2), number(entries + 8, 4))
    value = tf.reduce_max(tf.boolean_mask(values, usable)[:1])  # the smallest int64 if none
    sound = (big_endian | (byte_order == b"II*\0")) & (value >= 1) & (value <= 8)
    return tf.cast(tf.where(sound, value, 1), tf.int32)


def _upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    def among(orientations: tuple[int, ...]) -> tf.Tensor:
        return tf.reduce_any(orientation == orientations)

    image = tf.cond(among(_TRANSPOSED), lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
    image = tf.cond(among(_FLIPPED), lambda: image[::-1], lambda: image)
    return tf.cond(among(_MIRRORED), lambda: image[:, ::-1], lambda: image)


def _to_channels(rgba: tf.Tensor, top: tf.Tensor, channels: int) -> tf.Tensor:
    """Converts int32 [H, W, 4] in 0..top to the model's channels, see `pix2pix_tf.images.io`."""
    colour, alpha = rgba[..., :3], rgba[..., 3:]
    if channels in (1, 3):
        colour = _over_white(colour, alpha, top)
    if channels <= 2:
        colour = _luma(colour, top)
    return colour if channels in (1, 3) else tf.concat([colour, alpha], -1)


def _over_white(colour: tf.Tensor, alpha: tf.Tensor, top: tf.Tensor) -> tf.Tensor:
    colour, alpha, white = (tf.cast(x, tf.int64) for x in (colour, alpha, top))
    total = colour * alpha + white * (white - alpha)
    return tf.cast((total + white // 2) // white, tf.int32)


def _luma(colour: tf.Tensor, top: tf.Tensor) -> tf.Tensor:
    """Returns the ITU-R 601 luma, rounded as in Pillow for 8 bits and exact for 16 bits."""
    shallow = tf.reduce_sum(colour * [19595, 38470, 7471], -1, keepdims=True)
    deep = tf.reduce_sum(colour * [299, 587, 114], -1, keepdims=True)
    return tf.where(top == 255, (shallow + 0x8000) // 0x10000, (deep + 500) // 1000)
