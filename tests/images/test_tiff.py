"""Every kind of TIFF is read as it is, band for band and bit for bit, or refused by name."""

from __future__ import annotations

import contextlib
import itertools
import logging
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from pix2pix_tf.images.io import decode_image, image_dtype, image_size, inspect_image, read_image
from pix2pix_tf.images.tiff.image import TiffImage
from pix2pix_tf.utils.errors import UserError

HEIGHT, WIDTH = 37, 53


def noise(*shape, dtype="uint8", seed=0):
    top = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, top + 1, shape).astype(dtype)


def write(path, pixels, **options):
    """A TIFF of [H, W] or [H, W, C]."""
    options = {"metadata": None, "photometric": "minisblack", **options}
    if options.get("planarconfig") == "separate":
        pixels = np.moveaxis(pixels, -1, 0)
    tifffile.imwrite(path, pixels, **options)
    return path


def refusal(path, channels=3):
    with pytest.raises(UserError) as caught:
        read_image(path, channels)
    assert str(path) in str(caught.value)
    return str(caught.value)


def with_tag(path, tag, value):
    """The file with another value of a tag of one SHORT or LONG, in place."""
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tiff.pages[0].tags[tag].overwrite(value)
    return path


# --- values -------------------------------------------------------------------------------------

EXTRA = {1: [], 2: ["unassalpha"], 3: [], 4: ["unassalpha"]}


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("tile", [None, (16, 32)])
@pytest.mark.parametrize("coding", [None, "zlib", "predictor"])
def test_every_band_and_bit_is_kept(tmp_path, dtype, bands, planes, tile, coding):
    pixels = noise(HEIGHT, WIDTH, bands, dtype=dtype)
    for order, big in itertools.product("<>", (False, True)):
        path = write(
            tmp_path / f"{order == '<'}{big}.tif",
            pixels if bands > 1 else pixels[..., 0],
            photometric="rgb" if bands > 2 else "minisblack",
            extrasamples=EXTRA[bands],
            planarconfig=planes if bands > 1 else None,
            tile=tile,
            rowsperstrip=None if tile else 7,
            compression="zlib" if coding else None,
            predictor=coding == "predictor",
            byteorder=order,
            bigtiff=big,
        )
        image = decode_image(path)
        assert image.dtype == image_dtype(path) == dtype
        assert image.shape[:2] == image_size(path)
        assert (image == pixels).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize(
    "coding",
    [None, "tiff_lzw", "packbits", "tiff_deflate", "tiff_lzma", "zstd", "group3", "group4", "jpeg"],
)
def test_what_pillow_writes_is_read_as_pillow_reads_it(tmp_path, mode, coding):
    path = tmp_path / "x.tif"
    image = Image.fromarray(noise(HEIGHT, WIDTH, 3))
    image = Image.fromarray(noise(HEIGHT, WIDTH, dtype="uint16")) if mode == "I;16" else image
    if (coding in ("group3", "group4") and mode != "1") or (
        coding == "jpeg" and mode not in ("L", "RGB")
    ):
        pytest.skip("not written")
    try:
        (image if mode == "I;16" else image.convert(mode)).save(path, compression=coding)
    except OSError as error:
        pytest.skip(f"Pillow here does not write it: {error}")
    with Image.open(path) as written:
        shown = {"1": "L", "P": "RGB"}.get(mode, mode)
        expected = np.array(written if mode == "I;16" else written.convert(shown))
    assert (decode_image(path).squeeze() == expected).all()
    if mode != "P" and coding in (None, "tiff_deflate"):
        raw = tifffile.imread(path)
        assert (decode_image(path).squeeze() == raw * (255 if mode == "1" else 1)).all()


