"""What translated files take over from their inputs, and what is said where they cannot."""

from types import SimpleNamespace

import numpy as np
import pytest

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.input_source import InputForm, InputSource
from pix2pix_tf.images.carried_tags import NO_TAGS, Resolution
from pix2pix_tf.images.io import image_tags, write_image
from pix2pix_tf.images.value_range import ImageValues, PairValues, ValueRange
from pix2pix_tf.inference.carried import carried_notes, carried_over
from tests.images.test_georeference import write_geotiff

WHOLE = InputForm(None, derive=False)
EMPTY = np.array([[True, False]])


def translator(dtype, of_targets=None, **data):
    """Stands for that of a run with targets of a type."""
    tree = {"root": "x", "input_channels": 1, "target_channels": 1, **data}
    target = ImageValues(np.dtype(dtype), ValueRange((0.0,), (9.0,)), of_targets)
    return SimpleNamespace(
        source=InputSource(make_config({"data": tree})),
        values=PairValues(ImageValues(), target),
        target_tags=NO_TAGS,
    )


def scene(folder, dtype="f4", **options):
    return write_geotiff(folder / "x.tif", np.zeros((1, 2), dtype), **options)


@pytest.mark.parametrize(
    ("of_targets", "of_input", "dtype", "written"),
    [
        (-9999.0, 0.0, "f4", -9999.0),  # the targets' own
        (None, -9999.0, "f4", -9999.0),
        (None, -9999.0, "i2", -9999),
        (None, 7.0, "u1", 7),
        (-9999.0, None, "f4", -9999.0),
        (None, None, "f4", None),
    ],
)
def test_no_data_is_that_of_the_targets_else_that_of_the_input(
    tmp_path, of_targets, of_input, dtype, written
):
    path = scene(tmp_path, nodata=of_input)
    over = carried_over(translator(dtype, of_targets), path, WHOLE, ".tif")
    assert over.tags.nodata == written
    marked = over.mark(np.full((1, 2, 3), 5, dtype), None if of_input is None else EMPTY)
    first = 5 if of_input is None else written
    assert marked.tolist() == [[[first] * 3, [5] * 3]]
    assert marked.dtype == np.dtype(dtype)
    assert carried_notes([over]) == []


def test_the_config_says_what_stands_for_no_data_in_inputs(tmp_path):
    made = carried_over(translator("i2", nodata=3), scene(tmp_path), WHOLE, ".tif")
    assert made.tags.nodata == 3
    of_inputs = translator("i2", nodata=[4, "file"])
    assert carried_over(of_inputs, scene(tmp_path), WHOLE, ".tif").tags.nodata == 4


def test_what_the_targets_cannot_hold_is_said_once(tmp_path):
    path = scene(tmp_path, nodata=-9999)
    overs = [carried_over(translator("u1"), path, WHOLE, ".tif") for _ in range(3)]
    for over in overs[:2]:
        assert over.tags.nodata is None
        assert over.mark(np.full((1, 2, 1), 5, np.uint8), EMPTY).tolist() == [[[5], [5]]]
    assert carried_notes(overs) == [
        "2 pixels of 2 of 3 inputs have no data, and their translations values that mean nothing: "
        "images of uint8 cannot hold -9999, their no data"
    ]


def test_what_png_has_no_place_for_is_said(tmp_path):
    over = carried_over(translator("u1"), scene(tmp_path, nodata=0), WHOLE, ".png")
    over.mark(np.full((1, 2, 1), 5, np.uint8), EMPTY)
    assert carried_notes([over]) == [
        "1 of 1 input has a georeference, which the files written have no place for: --format tiff "
        "keeps it",
        "1 pixel of 1 of 1 input has no data, and its translation a value that means nothing: PNG "
        "has no place for a value that says so (--format tiff has)",
    ]


@pytest.mark.parametrize("suffix", [".tif", ".png"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_resolution_is_carried_over(tmp_path, suffix, dtype):
    from PIL import Image

    Image.new("L", (2, 1)).save(tmp_path / "x.jpg", dpi=(300, 150))
    over = carried_over(translator(dtype), tmp_path / "x.jpg", WHOLE, suffix)
    write_image(tmp_path / f"y{suffix}", np.zeros((1, 2, 3), dtype), tags=over.tags)
    with Image.open(tmp_path / f"y{suffix}") as made:
        assert tuple(map(float, made.info["dpi"])) == pytest.approx((300, 150), abs=0.02)
    found = image_tags(tmp_path / f"y{suffix}").resolution
    assert found == Resolution(*(pytest.approx(value, abs=0.02) for value in (300, 150)), 2)


def test_a_turned_photograph_has_its_resolution_turned(tmp_path):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (2, 1)).save(tmp_path / "x.jpg", dpi=(300, 150), exif=exif)
    assert image_tags(tmp_path / "x.jpg").resolution[:2] == (150, 300)
