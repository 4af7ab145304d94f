"""Values that stand for no data, in files written by rasterio, Pillow and NumPy."""

import math

import numpy as np
import pytest
import rasterio
import tifffile
from PIL import Image

from pix2pix_tf.images.image_file import Reading
from pix2pix_tf.images.io import decode_image, decode_with_mask, image_tags, read_image, write_image
from pix2pix_tf.images.nodata import (
    DECLARED,
    NodataRule,
    mark_nodata,
    nodata_value,
    replace_nodata,
)
from pix2pix_tf.images.windows import ImageWindows
from pix2pix_tf.utils.errors import UserError
from tests.images.test_georeference import write_geotiff

NAN = float("nan")


@pytest.mark.parametrize(
    ("value", "declared", "dtype", "found"),
    [
        ("file", None, "f4", None),
        ("file", -9999, "f4", -9999.0),
        ("file", -9999, "u2", None),  # no uint16 is
        ("file", 0.5, "u1", None),
        ("file", 255, "u1", 255),
        ("file", 256, "u1", None),
        ("file", -3.4028234663852886e38, "f4", -3.4028234663852886e38),
        ("file", 1e300, "f4", None),
        ("file", 2**64 - 1, "u8", 2**64 - 1),
        ("file", 0.1, "f4", float(np.float32(0.1))),
        (None, -9999, "f4", None),
        (7, -9999, "f4", 7.0),
        ("nan", -9999, "i2", None),
    ],
)
def test_the_config_overrides_what_the_file_declares(value, declared, dtype, found):
    assert nodata_value(NodataRule(value), declared, np.dtype(dtype)) == found


def test_nan_is_a_value_of_floats():
    assert math.isnan(nodata_value(NodataRule("nan"), None, np.dtype("f2")))
    assert math.isnan(nodata_value(NodataRule(), NAN, np.dtype("f8")))


def test_each_value_is_replaced_by_the_low_end_of_its_channel():
    image = np.array([[[-9999, 5], [7, -9999]], [[-9999, -9999], [1, 2]]], np.int16)
    filled, missing = replace_nodata(image, (NodataRule("file", (-10.0, 3.0)),), -9999)
    assert filled.tolist() == [[[-10, 5], [7, 3]], [[-10, 3], [1, 2]]]
    assert missing.tolist() == [[[True, False], [False, True]], [[True, True], [False, False]]]


def test_without_a_range_it_is_the_low_end_of_the_type():
    for dtype, low in (("u1", 0), ("u2", 0), ("i2", -32768), ("f4", 0.0)):
        filled, _ = replace_nodata(np.full((1, 1, 1), 99, dtype), DECLARED, 99)
        assert filled.item() == low


def test_each_half_of_a_pair_has_its_own_rule():
    image = np.array([[[NAN], [-1.0], [NAN], [-1.0]]])
    rules = (NodataRule("nan", (2.0,)), NodataRule(-1, (3.0,)))
    filled, missing = replace_nodata(image, rules, None)
    assert np.array_equal(filled.ravel(), [2.0, -1.0, NAN, 3.0], equal_nan=True)
    assert missing.ravel().tolist() == [True, False, False, True]


def test_nothing_is_copied_where_all_is_data():
    image = np.ones((2, 2, 1))
    assert replace_nodata(image, DECLARED, -9999) == (image, None)


@pytest.mark.parametrize(
    ("dtype", "value", "moved"),
    [
        ("u1", 0, 1),
        ("u1", 255, 254),
        ("i2", -9999, -9998),
        ("f4", 0.0, np.nextafter(np.float32(0), np.float32(1))),
        ("f4", -9999.0, np.nextafter(np.float32(-9999), np.float32(0))),
        ("f4", 3.4028234663852886e38, np.nextafter(np.float32(3.4028235e38), np.float32(0))),
    ],
)
def test_data_equal_to_the_mark_moves_aside(dtype, value, moved):
    image = np.full((1, 2, 2), value, dtype)
    marked = mark_nodata(image, np.array([[True, False]]), value)
    assert marked.dtype == np.dtype(dtype)
    assert marked.tolist() == [[[value, value], [moved, moved]]]


def test_nan_is_written_where_there_is_no_data():
    marked = mark_nodata(np.ones((1, 2, 1), np.float32), np.array([[True, False]]), NAN)
    assert np.array_equal(marked.ravel(), [NAN, 1], equal_nan=True)


@pytest.mark.parametrize("nodata", [NAN, -9999.0, -3.4028234663852886e38])
def test_declared_values_of_floats_are_never_read(tmp_path, nodata):
    pixels = np.array([[nodata, 2], [3, nodata]], np.float32)
    path = write_geotiff(tmp_path / "x.tif", pixels, nodata=nodata)
    assert read_image(path, 1)[..., 0].tolist() == [[0, 2], [3, 0]]
    reading = Reading(1, None, (NodataRule("file", (1.0,)),))
    assert decode_image(path, *reading)[..., 0].tolist() == [[1, 2], [3, 1]]
    assert decode_with_mask(path, reading).empty.tolist() == [[True, False], [False, True]]