def libtiff_lzw(path, pixels, predictor):
    """Samples of 16 bits by LZW, which tifffile does not write: the bytes by Pillow's libtiff."""
    height, width, bands = pixels.shape
    if predictor:
        pixels = np.diff(pixels, axis=1, prepend=np.zeros_like(pixels[:, :1]))
    rows = np.ascontiguousarray(pixels).astype("<u2").view(np.uint8).reshape(height, -1)
    Image.fromarray(rows).save(path, compression="tiff_lzw", strip_size=10**9)
    with tifffile.TiffFile(path) as tiff:
        (start,), (size,) = tiff.pages[0].dataoffsets, tiff.pages[0].databytecounts
        strip = path.read_bytes()[start : start + size]
    write(
        path, np.zeros((height, width, bands), "<u2"), photometric="rgb", extrasamples=EXTRA[bands]
    )
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tags = tiff.pages[0].tags
        tags[259].overwrite(5)
        tags[273].overwrite(path.stat().st_size)
        tags[279].overwrite(len(strip))
        if predictor:
            tags[296].overwrite(1)  # unit of resolution: its place is taken for the predictor
            entry = tags[296].offset
    content = bytearray(path.read_bytes() + strip)
    if predictor:
        struct.pack_into("<HHIHH", content, entry, 317, 3, 1, 2, 0)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("bands", [3, 4])
def test_colour_of_16_bits_by_lzw_keeps_its_bits(tmp_path, bands, predictor):
    pixels = noise(HEIGHT, WIDTH, bands, dtype="uint16")
    image = decode_image(libtiff_lzw(tmp_path / "x.tif", pixels, predictor))
    assert image.dtype == np.uint16
    assert (image == pixels).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_white_as_zero_is_turned_over(tmp_path, dtype):
    pixels = noise(HEIGHT, WIDTH, dtype=dtype)
    path = write(tmp_path / "x.tif", pixels, photometric="miniswhite")
    assert (decode_image(path)[..., 0] == np.iinfo(dtype).max - pixels).all()


@pytest.mark.parametrize(
    ("bits", "row", "expected"),
    [
        (1, b"\xa0", [255, 0, 255]),
        (2, b"\x1b", [0, 85, 170, 255]),
        (4, b"\x0f\x70", [0, 255, 119]),
    ],
)
def test_few_bits_fill_the_whole_range(tmp_path, bits, row, expected):
    path = write(tmp_path / "x.tif", np.frombuffer(row, np.uint8)[None])
    with_tag(with_tag(path, 258, bits), 256, len(expected))
    assert decode_image(path)[0, :, 0].tolist() == expected


@pytest.mark.parametrize("scale", [1, 256, 257])
def test_palettes_of_8_bits_however_they_are_written(tmp_path, scale):
    colours = np.zeros((3, 256), np.uint16)
    colours[:, 1], colours[:, 2] = [10, 20, 30], [200, 100, 0]
    path = write(
        tmp_path / "x.tif",
        np.array([[1, 2]], np.uint8),
        photometric="palette",
        colormap=colours * scale,
    )
    assert decode_image(path).tolist() == [[[10, 20, 30], [200, 100, 0]]]
    assert image_dtype(path) == np.uint8


def test_palette_of_16_bits_keeps_them(tmp_path):
    colours = noise(3, 256, dtype="uint16")
    path = write(
        tmp_path / "x.tif", np.array([[1, 2]], np.uint8), photometric="palette", colormap=colours
    )
    assert image_dtype(path) == np.uint16
    assert (decode_image(path)[0] == colours.T[1:3]).all()


def test_colour_multiplied_by_its_alpha_is_divided_again(tmp_path):
    pixels = np.array([[[100, 50, 0, 200], [0, 0, 0, 0], [9, 8, 7, 255]]], np.uint8)
    path = write(tmp_path / "x.tif", pixels, photometric="rgb", extrasamples=["assocalpha"])
    # 100·255/200 = 127.5 and 50·255/200 = 63.75, rounded
    expected = [[[128, 64, 0, 200], [0, 0, 0, 0], [9, 8, 7, 255]]]
    assert decode_image(path).tolist() == expected


