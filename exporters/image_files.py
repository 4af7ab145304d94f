"""PNG and JPEG files decoded and encoded inside a graph, by the rules of `pix2pix_tf.data.images`.

So that a served model takes the files that people have: EXIF orientation is applied, alpha lies on
white where the model takes none, palettes are resolved, 16 bits keep their precision, and what
cannot be read is refused by its number in the request.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

import tensorflow as tf

_HEAD_BYTES = 1 << 16  # EXIF is at most a JPEG segment long, and comes first
_WHOLE_PNG = base64.b64decode(  # one grey pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
# Whether to transpose, then to turn upside down, then to mirror, by EXIF orientation.
_TRANSPOSED, _FLIPPED, _MIRRORED = (5, 6, 7, 8), (3, 4, 7, 8), (2, 3, 6, 7)


def translate_files(
    files: tf.Tensor, channels: int, translate: Callable[[tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    """Decodes files, translates each picture by itself, encodes the results as PNG.

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
    usable = tf.cond(
        _is_jpeg(file),
        lambda: tf.image.extract_jpeg_shape(file)[2] <= 3,  # 4 components are CMYK
        lambda: _is_png(file) & (_find(_before_pixels(_head(file)), b"acTL") < 0),  # animation
    )
    with tf.control_dependencies([tf.debugging.Assert(usable, ["refused"])]):
        return tf.io.decode_image(file, expand_animations=False)


def _is_jpeg(file: tf.Tensor) -> tf.Tensor:
    return tf.strings.substr(file, 0, 3) == b"\xff\xd8\xff"


def _is_png(file: tf.Tensor) -> tf.Tensor:
    return tf.strings.substr(file, 0, 8) == b"\x89PNG\r\n\x1a\n"


def _head(file: tf.Tensor) -> tf.Tensor:
    """Its first bytes, uint8 [n]."""
    return tf.io.decode_raw(tf.strings.substr(file, 0, _HEAD_BYTES), tf.uint8)


def _before_pixels(head: tf.Tensor) -> tf.Tensor:
    """What stands before the pixels of a PNG."""
    pixels = _find(head, b"IDAT")
    return head[: tf.where(pixels < 0, tf.size(head), pixels)]


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
    return rgba, tf.constant(255), _orientation(_head(file), b"Exif\0\0")


def _decode_png(file: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    rgba = tf.cast(tf.io.decode_png(file, channels=4, dtype=tf.uint16), tf.int32)
    head = _head(file)
    deep = head[24] == 16  # bits per sample, in IHDR
    orientation = _orientation(_before_pixels(head), b"eXIf")
    return tf.where(deep, rgba, rgba // 257), tf.where(deep, 65535, 255), orientation


def _find(data: tf.Tensor, pattern: bytes) -> tf.Tensor:
    """Where `pattern` first stands in uint8 [n], or -1."""
    starts = tf.maximum(tf.size(data) - len(pattern) + 1, 0)
    equal = tf.ones([starts], tf.bool)
    for offset, byte in enumerate(pattern):
        equal &= data[offset : offset + starts] == byte
    places = tf.where(equal)
    return tf.cond(tf.size(places) > 0, lambda: tf.cast(places[0, 0], tf.int32), lambda: -1)


def _orientation(head: tf.Tensor, marker: bytes) -> tf.Tensor:
    """The EXIF orientation, 1 to 8, of the block after `marker`; 1 where there is none."""
    place = _find(head, marker)
    return tf.cond(place >= 0, lambda: _read_orientation(head, place + len(marker)), lambda: 1)


def _read_orientation(data: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    """Tag 0x0112 of the EXIF block at `start`; 1 where it is missing or damaged.

    The block is a TIFF file: its byte order, then the place of its first directory, which has a
    count and 12 bytes an entry.
    """
    # A zero behind the end, and places taken no further than there: damaged blocks point anywhere.
    padded = tf.concat([tf.cast(data, tf.int32), [0]], 0)
    big_endian = padded[tf.minimum(start, tf.size(data))] == ord("M")

    def number(place: tf.Tensor, size: int) -> tf.Tensor:
        places = tf.clip_by_value(place[..., tf.newaxis] + tf.range(size), 0, tf.size(data))
        powers = tf.bitwise.left_shift(1, 8 * tf.range(size))
        powers = tf.where(big_endian, powers[::-1], powers)
        return tf.reduce_sum(tf.gather(padded, places) * powers, -1)

    directory = start + number(start + 4, 4)
    entries = directory + 2 + 12 * tf.range(number(directory, 2))
    found = tf.boolean_mask(entries, number(entries, 2) == 0x0112)
    value = tf.reduce_max(number(found[:1] + 8, 2))  # the least number where nothing is found
    return tf.where((value >= 1) & (value <= 8), value, 1)


def _upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    def among(orientations: tuple[int, ...]) -> tf.Tensor:
        return tf.reduce_any(orientation == orientations)

    image = tf.cond(among(_TRANSPOSED), lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
    image = tf.cond(among(_FLIPPED), lambda: image[::-1], lambda: image)
    return tf.cond(among(_MIRRORED), lambda: image[:, ::-1], lambda: image)


def _to_channels(rgba: tf.Tensor, top: tf.Tensor, channels: int) -> tf.Tensor:
    """int32 [H, W, 4] in 0..top to the model's channels, see `pix2pix_tf.data.images`."""
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
