"""Files decoded in a graph: the pixels of `read_image`, and the same files refused."""

import functools
import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pix2pix_tf.exporters.image_files import decode_file, find_unreadable, translate_encoded
from pix2pix_tf.images.io import read_image
from pix2pix_tf.utils.errors import UserError

GREY, GREY_ALPHA, RGB, RGBA, PALETTE = 0, 4, 2, 6, 3  # colour types of PNG
SAMPLES = {GREY: 1, GREY_ALPHA: 2, RGB: 3, RGBA: 4, PALETTE: 1}  # of a pixel
SIGNATURE = b"\x89PNG\r\n\x1a\n"
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
ADAM7 += [(1, 0, 2, 1)]  # of each pass: the first row and column, the steps between rows, columns


# --- files --------------------------------------------------------------------------------------


def noise(*shape, dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def soft(height=45, width=61):
    """A picture that JPEG keeps well, uint8 [H, W, 3]."""
    return np.array(Image.fromarray(noise(6, 7, 3)).resize((width, height), Image.BICUBIC))


def pillow(image, format="PNG", **options):
    file = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(file, format, **options)
    return file.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(samples, depth, colour_type, *, before=b"", after=b"", interlaced=False):
    """A PNG of samples [H, W, S] of this many bits; chunks before and after its pixels."""
    samples = np.asarray(samples)
    height, width = samples.shape[:2]
    assert samples.size == height * width * SAMPLES[colour_type]
    samples = samples.reshape(height, width, -1)
    parts = [samples[r::dr, c::dc] for r, c, dr, dc in ADAM7] if interlaced else [samples]
    rows = b"".join(b"\0" + _packed(row, depth) for part in parts if part.size for row in part)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, interlaced)
    return (
        SIGNATURE
        + chunk(b"IHDR", header)
        + before
        + chunk(b"IDAT", zlib.compress(rows))
        + after
        + chunk(b"IEND", b"")
    )


def _packed(row, depth):
    bits = "".join(f"{sample:0{depth}b}" for sample in row.ravel())
    size = -(-len(bits) // 8)
    return int(bits.ljust(8 * size, "0"), 2).to_bytes(size, "big")


def transparent(*values):
    return chunk(b"tRNS", struct.pack(f">{len(values)}H", *values))


def jpeg_segments(file):
    """The segments of a JPEG before its pixels, and the rest."""
    place, found = 2, []
    while file[place + 1] != 0xDA:
        length = 2 + int.from_bytes(file[place + 2 : place + 4], "big")
        found.append(file[place : place + length])
        place += length
    return found, file[place:]


def exif_block(orientation, order=">", *, kind=3, count=1, entries=3, offset=8):
    """A TIFF with the orientation as the second of three entries."""
    value = struct.pack(order + ("H" if kind == 3 else "I"), orientation).ljust(4, b"\0")
    return (
        (b"MM" if order == ">" else b"II")
        + struct.pack(order + "HIH", 42, offset, entries)
        + struct.pack(order + "HHI", 0x010F, 2, 4)
        + b"abc\0"
        + struct.pack(order + "HHI", 0x0112, kind, count)
        + value
        + struct.pack(order + "HHIHH", 0x0128, 3, 1, 2, 0)
        + struct.pack(order + "I", 0)
    )


def with_exif(block, format):
    """A picture of 2 rows and 3 columns of grey blocks, 8 pixels wide, with an EXIF block."""
    if format == "JPEG":
        return pillow(_blocks(STORED[1]), "JPEG", quality=95, exif=b"Exif\0\0" + block)
    return png(_blocks(STORED[1])[..., None], 8, GREY, before=chunk(b"eXIf", block))


def _blocks(levels):
    return (np.array(levels, np.uint8) * 40).repeat(8, 0).repeat(8, 1)


# --- comparing ----------------------------------------------------------------------------------


@functools.cache
def decoder(channels):
    return tf.function(
        lambda file: decode_file(file, channels), input_signature=[tf.TensorSpec([], tf.string)]
    )


@functools.cache
def finder():
    return tf.function(find_unreadable, input_signature=[tf.TensorSpec([None], tf.string)])


def unreadable(*files):
    return finder()(tf.constant(files, tf.string, [len(files)])).numpy().tolist()


def decoded(file, channels):
    return decoder(channels)(file).numpy()


def as_read(file, channels, tmp_path):
    """What `read_image` makes of a file, as uint16."""
    (tmp_path / "file").write_bytes(file)
    image = read_image(tmp_path / "file", channels)
    return image if image.dtype == np.uint16 else image.astype(np.uint16) * 257


def assert_as_read(file, tmp_path, channels=(1, 2, 3, 4)):
    assert unreadable(file) == []
    for count in channels:
        np.testing.assert_array_equal(decoded(file, count), as_read(file, count, tmp_path))


# --- PNG ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(
    ("colour_type", "depth"),
    [(GREY, 1), (GREY, 2), (GREY, 4), (GREY, 8), (GREY, 16)]
    + [(colour_type, depth) for colour_type in (GREY_ALPHA, RGB, RGBA) for depth in (8, 16)],
)
def test_png_of_every_kind(tmp_path, colour_type, depth, interlaced):
    samples = np.random.default_rng(1).integers(0, 1 << depth, (13, 21, SAMPLES[colour_type]))
    assert_as_read(png(samples, depth, colour_type, interlaced=interlaced), tmp_path)