def test_band_that_cannot_be_the_alpha_it_is_tagged_as_is_refused(tmp_path):
    path = write(
        tmp_path / "x.tif",
        noise(HEIGHT, WIDTH, 4),
        photometric="rgb",
        extrasamples=["assocalpha"],
    )
    assert "larger than it" in refusal(path)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_windows_are_parts_of_the_upright_image(tmp_path, orientation, tile):
    path = write(tmp_path / "x.tif", noise(HEIGHT, WIDTH, 3), photometric="rgb", tile=tile)
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        entry = tiff.pages[0].tags[296].offset  # unit of resolution
    content = bytearray(path.read_bytes())
    struct.pack_into("<HHIHH", content, entry, 274, 3, 1, orientation, 0)
    path.write_bytes(content)
    with Image.open(path) as image:
        expected = np.array(image)
    assert (decode_image(path) == expected).all()
    with path.open("rb") as file:
        window = TiffImage(file, path).window((3, 30), (11, 36))
    assert (window == expected[3:30, 11:36]).all()


def test_strips_of_any_height_are_read_by_windows(tmp_path, monkeypatch):
    monkeypatch.setattr("pix2pix_tf.images.tiff.segments._SPLIT_BYTES", 1000)
    pixels = noise(HEIGHT, WIDTH, 3)
    for rows, planes in itertools.product((1, 5, 7, 12, HEIGHT), ("contig", "separate")):
        path = write(
            tmp_path / f"{rows}{planes}.tif",
            pixels,
            photometric="rgb",
            planarconfig=planes,
            rowsperstrip=rows,
        )
        with path.open("rb") as file:
            tiff = TiffImage(file, path)
            assert tiff.segment_pixels * (3 if planes == "contig" else 1) <= 1000
            assert (tiff.decode() == pixels).all()
            assert (tiff.window((4, 31), (2, 50)) == pixels[4:31, 2:50]).all()


# --- bands that are no colours ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("colours", "extra"),
    [
        ("rgb", ["unspecified"]),
        ("minisblack", ["unspecified"]),
        ("minisblack", ["unspecified"] * 2),
        ("minisblack", ["unspecified"] * 3),
        ("minisblack", ["unspecified", "unassalpha"]),
    ],
)
def test_unspecified_bands_are_read_as_so_many_channels_or_refused(tmp_path, colours, extra):
    bands = (3 if colours == "rgb" else 1) + len(extra)
    pixels = noise(HEIGHT, WIDTH, bands)
    path = write(
        tmp_path / "x.tif",
        pixels,
        photometric=colours,
        extrasamples=extra,
        planarconfig="contig",
    )
    for channels in (1, 2, 3, 4):
        if channels == bands:
            assert (read_image(path, channels) == pixels).all()
        else:
            assert f"data.input_channels={bands}" in refusal(path, channels)
    assert inspect_image(path)[1] == "bands"


def test_band_tagged_as_alpha_is_read_as_a_fourth_channel(tmp_path):
    pixels = noise(HEIGHT, WIDTH, 4)
    path = write(tmp_path / "x.tif", pixels, photometric="rgb", extrasamples=["unassalpha"])
    assert (read_image(path, 4) == pixels).all()
    assert inspect_image(path)[1] == "RGBA"


# --- any number of bands, any type --------------------------------------------------------------

TYPES = ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"]
TYPES += ["float16", "float32", "float64"]


