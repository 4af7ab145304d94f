"""Georeference of GeoTIFFs, written and read back by rasterio (GDAL)."""

import contextlib
import tracemalloc

import numpy as np
import pytest
import rasterio
import tifffile
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from pix2pix_tf.images.georeference import read_georeference, same_ground
from pix2pix_tf.images.io import image_tags, read_image, write_image
from pix2pix_tf.utils.errors import UserError

NORTH_UP = Affine(10, 0, 300_000, 0, -10, 5_000_000)
ROTATED = Affine(0.1, 0.02, 5, 0.01, -0.1, 50)
PIXELS = np.arange(8 * 12, dtype=np.float32).reshape(8, 12)
ALBERS = CRS.from_proj4(
    "+proj=aea +lat_1=29.5 +lat_2=45.5 +lat_0=23 +lon_0=-96 +ellps=GRS80 +units=m"
)


def write_geotiff(path, pixels=PIXELS, crs="EPSG:32633", transform=NORTH_UP, tags=None, **options):
    bands = pixels[np.newaxis] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
    count, height, width = bands.shape
    if transform is not None:
        options["transform"] = transform
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=height,
        width=width,
        count=count,
        dtype=pixels.dtype,
        crs=crs,
        **options,
    ) as file:
        file.write(bands)
        file.update_tags(**(tags or {}))
    return path


def georeference(path):
    return image_tags(path).georeference


@pytest.mark.parametrize("transform", [NORTH_UP, ROTATED, Affine(10, 0, 300_000, 0, 10, 4_999_920)])
@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:4326", ALBERS])
@pytest.mark.parametrize("area", ["Area", "Point"])
def test_georeference_is_read_and_written_as_rasterio_has_it(tmp_path, transform, crs, area):
    path = write_geotiff(
        tmp_path / "x.tif", crs=crs, transform=transform, tags={"AREA_OR_POINT": area}
    )
    found = georeference(path)
    assert np.allclose(found.transform, transform[:6], rtol=1e-12)
    write_image(tmp_path / "y.tif", np.zeros((8, 12, 2), np.uint16), tags=image_tags(path))
    with rasterio.open(path) as one, rasterio.open(tmp_path / "y.tif") as other:
        assert one.crs == other.crs
        assert one.crs is not None
        assert np.allclose(one.transform, other.transform, rtol=1e-12)
        assert other.tags()["AREA_OR_POINT"] == area


def test_crs_and_extent_are_said_in_words(tmp_path):
    found = georeference(write_geotiff(tmp_path / "x.tif"))
    assert found.describe(8, 12) == "in EPSG:32633 at x 300000 to 300120, y 4999920 to 5000000"
    albers = georeference(write_geotiff(tmp_path / "y.tif", crs=ALBERS))
    assert albers.crs == "unknown"  # as GDAL names it


@pytest.mark.parametrize("orientation", range(1, 9))
def test_georeference_of_turned_pixels_is_that_of_the_upright_image(tmp_path, orientation):
    path = write_geotiff(tmp_path / "x.tif")
    tags = [(274, 3, 1, orientation, True), *image_tags(path).extratags()]
    tifffile.imwrite(tmp_path / "y.tif", PIXELS, extratags=tags, metadata=None)
    upright = read_image(tmp_path / "y.tif", 1)[..., 0]
    a, b, c, d, e, f = georeference(tmp_path / "y.tif").transform
    for value in (0, 11, 40, 95):  # the middle of each pixel stays where it is on the ground
        (row, column), (stored_row, stored_column) = (
            np.argwhere(pixels == value)[0] + 0.5 for pixels in (upright, PIXELS)
        )
        expected = (300_000 + 10 * stored_column, 5_000_000 - 10 * stored_row)
        assert (a * column + b * row + c, d * column + e * row + f) == pytest.approx(expected)


@pytest.mark.parametrize("area", ["Area", "Point"])
def test_the_right_half_of_a_file_begins_in_its_middle(tmp_path, area):
    path = write_geotiff(tmp_path / "x.tif", tags={"AREA_OR_POINT": area})
    write_image(tmp_path / "y.tif", np.zeros((8, 6, 1), np.uint8), tags=image_tags(path).moved(6))
    with rasterio.open(tmp_path / "y.tif") as half:
        assert half.transform.almost_equals(Affine(10, 0, 300_060, 0, -10, 5_000_000))


def test_ground_control_points_are_kept(tmp_path):
    points = [
        GroundControlPoint(row=row, col=column, x=5 + column / 10, y=50 - row / 10 + column / 100)
        for row, column in [(0, 0), (0, 12), (8, 0), (8, 12)]
    ]
    path = write_geotiff(tmp_path / "x.tif", transform=None, gcps=points, crs="EPSG:4326")
    assert georeference(path).extent(8, 12) is None
    write_image(tmp_path / "y.tif", np.zeros((8, 12, 1), np.uint8), tags=image_tags(path))
    with rasterio.open(tmp_path / "y.tif") as file:
        found, crs = file.gcps
    assert crs == CRS.from_epsg(4326)
    assert [(p.row, p.col, p.x, p.y) for p in found] == [(p.row, p.col, p.x, p.y) for p in points]
    write_image(tmp_path / "z.tif", np.zeros((8, 6, 1), np.uint8), tags=image_tags(path).moved(6))
    with rasterio.open(tmp_path / "z.tif") as file:
        assert [p.col for p in file.gcps[0]] == [-6, 6, -6, 6]