@pytest.mark.parametrize("alpha", [b"", b"\x40", noise(256).tobytes()], ids=["none", "one", "all"])
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palettes(tmp_path, depth, alpha):
    before = chunk(b"PLTE", noise(3 << depth).tobytes())
    if alpha:
        before += chunk(b"tRNS", alpha[: 1 << depth])
    samples = np.random.default_rng(2).integers(0, 1 << depth, (9, 21, 1))
    assert_as_read(png(samples, depth, PALETTE, before=before), tmp_path)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_transparent_grey_value(tmp_path, depth):
    top = (1 << depth) - 1
    file = png([[[0], [top], [0]]], depth, GREY, before=transparent(top))
    assert_as_read(file, tmp_path)
    assert decoded(file, 2).tolist() == [[[0, 65535], [65535, 0], [0, 65535]]]


@pytest.mark.parametrize("depth", [8, 16])
def test_a_transparent_colour(tmp_path, depth):
    file = png([[[1, 2, 3], [1, 2, 4]]], depth, RGB, before=transparent(1, 2, 3))
    assert_as_read(file, tmp_path)
    assert decoded(file, 4)[0, :, 3].tolist() == [0, 65535]


def test_png_written_by_pillow(tmp_path):
    colours = Image.fromarray(noise(20, 30, 4))
    for mode in ("1", "L", "LA", "RGB", "RGBA"):
        assert_as_read(pillow(colours.convert(mode)), tmp_path)
    assert_as_read(pillow(colours.convert("RGB").quantize(5)), tmp_path)
    assert_as_read(pillow(noise(20, 30, dtype=np.uint16)), tmp_path)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        # over white: alpha 51 is a fifth, 204 + (20, 10, 0); luma of that 66.98 + 125.6 + 23.3
        (1, [[255], [216]]),
        # luma of the colour itself: 76.2, and 29.9 + 29.35
        (2, [[76, 0], [59, 51]]),
        (3, [[255, 255, 255], [224, 214, 204]]),
        (4, [[255, 0, 0, 0], [100, 50, 0, 51]]),
    ],
)
def test_alpha_by_hand(channels, expected):
    file = png([[[255, 0, 0, 0], [100, 50, 0, 51]]], 8, RGBA)
    assert decoded(file, channels).tolist() == (np.array([expected]) * 257).tolist()
    assert decode_file(tf.constant(file), channels).numpy().tolist() == [
        (257 * np.array(expected)).tolist()
    ]


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        # alpha 13107 is a fifth of 65535: 52428 + (10000, 2, 50000) / 5, and the luma of that
        (1, [[54428 * 299 + 52428 * 587 + 62428 * 114], [65535 * 1000]]),
        (2, [[10000 * 299 + 2 * 587 + 50000 * 114, 13107_000], [19594_965, 0]]),
        (3, [[54428_000, 52428_000, 62428_000], [65535_000] * 3]),
        (4, [[10000_000, 2000, 50000_000, 13107_000], [65535_000, 0, 0, 0]]),
    ],
)
def test_16_bits_by_hand(channels, expected):
    file = png([[[10000, 2, 50000, 13107], [65535, 0, 0, 0]]], 16, RGBA)
    rounded = (np.array([expected]) + 500) // 1000
    assert decoded(file, channels).tolist() == rounded.tolist()