def values(*shape, dtype="uint8", seed=0):
    """Values of any type, negative ones and the largest among them."""
    if np.dtype(dtype).kind == "f":
        numbers = np.random.default_rng(seed).normal(0, 100, shape).astype(dtype)
        numbers.flat[0] = np.finfo(dtype).max
        return numbers
    limits = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(limits.min, limits.max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("bands", [1, 2, 3, 5, 13])
@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_any_type_and_number_of_bands_is_read_as_it_is(tmp_path, dtype, bands, planes):
    pixels = values(HEIGHT, WIDTH, bands, dtype=dtype)
    for order, coding in itertools.product("<>", (None, "zlib", "predictor")):
        path = write(
            tmp_path / f"{order == '<'}{coding}.tif",
            pixels if bands > 1 else pixels[..., 0],
            planarconfig=planes if bands > 1 else None,
            tile=(16, 32) if coding else None,
            compression="zlib" if coding else None,
            predictor=2 if coding == "predictor" and np.dtype(dtype).kind != "f" else None,
            byteorder=order,
        )
        image = read_image(path, bands)
        assert image.dtype == image_dtype(path) == dtype
        assert image.dtype.isnative
        assert image.shape == (HEIGHT, WIDTH, bands)
        assert image_size(path) == (HEIGHT, WIDTH)
        assert (image == pixels).all()
        with path.open("rb") as file:
            window = TiffImage(file, path).window((4, 31), (2, 50))
        assert (window == pixels[4:31, 2:50]).all()


@pytest.mark.parametrize(("dtype", "bands"), [("uint16", 5), ("uint8", 13), ("float32", 1)])
def test_wrong_number_of_bands_is_refused_with_both_counts(tmp_path, dtype, bands):
    path = write(
        tmp_path / "x.tif", values(8, 9, bands, dtype=dtype).squeeze(), planarconfig="contig"
    )
    message = refusal(path, 3)
    assert f"{path} has {bands} band" in message
    assert "instead of 3 channels" in message
    assert f"data.input_channels={bands} (for targets, data.target_channels={bands})" in message
    assert inspect_image(path)[1] == "bands"


@pytest.mark.parametrize("order", "<>")
def test_floating_point_predictor_is_undone(tmp_path, order):
    """The rows are coded by hand: bytes by significance, then differences between pixels."""
    row = np.array([1.0, -2.5, 1024.0], ">f4")
    assert row.tobytes() == bytes([0x3F, 0x80, 0, 0, 0xC0, 0x20, 0, 0, 0x44, 0x80, 0, 0])
    by_significance = [0x3F, 0xC0, 0x44, 0x80, 0x20, 0x80, 0, 0, 0, 0, 0, 0]
    coded = np.diff(by_significance, prepend=0).astype(np.uint8).tobytes()
    path = tmp_path / "x.tif"
    tifffile.imwrite(
        path,
        iter([zlib.compress(2 * coded)]),
        shape=(2, 3),
        dtype="int32",
        compression="zlib",
        predictor=2,
        byteorder=order,
        metadata=None,
    )
    with_tag(with_tag(path, 317, 3), 339, 3)
    assert read_image(path, 1)[..., 0].tolist() == [[1.0, -2.5, 1024.0]] * 2


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("bands", [1, 5])
@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_floating_point_predictor_of_imagecodecs_is_undone(tmp_path, dtype, bands, planes):
    pytest.importorskip("imagecodecs")
    pixels = values(HEIGHT, WIDTH, bands, dtype=dtype)
    path = write(
        tmp_path / "x.tif",
        pixels if bands > 1 else pixels[..., 0],
        planarconfig=planes if bands > 1 else None,
        tile=(16, 32),
        compression="zlib",
        predictor=3,
    )
    assert (read_image(path, bands) == pixels).all()


def test_complex_numbers_are_refused_by_name(tmp_path):
    path = write(tmp_path / "x.tif", np.ones((4, 5), "complex64"))
    assert "1 band with 64-bit complex samples" in refusal(path)


def test_white_as_zero_has_no_meaning_but_for_grey_levels(tmp_path):
    path = write(tmp_path / "x.tif", np.ones((4, 5), "int16"), photometric="miniswhite")
    assert "16-bit samples with white as zero" in refusal(path)


# --- compressions of imagecodecs ----------------------------------------------------------------


def test_compression_that_needs_imagecodecs_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    path = with_tag(write(tmp_path / "x.tif", noise(8, 9)), 259, 34887)
    assert refusal(path).endswith(
        "compressed by LERC, which needs imagecodecs, which is not installed: "
        "pip install 'pix2pix-tf[scientific]'"
    )


@pytest.mark.parametrize(
    ("coding", "options", "dtype", "bands"),
    [
        ("lerc", {}, "float32", 1),
        ("lerc", {}, "uint16", 5),
        ("jpeg2000", {"level": 0}, "uint16", 3),
        ("png", {}, "uint8", 3),
        ("webp", {"lossless": True}, "uint8", 3),
    ],
)
def test_compressions_of_imagecodecs_are_read_with_it(tmp_path, coding, options, dtype, bands):
    pytest.importorskip("imagecodecs")
    pixels = values(HEIGHT, WIDTH, bands, dtype=dtype)
    path = write(
        tmp_path / "x.tif",
        pixels.squeeze(),
        compression=coding,
        compressionargs=options,
        photometric="rgb" if bands == 3 else "minisblack",
        planarconfig="contig" if bands > 1 else None,
        tile=(16, 32),
    )
    assert (read_image(path, bands) == pixels).all()


# --- other types --------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [3, 5, 9, 10, 12, 14])
def test_odd_numbers_of_bits_are_refused_by_name(tmp_path, bits):
    path = with_tag(write(tmp_path / "x.tif", noise(9, 8, dtype="uint16")), 258, bits)
    assert f"{bits} bits per sample" in refusal(path)


@pytest.mark.parametrize(
    ("tag", "value", "named"),
    [
        (262, 5, "CMYK"),
        (262, 8, "LAB"),
        (262, 6, "YCbCr"),
        (262, 32803, "camera's raw data"),
        (262, 4, "transparency mask"),
        (259, 40000, "compressed as number 40000"),
    ],
)
def test_other_colours_and_compressions_are_refused_by_name(tmp_path, tag, value, named):
    path = write(tmp_path / "x.tif", noise(8, 9, 3), photometric="rgb")
    assert named in refusal(with_tag(path, tag, value))


# --- pages --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [1, 4, 5])
def test_overviews_and_masks_are_no_frames(tmp_path, kind):
    pixels = noise(64, 64, 3)
    path = tmp_path / "x.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(pixels, photometric="rgb", metadata=None)
        for step in (1, 2):
            more = pixels[::step, ::step, 0]
            more = more > 9 if kind & 4 else more
            file.write(more, photometric="minisblack", subfiletype=kind, metadata=None)
    assert (decode_image(path) == pixels).all()


def test_overview_before_its_image_is_passed_over(tmp_path):
    pixels, path = noise(64, 64), tmp_path / "x.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(pixels[::2, ::2], photometric="minisblack", subfiletype=1, metadata=None)
        file.write(pixels, photometric="minisblack", metadata=None)
    assert (decode_image(path)[..., 0] == pixels).all()
    assert image_size(path) == (64, 64)


def test_overviews_in_sub_files_are_no_frames(tmp_path):
    pixels, path = noise(64, 64), tmp_path / "x.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(pixels, photometric="minisblack", subifds=1, metadata=None)
        file.write(pixels[::2, ::2], photometric="minisblack", subfiletype=1, metadata=None)
    assert (decode_image(path)[..., 0] == pixels).all()


def test_thumbnail_whose_image_is_in_a_sub_file_is_refused(tmp_path):
    pixels, path = noise(64, 64), tmp_path / "x.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(pixels[::2, ::2], photometric="minisblack", subfiletype=1, subifds=1)
        file.write(pixels, photometric="minisblack", metadata=None)
    assert "none of them an image of full size" in refusal(path)


@pytest.mark.parametrize("kind", ["pages", "shaped", "truncated", "volume"])
def test_several_images_in_one_file_are_refused_with_their_count(tmp_path, kind):
    path = tmp_path / "x.tif"
    options = {
        "pages": {"metadata": None},
        "shaped": {},
        "truncated": {"truncate": True},
        "volume": {"volumetric": True, "tile": (3, 16, 16), "metadata": None},
    }[kind]
    tifffile.imwrite(path, noise(3, 32, 48), photometric="minisblack", **options)
    assert "holds 3 frames or pages" in refusal(path)
    if kind in ("pages", "shaped"):
        assert "if they are channels, say so with data.input_axes" in refusal(path)


NAMED = [{"ome": True}, {"imagej": True}, {"metadata": {}}]


@pytest.mark.parametrize("options", NAMED, ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [2, 3, 13])
def test_pages_that_the_file_names_channels_are_read_as_such(tmp_path, options, dtype, channels):
    pixels = values(channels, HEIGHT, WIDTH, dtype=dtype)
    path = tmp_path / "x.tif"
    options = {"metadata": None, **options}
    options["metadata"] = {"axes": "CYX"}
    tifffile.imwrite(path, pixels, photometric="minisblack", **options)
    for axes in (None, "CYX", "YXC"):  # the file's own count
        image = read_image(path, channels, axes)
        assert image.dtype == image_dtype(path) == dtype
        assert (image == np.moveaxis(pixels, 0, -1)).all()
    with path.open("rb") as file:
        window = TiffImage(file, path).window((4, 31), (2, 50))
    assert (window == np.moveaxis(pixels, 0, -1)[4:31, 2:50]).all()
    assert inspect_image(path)[1] == "bands"
    assert f"{channels} bands" in refusal(path, channels + 1)


@pytest.mark.parametrize("options", NAMED[:2], ids=str)
@pytest.mark.parametrize("axes", ["ZYX", "TYX", "ZCYX", "TCYX"])
def test_volumes_and_series_are_refused_with_their_axes(tmp_path, options, axes):
    pixels = noise(*(3, 2)[: len(axes) - 2], HEIGHT, WIDTH, dtype="uint16")
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, pixels, photometric="minisblack", metadata={"axes": axes}, **options)
    message = refusal(path, 2)
    assert f"of the axes {axes} ({axes[0]}: 3" in message
    assert "save its slices or moments by themselves" in message