def test_nan_that_is_not_declared_is_refused_and_the_way_out_named(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[1.0, NAN]]))
    with pytest.raises(UserError, match=r"row 1, column 2, channel 1: .* set data.nodata=nan"):
        read_image(tmp_path / "x.npy", 1)
    reading = Reading(1, None, (NodataRule("nan", (-5.0,)),))
    assert decode_image(tmp_path / "x.npy", *reading).ravel().tolist() == [1, -5]


def test_infinities_are_refused_beside_no_data(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[NAN, np.inf]]))
    with pytest.raises(UserError, match="row 1, column 2"):
        decode_image(tmp_path / "x.npy", 1, None, (NodataRule("nan"),))


def test_alpha_never_stands_for_no_data(tmp_path):
    pixels = np.array([[[0, 0, 0, 255], [255, 255, 255, 255]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    found = decode_with_mask(tmp_path / "x.png", Reading(4, None, (NodataRule(255),)))
    assert found.pixels.tolist() == [[[0, 0, 0, 255], [0, 0, 0, 255]]]
    assert found.empty.tolist() == [[False, True]]


def test_pixels_are_empty_without_data_in_any_channel(tmp_path):
    pixels = np.array([[[0, 0, 0, 0, 0], [0, 0, 1, 0, 0], [1, 2, 3, 4, 5]]], np.uint16)
    path = write_geotiff(tmp_path / "x.tif", pixels, nodata=0)
    assert decode_with_mask(path, Reading(5)).empty.tolist() == [[True, False, False]]


def test_windows_have_no_data_where_the_image_has_none(tmp_path):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 3, (50, 70, 5)).astype(np.int16)
    pixels[10:30, 20:60] = 0
    path = write_geotiff(
        tmp_path / "x.tif", pixels, nodata=0, tiled=True, blockxsize=16, blockysize=16
    )
    reading = Reading(5, None, (NodataRule("file", (-4.0,)),))
    whole = decode_with_mask(path, reading)
    assert whole.pixels.min() == -4
    for half, columns in ((None, slice(None)), (0, slice(35)), (1, slice(35, None))):
        with ImageWindows(path, reading, half=half) as windows:
            assert np.array_equal(windows[5:40], whole.pixels[5:40, columns])
            assert np.array_equal(windows.empty(slice(5, 40)), whole.empty[5:40, columns])


def test_windows_of_arrays_are_not_written_to(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[NAN, 1.0], [2.0, NAN]]))
    reading = Reading(1, None, (NodataRule("nan", (9.0,)),))
    with ImageWindows(tmp_path / "x.npy", reading) as windows:
        assert windows[0:2][..., 0].tolist() == [[9, 1], [2, 9]]
    assert np.isnan(np.load(tmp_path / "x.npy")[0, 0])


@pytest.mark.parametrize("nodata", [NAN, -9999.5, 0, 2**63 - 1])
def test_the_value_that_stands_for_no_data_is_read_and_written_like_gdal(tmp_path, nodata):
    path = write_geotiff(tmp_path / "x.tif", np.zeros((2, 2)), nodata=float(nodata))
    tags = image_tags(path)
    assert tags.nodata == pytest.approx(float(nodata), nan_ok=True, rel=0)
    write_image(tmp_path / "y.tif", np.zeros((2, 2, 3), np.float64), tags=tags)
    with rasterio.open(tmp_path / "y.tif") as file:
        assert file.nodata == pytest.approx(float(nodata), nan_ok=True, rel=0)


@pytest.mark.parametrize("text", ["none", "", "1e999", "-inf", "9" * 5000, "0x10", "1 2"])
def test_texts_that_are_no_number_declare_nothing(tmp_path, text):
    tags = [(42113, 2, len(text) + 1, text, True)]
    tifffile.imwrite(tmp_path / "x.tif", np.ones((2, 2), np.float32), extratags=tags)
    assert image_tags(tmp_path / "x.tif").nodata is None


def test_no_data_is_a_stored_value(tmp_path):
    declared = [(42113, 2, 2, "3", True)]
    stored = np.array([[3, 1]], np.uint8)
    colours = np.zeros((3, 256), np.uint16)
    colours[:, 1] = 3 * 257
    tifffile.imwrite(
        tmp_path / "p.tif", stored, photometric="palette", colormap=colours, extratags=declared
    )
    assert decode_with_mask(tmp_path / "p.tif", Reading(3)).missing is None
    tifffile.imwrite(tmp_path / "w.tif", stored, photometric="miniswhite", extratags=declared)
    found = decode_with_mask(tmp_path / "w.tif", Reading(1))
    assert found.pixels.ravel().tolist() == [0, 254]
    assert found.empty.tolist() == [[True, False]]
    write_geotiff(tmp_path / "b.tif", np.array([[1, 0]], np.uint8), nodata=1, nbits=1)
    found = decode_with_mask(tmp_path / "b.tif", Reading(1))
    assert found.empty.tolist() == [[True, False]]