# --- JPEG ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("quality", [30, 95])
def test_jpeg_has_the_very_pixels_of_pillow(tmp_path, quality, subsampling, progressive):
    options = {"quality": quality, "subsampling": subsampling, "progressive": progressive}
    for image in (soft(), noise(37, 51, 3)):
        assert_as_read(pillow(image, "JPEG", **options), tmp_path, (1, 3, 4))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 2}])
def test_grey_jpeg(tmp_path, options):
    assert_as_read(pillow(soft()[..., 0], "JPEG", **options), tmp_path)


def test_jpeg_that_holds_rgb(tmp_path):
    assert_as_read(pillow(soft(), "JPEG", keep_rgb=True), tmp_path)


def test_first_picture_of_a_phones_jpeg(tmp_path):
    second = Image.fromarray(noise(45, 61, 3))
    file = pillow(soft(), "MPO", save_all=True, append_images=[second])
    assert_as_read(file, tmp_path)


# --- orientation --------------------------------------------------------------------------------

# What is stored for the picture [[1, 2, 3], [4, 5, 6]], by the tables of EXIF 2.3 (tag 0x0112).
STORED = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[3, 6], [2, 5], [1, 4]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[4, 1], [5, 2], [6, 3]],
}


def levels(file):
    """The grey blocks of a decoded file, as in `STORED`."""
    return (decoded(file, 1)[4::8, 4::8, 0] / (257 * 40)).round().astype(int).tolist()


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", STORED)
def test_orientation(tmp_path, orientation, order, format):
    exif = Image.Exif()
    exif.endian = order
    exif[0x010F] = "a maker with a name longer than 4 bytes"
    exif[0x0112] = orientation
    file = pillow(_blocks(STORED[orientation]), format, exif=exif)
    assert (b"MM\0*" if order == ">" else b"II*\0") in file
    assert levels(file) == STORED[1]
    assert_as_read(file, tmp_path, [1])


def test_orientation_of_16_bits(tmp_path):
    samples = np.array(STORED[6])[..., None] * 1001
    file = png(samples, 16, GREY, before=chunk(b"eXIf", exif_block(6)))
    assert decoded(file, 1)[..., 0].tolist() == (np.array(STORED[1]) * 1001).tolist()
    assert_as_read(file, tmp_path)


@pytest.mark.parametrize("size", [500, 60_000, 140_000])
def test_exif_behind_a_colour_profile_of_any_size(tmp_path, size):
    profile = np.random.default_rng(3).bytes(size)
    block = exif_block(6)
    file = pillow(_blocks(STORED[6]), "JPEG", icc_profile=profile, exif=b"Exif\0\0" + block)
    segments, rest = jpeg_segments(file)
    segments.sort(key=lambda segment: segment[4:8] == b"Exif")
    moved = file[:2] + b"".join(segments) + rest
    assert moved.index(b"Exif") > size
    whole = chunk(b"iCCP", b"profile\0\0" + zlib.compress(profile))
    deep = png(_blocks(STORED[6])[..., None], 8, GREY, before=whole, after=chunk(b"eXIf", block))
    for oriented in (file, moved, deep):
        assert levels(oriented) == STORED[1]
        assert_as_read(oriented, tmp_path, [1])