@pytest.mark.parametrize("options", [{}, {"metadata": None}], ids=["shaped", "pages"])
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_pages_without_names_are_what_the_config_says(tmp_path, options, dtype):
    pixels, path = values(6, 20, 30, dtype=dtype), tmp_path / "x.tif"
    tifffile.imwrite(path, pixels, photometric="minisblack", **options)
    assert "holds 6 frames or pages and does not say what they are" in refusal(path, 6)
    assert (read_image(path, 6, "CYX") == np.moveaxis(pixels, 0, -1)).all()
    assert image_size(path, 6, "CYX") == (20, 30)
    assert (read_image(path, 30, "YXC") == pixels).all()
    assert image_size(path, 30, "YXC") == (6, 20)
    with path.open("rb") as file:
        window = TiffImage(file, path, "YXC").window((1, 5), (2, 19))
    assert (window == pixels[1:5, 2:19]).all()


def test_pages_of_more_axes_without_names_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", noise(2, 3, 20, 30), photometric="minisblack")
    with pytest.raises(UserError, match=r"holds 6 frames or pages of the axes QQYX \(Q: 2, Q: 3,"):
        read_image(tmp_path / "x.tif", 6, "CYX")


def test_pages_that_are_rows_by_their_name_are_read_as_such(tmp_path):
    pixels = values(20, 30, 5, dtype="int16")
    tifffile.imwrite(tmp_path / "x.tif", pixels, metadata={"axes": "YXC"})
    assert (read_image(tmp_path / "x.tif", 5) == pixels).all()


