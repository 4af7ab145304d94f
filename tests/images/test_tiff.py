"""Every kind of TIFF is read as it is, band for band and bit for bit, or refused by name."""

from __future__ import annotations

import contextlib
import itertools
import logging
import struct
import tracemalloc

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


@pytest.mark.parametrize("bands", [5, 6, 13])
def test_more_than_four_bands_are_refused_with_their_count(tmp_path, bands):
    path = write(
        tmp_path / "x.tif",
        noise(HEIGHT, WIDTH, bands),
        photometric="rgb",
        extrasamples=["unspecified"] * (bands - 3),
    )
    for channels in (3, 4):
        assert refusal(path, channels).startswith(f"{path} has {bands} bands; at most 4 are read: ")
    with pytest.raises(UserError, match=f"{bands} bands"):
        image_dtype(path)


# --- other types --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "named"),
    [
        ("float32", "32-bit floating point"),
        ("float16", "16-bit floating point"),
        ("float64", "64-bit floating point"),
        ("int8", "8-bit signed"),
        ("int16", "16-bit signed"),
        ("int32", "32-bit signed"),
        ("uint32", "32 bits per sample"),
        ("complex64", "64-bit complex"),
    ],
)
def test_samples_of_other_types_are_refused_by_name(tmp_path, dtype, named):
    path = write(tmp_path / "x.tif", np.ones((4, 5), dtype))
    assert named in refusal(path)
    assert "1 band " in refusal(path)


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
        (259, 34887, "compressed as number 34887"),
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


@pytest.mark.parametrize("kind", ["pages", "shaped", "imagej", "ome", "truncated", "volume"])
def test_several_images_in_one_file_are_refused_with_their_count(tmp_path, kind):
    path = tmp_path / "x.tif"
    pixels = noise(3, 32, 48)
    options = {
        "pages": {"metadata": None},
        "shaped": {},
        "imagej": {"imagej": True},
        "ome": {"ome": True},
        "truncated": {"truncate": True},
        "volume": {"volumetric": True, "tile": (3, 16, 16), "metadata": None},
    }[kind]
    tifffile.imwrite(path, pixels, photometric="minisblack", **options)
    assert "holds 3 frames or pages" in refusal(path)


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