def test_names_of_the_crs_do_not_count(tmp_path):
    one = georeference(write_geotiff(tmp_path / "x.tif"))
    tags = {34735: (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)}
    tags |= {33550: (10.0, 10.0, 0.0), 33922: (0.0, 0.0, 0.0, 300_000.0, 5_000_000.0, 0.0)}
    other = read_georeference(tags, (8, 12))  # as a program writes that names nothing
    assert one.same_crs(other)
    assert not one.same_crs(georeference(write_geotiff(tmp_path / "y.tif", crs="EPSG:32634")))
    assert not one.same_crs(georeference(write_geotiff(tmp_path / "y.tif", crs="EPSG:4326")))


def test_parameters_of_a_crs_without_a_code_are_compared(tmp_path):
    moved = CRS.from_proj4(ALBERS.to_proj4().replace("-96", "-95"))
    one, same, other = (
        georeference(write_geotiff(tmp_path / f"{number}.tif", crs=crs))
        for number, crs in enumerate([ALBERS, ALBERS, moved])
    )
    assert one.same_crs(same)
    assert not one.same_crs(other)


@pytest.mark.parametrize(
    ("size", "transform", "same"),
    [
        ((8, 12), NORTH_UP, True),
        ((4, 6), Affine(20, 0, 300_000, 0, -20, 5_000_000), True),  # half of the resolution
        ((8, 12), Affine(10, 0, 300_005, 0, -10, 4_999_995), True),  # half a pixel
        ((8, 12), Affine(10, 0, 300_006, 0, -10, 5_000_000), False),
        ((4, 6), Affine(20, 0, 300_006, 0, -20, 5_000_000), False),  # of the finer one
        ((8, 12), Affine(10, 0, 300_000, 0, 10, 4_999_920), False),  # upside down
        ((8, 12), Affine(20, 0, 300_000, 0, -20, 5_000_000), False),
    ],
)
def test_same_ground_is_to_half_a_pixel(tmp_path, size, transform, same):
    one = georeference(write_geotiff(tmp_path / "x.tif"))
    other = georeference(write_geotiff(tmp_path / "y.tif", transform=transform))
    assert same_ground(one, (8, 12), other, size) is same
    assert same_ground(other, size, one, (8, 12)) is same


@pytest.mark.parametrize(
    "broken",
    [
        {33550: (10.0,)},
        {33550: (float("nan"), 10.0, 0.0)},
        {33550: (0.0, 0.0, 0.0)},
        {33550: "10 10"},
        {33922: (0.0,) * 5},
        {33922: b"\0" * 48},
        {33922: (0.0, 0.0, 0.0, float("inf"), 0.0, 0.0)},
        {33550: None, 33922: None, 34264: (1.0,) * 16},
        {33550: None, 33922: None, 34264: (1.0,) * 15},
    ],
)
def test_damaged_transforms_count_as_missing(broken):
    tags = {33550: (10.0, 10.0, 0.0), 33922: (0.0, 0.0, 0.0, 3.0, 5.0, 0.0), **broken}
    found = read_georeference(tags, (8, 12))
    assert found is None or found.transform is None


@pytest.mark.parametrize(
    "directory",
    [
        (),
        (1, 1, 0),
        (1, 1, 0, 60_000, 1024, 0, 1, 1),
        (1, 1, 0, 1, 3072, 34736, 5, 60_000),
        (1, 1, 0, 1, 1026, 34737, 60_000, 3),
        (1, 1, 0, 1, 3072, 12345, 1, 0),
        (1.5, 2.5),
        "keys",
        (-1,) * 8,
    ],
)
def test_damaged_keys_count_as_missing(directory):
    tags = {33550: (10.0, 10.0, 0.0), 33922: (0.0, 0.0, 0.0, 3.0, 5.0, 0.0), 34735: directory}
    found = read_georeference(tags, (8, 12))
    assert found.transform == (10.0, 0.0, 3.0, 0.0, -10.0, 5.0)
    assert found.crs == "a CRS without a name"


@pytest.mark.parametrize("tag", [33550, 33922, 34735, 34737, 42113])
@pytest.mark.parametrize("count", [2, 10_000_000, 2**31 - 1])
def test_tags_that_claim_more_than_the_file_holds_take_no_memory(tmp_path, tag, count):
    path = write_geotiff(tmp_path / "x.tif", nodata=-9999)
    with tifffile.TiffFile(path) as tiff:
        place = tiff.pages[0].tags[tag].offset + 4  # after the number and the type of the tag
    content = bytearray(path.read_bytes())
    content[place : place + 4] = count.to_bytes(4, "little")
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with contextlib.suppress(UserError):
            assert read_image(path, 1).shape == (8, 12, 1)
            image_tags(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**22