def test_pages_of_several_sizes_types_or_bands_are_not_channels(tmp_path):
    path = tmp_path / "x.tif"
    for pages in ([noise(4, 5), noise(4, 6)], [noise(4, 5), noise(4, 5, dtype="uint16")]):
        with tifffile.TiffWriter(path) as file:
            for page in pages:
                file.write(page, photometric="minisblack", metadata=None)
        with pytest.raises(UserError, match="holds 2 frames or pages"):
            read_image(path, 2, "CYX")
    tifffile.imwrite(path, noise(2, 4, 5, 3), photometric="rgb", metadata=None)
    with pytest.raises(UserError, match="holds 2 frames or pages of the axes IYXS"):
        read_image(path, 2, "CYX")


def test_other_files_that_an_ome_tiff_names_are_not_opened(tmp_path):
    pixels = noise(2, 8, 9)
    uuid = "12345678-1234-5678-1234-567812345678"
    tifffile.imwrite(tmp_path / "other.tif", pixels[1], photometric="minisblack", metadata=None)
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/'
        'OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" '
        'Type="uint8" SizeX="9" SizeY="8" SizeC="2" SizeZ="1" SizeT="1">'
        '<TiffData IFD="0" FirstC="0" PlaneCount="1"/>'
        f'<TiffData IFD="0" FirstC="1" PlaneCount="1"><UUID FileName="other.tif">urn:uuid:{uuid}'
        "</UUID></TiffData></Pixels></Image></OME>"
    )
    path = tmp_path / "x.ome.tif"
    tifffile.imwrite(path, pixels[0], photometric="minisblack", metadata=None, description=xml)
    assert (read_image(path, 1)[..., 0] == pixels[0]).all()