def test_exif_in_a_comment_is_none(tmp_path):
    file = pillow(_blocks(STORED[1]), "JPEG", comment=b"Exif\0\0" + exif_block(6))
    assert b"Exif\0\0MM" in file
    assert levels(file) == STORED[1]
    assert_as_read(file, tmp_path, [1])


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_of_4_bytes(order, tmp_path):
    for format in ("JPEG", "PNG"):
        file = with_exif(exif_block(3, order, kind=4), format)
        assert levels(file) == STORED[3]
        assert_as_read(file, tmp_path, [1])


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_damaged_exif_gives_the_plain_picture(tmp_path, order, format):
    block = exif_block(6, order)
    damaged = {
        "no block": b"",
        "text": b"nonsense" * 5,
        "no TIFF": block[:2] + b"\1\1" + block[4:],
        "points behind its end": exif_block(6, order, offset=len(block)),
        "points far away": exif_block(6, order, offset=2**32 - 20),
        "points into itself": exif_block(6, order, offset=5),
        "no entries": exif_block(6, order, entries=0),
        "orientation of many values": exif_block(6, order, count=2**32 - 1),
        "orientation of another kind": exif_block(6, order, kind=12),
        "orientation 0": exif_block(0, order),
        "orientation 9": exif_block(9, order),
        "orientation of 4 bytes, huge": exif_block(2**32 - 1, order, kind=4),
    }
    damaged |= {f"cut to {size}": block[:size] for size in (1, 3, 5, 8, 9, 10, 22, 30, 33)}
    for damage, exif in damaged.items():
        file = with_exif(exif, format)
        assert levels(file) == STORED[1], damage
        assert unreadable(file) == [], damage
        assert as_read(file, 1, tmp_path).shape == (16, 24, 1), damage


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_what_stands_before_the_damage_counts(tmp_path, format):
    for block in (exif_block(3, entries=65535), exif_block(3)[:34]):
        file = with_exif(block, format)
        assert levels(file) == STORED[3]
        assert_as_read(file, tmp_path, [1])


# --- refusals -----------------------------------------------------------------------------------


def refused():
    """Files that are no whole PNG or JPEG, by what is wrong with them."""
    image = noise(40, 50, 3)
    whole = {"PNG": pillow(image), "JPEG": pillow(image, "JPEG")}
    whole["progressive JPEG"] = pillow(image, "JPEG", progressive=True)
    found = {
        f"{kind} cut to {share}": file[: int(share * len(file))]
        for kind, file in whole.items()
        for share in (0.001, 0.01, 0.1, 0.5, 0.9, 0.99)
    }
    data = whole["PNG"].index(b"IDAT") + 4
    for place in (data + 1, data + 1000, len(whole["PNG"]) - 20):
        changed = bytearray(whole["PNG"])
        changed[place] ^= 0x55
        found[f"PNG changed at {place}"] = bytes(changed)
    frames = [Image.fromarray(image), Image.fromarray(255 - image)]
    several = {"save_all": True, "append_images": frames[1:]}
    return found | {
        "empty": b"",
        "a byte": b"\x89",
        "text": b"<html>not found</html>" * 20,
        "start of a JPEG": b"\xff\xd8\xff",
        "start of a PNG": SIGNATURE,
        "no pixels": SIGNATURE + chunk(b"IEND", b""),
        "long chunks": whole["PNG"][:33] + b"\xff" * 500,
        "CMYK": pillow(frames[0].convert("CMYK"), "JPEG"),
        "animated PNG": pillow(frames[0], "PNG", **several),
        "GIF": pillow(frames[0], "GIF"),
        "animated GIF": pillow(frames[0], "GIF", **several),
        "BMP": pillow(frames[0], "BMP"),
        "WebP": pillow(frames[0], "WEBP"),
        "TIFF": pillow(frames[0], "TIFF"),
    }


def test_unreadable_files_of_a_mixed_batch_by_position():
    good = [pillow(noise(9, 8, 3)), pillow(noise(5, 6, 3), "JPEG"), pillow(noise(1, 1))]
    bad = list(refused().values())
    mixed = [file for number, file in enumerate(bad) for file in (good[number % 3], file)]
    mixed.append(good[0])
    assert unreadable(*mixed) == list(range(1, len(mixed), 2))
    assert unreadable(*bad) == list(range(len(bad)))
    assert unreadable(*good) == []
    assert unreadable() == []


def test_unreadable_files_found_eagerly():
    found = find_unreadable(tf.constant([pillow(noise(9, 8)), b"text", b""]))
    assert found.numpy().tolist() == [1, 2]


def test_what_is_refused_in_training_is_refused_here(tmp_path):
    taken = {"GIF", "BMP", "WebP", "TIFF"}  # in training, and not in a graph
    for kind, file in refused().items():
        if kind not in taken:
            with pytest.raises(UserError):
                as_read(file, 3, tmp_path)


