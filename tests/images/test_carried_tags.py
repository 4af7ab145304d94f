"""What files say beside values: read from files of other libraries, and read back by them."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import tifffile
from PIL import Image, ImageCms

from pix2pix_tf.images.carried_tags import CarriedTags, Resolution
from pix2pix_tf.images.image_file import Reading
from pix2pix_tf.images.io import image_tags, read_image, tiff_text, write_image
from pix2pix_tf.runs.side_tags import common_tags, from_json, to_json
from tests.images.test_georeference import write_geotiff

RGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
CAMERA = Resolution(10_000 / 0.65, 10_000 / 0.5, 3)  # pixels of 0.65 × 0.5 µm


@pytest.mark.parametrize("unit", [1, 2, 3])
def test_resolution_of_tiff(tmp_path, unit):
    pixels = np.zeros((4, 5), np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", pixels, resolution=(300.5, 72), resolutionunit=unit)
    tags = image_tags(tmp_path / "x.tif")
    assert tags.resolution == Resolution(300.5, 72, unit)
    write_image(tmp_path / "y.tif", np.zeros((4, 5, 7), np.float32), tags=tags)
    with tifffile.TiffFile(tmp_path / "y.tif") as tiff:
        page = tiff.pages[0]
        assert page.get_resolution(unit) == (300.5, 72)
        assert page.resolutionunit == unit


@pytest.mark.parametrize("value", [(0, 1), (1, 0), (0, 0), (4_000_000_000, 1)])
def test_resolutions_that_mean_nothing_are_left_out(tmp_path, value):
    pixels = np.zeros((4, 5), np.uint8)
    tifffile.imwrite(tmp_path / "x.tif", pixels)
    with tifffile.TiffFile(tmp_path / "x.tif", mode="r+b") as tiff:
        for tag in (282, 283):
            tiff.pages[0].tags[tag].overwrite(value)
    assert image_tags(tmp_path / "x.tif").resolution is None
    assert read_image(tmp_path / "x.tif", 1).shape == (4, 5, 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_profile_is_written_where_its_colours_are(tmp_path, dtype, channels, suffix):
    tags = CarriedTags(Resolution(300, 150, 2), profile=RGB)
    image = np.arange(4 * 5 * channels).reshape(4, 5, channels).astype(dtype)
    write_image(tmp_path / f"x{suffix}", image, text={"a": "b"}, tags=tags)
    assert np.array_equal(read_image(tmp_path / f"x{suffix}", channels), image)
    found = image_tags(tmp_path / f"x{suffix}")
    assert found.profile == (RGB if channels > 2 else None)
    assert found.resolution.per_inch == pytest.approx((300, 150), abs=0.02)
    if suffix == ".png":
        with Image.open(tmp_path / "x.png") as file:
            assert file.info.get("icc_profile") == found.profile
            assert file.text == {"a": "b"}


@pytest.mark.parametrize("image", [np.zeros((2, 2, 3), np.float32), np.zeros((2, 2, 5), np.uint8)])
def test_bands_have_no_profile(tmp_path, image):
    write_image(tmp_path / "x.tif", image, tags=CarriedTags(profile=RGB))
    assert image_tags(tmp_path / "x.tif").profile is None


@pytest.mark.parametrize("profile", [b"", b"x" * 200, RGB[:-1], RGB[:16] + b"CMYK" + RGB[20:]])
def test_damaged_profiles_are_left_out(tmp_path, profile):
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((4, 5, 3), np.uint8), iccprofile=profile)
    assert image_tags(tmp_path / "x.tif").profile is None


def test_names_of_bands_are_those_of_gdal(tmp_path):
    path = write_geotiff(tmp_path / "x.tif", np.zeros((4, 5, 3), np.uint16))
    with rasterio.open(path, "r+") as file:
        file.set_band_description(1, "B2 & blue")
        file.set_band_description(3, "grün")
    tags = image_tags(path)
    assert tags.names == ("B2 & blue", "", "grün")
    write_image(tmp_path / "y.tif", np.zeros((4, 5, 3), np.float32), tags=tags)
    with rasterio.open(tmp_path / "y.tif") as file:
        assert [name or "" for name in file.descriptions] == list(tags.names)


def write_ome(path, channels):
    image = np.arange(channels * 4 * 5, dtype=np.uint16).reshape(channels, 4, 5)
    names = [f"stain {number}" for number in range(channels)]
    metadata = {"axes": "CYX", "PhysicalSizeX": 650, "PhysicalSizeXUnit": "nm"}
    metadata |= {"PhysicalSizeY": 0.5, "Channel": {"Name": names}}
    options = {"ome": True, "photometric": "minisblack", "metadata": metadata}
    tifffile.imwrite(path, image, **options)
    return path


def test_ome_is_read_and_written_with_the_size_of_a_pixel_and_the_names_of_channels(tmp_path):
    tags = image_tags(write_ome(tmp_path / "x.ome.tif", 5))
    assert tags.is_ome
    assert tags.resolution == pytest.approx(CAMERA)
    assert tags.names == tuple(f"stain {number}" for number in range(5))
    image = np.random.default_rng(0).normal(size=(4, 6, 5)).astype(np.float32)
    write_image(tmp_path / "y.ome.tif", image, text={"a": 'b "<c>"'}, tags=tags)
    with tifffile.TiffFile(tmp_path / "y.ome.tif") as tiff:
        assert tiff.is_ome
        assert tiff.series[0].axes == "CYX"
        assert np.array_equal(tiff.asarray(), np.moveaxis(image, -1, 0))
        pixels = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]["Pixels"]
        assert (pixels["PhysicalSizeX"], pixels["PhysicalSizeY"]) == (0.65, 0.5)
        assert pixels["PhysicalSizeXUnit"] == "µm"
        assert pixels["Channel"][3]["Name"] == "stain 3"
        assert tiff_text(tiff.pages[0].description) == {"a": 'b "<c>"'}
    again = image_tags(tmp_path / "y.ome.tif")
    assert again.resolution == pytest.approx(CAMERA)
    assert again.names == tags.names
    assert np.array_equal(read_image(tmp_path / "y.ome.tif", 5), image)


@pytest.mark.parametrize(("channels", "axes"), [(1, "YX"), (3, "YXS"), (4, "YXS")])
def test_grey_and_colours_are_one_page_of_ome(tmp_path, channels, axes):
    image = np.arange(4 * 5 * channels).reshape(4, 5, channels).astype(np.uint8)
    write_image(tmp_path / "x.ome.tif", image, tags=CarriedTags(is_ome=True))
    with tifffile.TiffFile(tmp_path / "x.ome.tif") as tiff:
        assert (tiff.is_ome, tiff.series[0].axes) == (True, axes)
    assert np.array_equal(read_image(tmp_path / "x.ome.tif", channels), image)


@pytest.mark.parametrize("unit", ["micron", "um", "\\u00B5m"])
def test_imagej_says_the_unit_in_its_lines(tmp_path, unit):
    pixels = np.zeros((4, 5), np.uint16)
    tifffile.imwrite(
        tmp_path / "x.tif",
        pixels,
        imagej=True,
        resolution=(1 / 0.65, 1 / 0.5),
        metadata={"unit": unit},
    )
    found = image_tags(tmp_path / "x.tif").resolution
    assert found == pytest.approx(CAMERA)


@pytest.mark.parametrize(
    "text",
    [
        "<OME",
        "<OME></OME>",
        "<OME><Image><Pixels PhysicalSizeX='x'/></Image></OME>",
        "<OME><Image><Pixels PhysicalSizeX='0' PhysicalSizeY='1'/></Image></OME>",
        "<OME><Image><Pixels PhysicalSizeX='1' PhysicalSizeXUnit='ly'/></Image></OME>",
        '<!DOCTYPE a [<!ENTITY b "b">]><OME><Image><Description>&b;</Description></Image></OME>',
        '<?xml version="1.0" encoding="none"?><OME></OME>',
    ],
)
def test_damaged_texts_say_nothing(tmp_path, text):
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((4, 5), np.uint8), description=text)
    tags = image_tags(tmp_path / "x.tif")
    assert (tags.names, tags.resolution) == ((), Resolution(1, 1, 1))
    assert tiff_text(text).get("a") is None


def test_files_have_in_common_what_all_of_them_say(tmp_path):
    for number, dpi in enumerate((72, 300)):
        image = Image.new("RGB", (4, 5), (number, 2, 3))
        image.save(tmp_path / f"{number}.png", dpi=(dpi, dpi), icc_profile=RGB)
    (tmp_path / "2.png").write_bytes(b"no image")
    paths = sorted(tmp_path.glob("*.png"))
    assert common_tags(paths) == CarriedTags(profile=RGB)
    Image.new("RGB", (4, 5)).save(tmp_path / "3.png")
    assert common_tags([*paths, tmp_path / "3.png"]) == CarriedTags()
    assert common_tags([]) == CarriedTags()


def test_common_tags_are_recorded_as_json():
    tags = CarriedTags(None, None, -9999.0, RGB, ("a", ""), True)
    assert from_json(to_json(tags)) == tags
    assert np.isnan(from_json(to_json(CarriedTags(nodata=float("nan")))).nodata)
    assert from_json({}) == CarriedTags()


def test_pages_that_are_not_named_say_what_they_say(tmp_path):
    pages = np.zeros((3, 4, 5), np.float32)
    tifffile.imwrite(tmp_path / "x.tif", pages, photometric="minisblack", resolution=(7, 7))
    assert image_tags(tmp_path / "x.tif", Reading(axes="CYX")).resolution == Resolution(7, 7, 2)