@pytest.mark.parametrize("options", [{"imagej": True}, {"ome": True}, {}], ids=str)
def test_one_plain_image_of_a_microscope_is_read(tmp_path, options):
    pixels, path = noise(32, 48, dtype="uint16"), tmp_path / "x.tif"
    tifffile.imwrite(path, pixels, **options)
    assert (decode_image(path)[..., 0] == pixels).all()


def test_tags_of_maps_do_not_matter(tmp_path):
    pixels = noise(32, 48, 3)
    scale, nodata = (33550, 12, 3, (0.5, 0.5, 0.0), True), (42113, 2, 0, "-9999", True)
    path = write(tmp_path / "x.tif", pixels, photometric="rgb", extratags=[scale, nodata])
    assert (decode_image(path) == pixels).all()


def test_very_many_pages_are_refused_in_time(tmp_path):
    path = tmp_path / "x.tif"
    with tifffile.TiffWriter(path) as file:
        for _ in range(1100):
            file.write(np.zeros((1, 1), np.uint8), photometric="minisblack", metadata=None)
    assert "very many pages" in refusal(path)


# --- damage -------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", [None, "tiff_lzw", "tiff_deflate", "packbits", "jpeg"])
@pytest.mark.parametrize("share", [0.97, 0.5, 0.1])
def test_lost_pixels_are_damage_and_never_black(tmp_path, coding, share):
    path = tmp_path / "x.tif"
    Image.fromarray(noise(200, 100, 3)).save(path, compression=coding)
    with tifffile.TiffFile(path) as tiff:
        offsets, sizes = tiff.pages[0].dataoffsets, tiff.pages[0].databytecounts
    content = bytearray(path.read_bytes())
    end = offsets[-1] + sizes[-1]
    path.write_bytes(content[: int(end * share)])
    assert "damaged or cut short" in refusal(path)


def test_strip_that_is_shorter_than_its_rows_is_damage(tmp_path):
    path = write(tmp_path / "x.tif", noise(20, 20, 3), photometric="rgb", compression="zlib")
    with_tag(path, 257, 21)
    assert "damaged or cut short" in refusal(path)


def test_missing_tile_is_damage(tmp_path):
    path = write(tmp_path / "x.tif", noise(32, 32), tile=(16, 16), compression="zlib")
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tags = tiff.pages[0].tags
        tags[325].overwrite((0, *tags[325].value[1:]))
    assert "damaged or cut short" in refusal(path)


@pytest.mark.parametrize("coding", [None, "zlib"])
def test_header_that_claims_a_huge_image_is_refused_before_memory_is_taken(tmp_path, coding):
    path = write(tmp_path / "x.tif", noise(20, 20, 3), photometric="rgb", compression=coding)
    for tag in (256, 257, 278):
        with_tag(path, tag, 1_000_000)
    tracemalloc.start()
    try:
        refusal(path)
        with pytest.raises(UserError):
            read_image(path, 3, max_pixels=10**15)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_odd_tags_are_not_told_to_the_terminal(tmp_path, caplog, capfd):
    content = write(tmp_path / "x.tif", noise(9, 9)).read_bytes()
    with caplog.at_level(logging.WARNING):
        for place in range(8, 200):
            path = tmp_path / "x.tif"
            path.write_bytes(content[:place] + b"\xff" + content[place + 1 :])
            with contextlib.suppress(UserError):
                decode_image(path)
    assert caplog.text == ""
    assert capfd.readouterr() == ("", "")
