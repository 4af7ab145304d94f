"""PNG and JPEG files decoded and encoded inside a graph, by the rules of `pix2pix_tf.images.io`.

So that a served model takes the files that people have: EXIF orientation is applied, alpha lies on
white where the model takes none, palettes are resolved, 16 bits keep their precision, and what
cannot be read, or would take a server's memory or minutes of its time, is refused by its number in
the request. A PNG's chunk beside the pixels whose checksum is wrong is passed over, as libpng does;
`read_image` refuses the file.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from pix2pix_tf.images.file_structure import PARTS_AT_MOST, SCAN, SCANS_AT_MOST

PIXELS_AT_MOST = 25_000_000  # of one file: a camera's 6000×4000 has 24 million
_EXIF_MARKER = b"Exif\0\0"
_WHOLE_PNG = base64.b64decode(  # one grey pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
# Whether to transpose, then to turn upside down, then to mirror, by EXIF orientation.
_TRANSPOSED, _FLIPPED, _MIRRORED = (5, 6, 7, 8), (3, 4, 7, 8), (2, 3, 6, 7)


def translate_files(
    files: tf.Tensor, channels: int, translate: Callable[[tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    """Decodes files, translates each image by itself, encodes the results as PNG.

    Args:
        files: string [N], PNG or JPEG, of any sizes.
        channels: What the translation takes.
        translate: From uint16 [1, H, W, channels] to uint8 [1, H, W, D].

    Returns:
        string [N], PNG. INVALID_ARGUMENT names the files that cannot be read.
    """

    def translate_file(file: tf.Tensor) -> tf.Tensor:
        return tf.io.encode_png(translate(decode_file(file, channels)[tf.newaxis])[0])

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
    """Positions, int32 [K], of the files of string [N] that are not what `translate_files` takes.

    A graph cannot catch the error of an operation, but a dataset can leave out the elements that
    fail. Decoding twice costs less than a hundredth of a translation.
    """
    count = tf.shape(files)[0]
    # A good one at the end, for a dataset must have an element.
    numbered = tf.data.Dataset.from_tensor_slices(
        (tf.range(count + 1), tf.concat([files, [_WHOLE_PNG]], 0))
    )
    # The decoded size is used, or the decoding would be optimised away.
    checked = numbered.map(lambda number, file: (number, tf.shape(_decode_checked(file))))
    options = tf.data.Options()  # they cost more than they gain on a few elements
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
    """Decodes a file as it is, failing on all that is refused."""
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
        width, height = (_big_endian(file, place, tf.int32) for place in (16, 20))  # in IHDR
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
    """What the chunks of a PNG say beside its pixels.

    Attributes:
        animated: bool, whether it is an animation.
        transparent: bool, whether it has transparency beside an alpha channel (tRNS).
        exif: string, its EXIF block; empty where there is none.
        walked: bool, whether these are all: there were no more chunks than are looked at.
    """

    animated: tf.Tensor
    transparent: tf.Tensor
    exif: tf.Tensor
    walked: tf.Tensor


def _png_chunks(file: tf.Tensor) -> _PngChunks:
    """Walks over the chunks: a length, a kind, as many bytes, a checksum."""
    size = tf.cast(tf.strings.length(file), tf.int64)

    def step(place: tf.Tensor, said: _PngChunks) -> tuple[tf.Tensor, _PngChunks]:
        length = tf.maximum(_big_endian(file, place, tf.int32), 0)  # onwards, even if damaged
        kind = tf.strings.substr(file, place + 4, 4)
        exif = tf.cond(
            kind == b"eXIf",
            lambda: tf.strings.substr(file, place + 8, length),
            lambda: said.exif,
        )
        animated, transparent = kind == b"acTL", kind == b"tRNS"
        after = tf.where(kind == b"IEND", size, place + 12 + length)
        animated, transparent = said.animated | animated, said.transparent | transparent
        return after, _PngChunks(animated, transparent, exif, after + 12 > size)

    nothing = _PngChunks(tf.constant(False), tf.constant(False), tf.constant(b""), size < 20)
    start = tf.constant(8, tf.int64)  # behind the signature
    return tf.while_loop(
        lambda place, said: place + 12 <= size,
        step,
        (start, nothing),
        maximum_iterations=PARTS_AT_MOST,
    )[1]


class _JpegExif(NamedTuple):
    """The EXIF block of a JPEG.

    Attributes:
        block: string, with its marker; empty where there is none.
        found: bool; false where there are more segments than are looked at.
    """

    block: tf.Tensor
    found: tf.Tensor


def _jpeg_exif(file: tf.Tensor) -> _JpegExif:
    """Looks for the EXIF block of a JPEG.

    Walks over the segments before the pixels: a kind, a length that counts itself, the rest.
    """
    size = tf.cast(tf.strings.length(file), tf.int64)

    def more(place: tf.Tensor, exif: tf.Tensor) -> tf.Tensor:
        pixels = tf.strings.substr(file, place, 2) == b"\xff\xda"
        return (place + 10 <= size) & ~pixels & (exif == b"")

    def step(place: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        length = _big_endian(file, place + 2, tf.uint16)
        application_1 = tf.strings.substr(file, place, 2) == b"\xff\xe1"
        marked = tf.strings.substr(file, place + 4, len(_EXIF_MARKER)) == _EXIF_MARKER
        exif = tf.cond(
            application_1 & marked,
            lambda: tf.strings.substr(file, place + 4, tf.maximum(length - 2, 0)),
            lambda: b"",
        )
        return tf.minimum(place + 2 + length, size), exif

    start = (tf.constant(2, tf.int64), tf.constant(b""))
    place, exif = tf.while_loop(more, step, start, maximum_iterations=PARTS_AT_MOST)
    return _JpegExif(exif, ~more(place, exif))


def _big_endian(file: tf.Tensor, place: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """The number at `place`, int64."""
    data = tf.strings.substr(file, place, dtype.size)
    return tf.cast(tf.io.decode_raw(data, dtype, little_endian=False)[0], tf.int64)


def decode_file(file: tf.Tensor, channels: int) -> tf.Tensor:
    """One file, a string, as uint16 [H, W, channels]; 8 bits are spread over the range exactly."""
    rgba, top, orientation = tf.cond(
        _is_jpeg(file), lambda: _decode_jpeg(file), lambda: _decode_png(file)
    )
    image = _to_channels(rgba, top, channels) * (65535 // top)
    return _upright(tf.cast(image, tf.uint16), orientation)


def _decode_jpeg(file: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    # Pillow's choices in decoding, so that the pixels are those that training would see.
    rgb = tf.io.decode_jpeg(file, channels=3, dct_method="INTEGER_ACCURATE")
    alpha = tf.fill([*tf.unstack(tf.shape(rgb)[:2]), 1], 255)
    rgba = tf.concat([tf.cast(rgb, tf.int32), alpha], -1)
    return rgba, tf.constant(255), _orientation(_jpeg_exif(file).block)


def _decode_png(file: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    rgba = tf.cast(tf.io.decode_png(file, channels=4, dtype=tf.uint16), tf.int32)
    depth = tf.io.decode_raw(tf.strings.substr(file, 24, 1), tf.uint8)[0]  # in IHDR
    chunks = _png_chunks(file)
    # Where TensorFlow makes up the alpha of fewer than 8 bits, it forgets to scale it.
    made_up = (depth < 8) & ~chunks.transparent
    rgba = tf.concat([rgba[..., :3], tf.where(made_up, 65535, rgba[..., 3:])], -1)
    deep = depth == 16
    rgba, top = tf.where(deep, rgba, rgba // 257), tf.where(deep, 65535, 255)
    return rgba, top, _orientation(chunks.exif)


def _orientation(exif: tf.Tensor) -> tf.Tensor:
    """The EXIF orientation, int32 1 to 8, of a block, string; 1 where it has none or is damaged.

    The block is a TIFF file, mostly behind a marker: its byte order, then the place of its first
    directory, which has a count and 12 bytes an entry.
    """
    marked = tf.strings.substr(exif, 0, len(_EXIF_MARKER)) == _EXIF_MARKER
    exif = tf.cond(
        marked, lambda: tf.strings.substr(exif, len(_EXIF_MARKER), 1 << 30), lambda: exif
    )
    size = tf.cast(tf.strings.length(exif), tf.int64)
    # A zero behind the end, and places taken no further than there: damaged blocks point anywhere.
    padded = tf.concat([tf.cast(tf.io.decode_raw(exif, tf.uint8), tf.int64), [0]], 0)
    byte_order = tf.strings.substr(exif, 0, 4)
    big_endian = byte_order == b"MM\0*"

    def number(place: tf.Tensor, bytes: int) -> tf.Tensor:
        places = tf.minimum(place[..., tf.newaxis] + tf.range(bytes, dtype=tf.int64), size)
        powers = tf.bitwise.left_shift(
            tf.constant(1, tf.int64), 8 * tf.range(bytes, dtype=tf.int64)
        )
        powers = tf.where(big_endian, powers[::-1], powers)
        return tf.reduce_sum(tf.gather(padded, places) * powers, -1)

    directory = number(tf.constant(4, tf.int64), 4)
    entries = directory + 2 + 12 * tf.range(number(directory, 2))
    kinds = number(entries + 2, 2)  # of number: 2 bytes as it should be, or 4
    usable = (entries + 12 <= size) & ((kinds == 3) | (kinds == 4)) & (number(entries + 4, 4) == 1)
    usable &= number(entries, 2) == 0x0112
    values = tf.where(kinds == 3, number(entries + 8, 2), number(entries + 8, 4))
    value = tf.reduce_max(tf.boolean_mask(values, usable)[:1])  # the least number for none
    sound = (big_endian | (byte_order == b"II*\0")) & (value >= 1) & (value <= 8)
    return tf.cast(tf.where(sound, value, 1), tf.int32)


def _upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    def among(orientations: tuple[int, ...]) -> tf.Tensor:
        return tf.reduce_any(orientation == orientations)

    image = tf.cond(among(_TRANSPOSED), lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
    image = tf.cond(among(_FLIPPED), lambda: image[::-1], lambda: image)
    return tf.cond(among(_MIRRORED), lambda: image[:, ::-1], lambda: image)


def _to_channels(rgba: tf.Tensor, top: tf.Tensor, channels: int) -> tf.Tensor:
    """int32 [H, W, 4] in 0..top to the model's channels, see `pix2pix_tf.images.io`."""
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
    """ITU-R 601 luma: as Pillow rounds it for 8 bits, exact for 16."""
    shallow = tf.reduce_sum(colour * [19595, 38470, 7471], -1, keepdims=True)
    deep = tf.reduce_sum(colour * [299, 587, 114], -1, keepdims=True)
    return tf.where(top == 255, (shallow + 0x8000) // 0x10000, (deep + 500) // 1000)