def test_a_png_without_its_end_is_refused_though_pillow_takes_it(tmp_path):
    file = pillow(noise(9, 8))[:-1]
    assert unreadable(file) == [0]
    assert as_read(file, 1, tmp_path).shape == (9, 8, 1)


# --- translating --------------------------------------------------------------------------------


def inverted(image):
    return tf.cast(255 - image // 257, tf.uint8)


@functools.cache
def translation(channels):
    return tf.function(
        lambda files: translate_encoded(files, channels, inverted),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )


def translated(*files, channels=3):
    answers = translation(channels)(tf.constant(files, tf.string, [len(files)])).numpy()
    assert answers.shape == (len(files),)
    assert all(answer.startswith(SIGNATURE) for answer in answers)
    return [np.array(Image.open(io.BytesIO(answer))) for answer in answers]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_each_file_is_translated_and_written_as_png(channels):
    image = noise(7, 5, channels)
    (found,) = translated(pillow(image[..., 0] if channels == 1 else image), channels=channels)
    np.testing.assert_array_equal(found.reshape(image.shape), 255 - image)


def test_files_of_different_sizes_keep_their_order():
    images = [noise(height, width, 3, seed=height) for height, width in [(9, 4), (1, 1), (3, 50)]]
    files = [pillow(image) for image in images]
    found = translated(*files, files[0])
    for image, answer in zip([*images, images[0]], found, strict=True):
        np.testing.assert_array_equal(answer, 255 - image)
    eager = translate_encoded(tf.constant(files), 3, inverted).numpy()
    np.testing.assert_array_equal(np.array(Image.open(io.BytesIO(eager[2]))), found[2])


def test_no_files_are_no_answers():
    assert translated() == []
    assert translate_encoded(tf.constant([], tf.string), 3, inverted).shape == (0,)


@pytest.mark.parametrize("numbers", [[0], [1, 3], [4], [0, 1, 2, 3, 4]])
def test_bad_files_are_named_by_their_numbers(numbers):
    good, bad = pillow(noise(9, 8, 3)), list(refused().values())
    files = [bad[number] if number in numbers else good for number in range(5)]
    named = f"image_bytes: number {', '.join(map(str, numbers))} (counted from 0) cannot be read"
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        translated(*files)
    assert named in str(caught.value)
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        translate_encoded(tf.constant(files), 3, inverted)
    assert named in str(caught.value)


# --- files that would take too much ---------------------------------------------------------------


def refused_numbers(*files):
    return find_unreadable(tf.constant(files)).numpy().tolist()  # eager: limits are patched


def test_more_pixels_than_the_limit_are_refused(monkeypatch):
    files = [pillow(noise(10, width, 3), kind) for kind in ("PNG", "JPEG") for width in (10, 11)]
    assert refused_numbers(*files) == []
    monkeypatch.setattr("pix2pix_tf.exporters.image_files.PIXELS_AT_MOST", 100)
    assert refused_numbers(*files) == [1, 3]


def test_small_file_that_says_it_is_huge_is_refused():
    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, GREY, 0, 0, 0)
    file = SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10**6)))
    most = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, GREY, 0, 0, 0)
    assert refused_numbers(file + chunk(b"IEND", b""), SIGNATURE + chunk(b"IHDR", most)) == [0, 1]


def test_jpeg_of_very_many_scans_is_refused():
    file = pillow(Image.new("L", (1000, 1000)), "JPEG", progressive=True)
    last = file.rindex(b"\xff\xda")
    assert refused_numbers(file, file[:-2] + file[last:-2] * 2000 + file[-2:]) == [1]


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_files_of_very_many_parts_are_refused(kind, monkeypatch):
    monkeypatch.setattr("pix2pix_tf.exporters.image_files.PARTS_AT_MOST", 40)
    image = noise(9, 8, 3)
    if kind == "PNG":
        few, many = (png(image, 8, RGB, before=chunk(b"teSt", b"") * n) for n in (37, 38))
    else:
        plain = pillow(image, kind)
        segments = len(jpeg_segments(plain)[0])
        few, many = (plain[:2] + b"\xff\xfe\0\2" * (40 - segments + n) + plain[2:] for n in (0, 1))
    assert refused_numbers(few, many) == [1]
