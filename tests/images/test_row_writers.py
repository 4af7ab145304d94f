"""Images written row by row are those written at once, and never half there."""

import itertools

import numpy as np
import pytest
import tifffile

from pix2pix_tf.images.carried_tags import CarriedTags, Resolution
from pix2pix_tf.images.io import read_image, write_image
from pix2pix_tf.images.row_writers import rows_written
from pix2pix_tf.utils.files import WriteError


def noise(*shape, dtype):
    values = np.random.default_rng(0).integers(0, 250, shape)
    return values.astype(dtype)


def write_by_rows(path, image, steps, shape=None, **words):
    with rows_written(path, shape or image.shape, image.dtype, **words) as write:
        for first, end in itertools.pairwise([0, *steps, len(image)]):
            write(image[first:end])


@pytest.mark.parametrize("is_ome", [False, True])
@pytest.mark.parametrize(
    ("dtype", "channels"), [("u1", 1), ("u1", 3), ("u2", 4), ("f4", 1), ("f4", 7), ("i2", 13)]
)
def test_a_tiff_is_the_same_as_one_written_at_once(tmp_path, dtype, channels, is_ome):
    image = noise(300, 20, channels, dtype=dtype)
    tags = CarriedTags(Resolution(300.0, 150.0, 2), nodata=251, is_ome=is_ome)
    text = {"made": "here"}
    write_by_rows(tmp_path / "rows.tif", image, (1, 130, 131), text=text, tags=tags)
    write_image(tmp_path / "once.tif", image, text=text, tags=tags)
    assert (tmp_path / "rows.tif").stat().st_size == (tmp_path / "once.tif").stat().st_size
    with (
        tifffile.TiffFile(tmp_path / "rows.tif") as rows,
        tifffile.TiffFile(tmp_path / "once.tif") as once,
    ):
        assert rows.is_ome == once.is_ome == is_ome
        assert np.array_equal(rows.asarray(), once.asarray())
        assert rows.pages[0].tags["XResolution"].value == (300, 1)
        assert rows.pages[0].rowsperstrip < 300 or image[0].nbytes * 300 <= 2**18
    assert np.array_equal(read_image(tmp_path / "rows.tif", channels), image)


def test_strips_are_small_enough_to_be_read_by_windows(tmp_path):
    image = noise(5000, 100, 3, dtype="u1")
    write_by_rows(tmp_path / "x.tif", image, range(100, 5000, 100))
    with tifffile.TiffFile(tmp_path / "x.tif") as tiff:
        assert tiff.pages[0].rowsperstrip == 2**18 // 300


@pytest.mark.parametrize(("dtype", "channels"), [("u1", 1), ("f8", 5)])
def test_a_numpy_file_is_the_array(tmp_path, dtype, channels):
    image = noise(30, 20, channels, dtype=dtype)
    write_by_rows(tmp_path / "x.npy", image, (7, 8))
    found = np.load(tmp_path / "x.npy", allow_pickle=False)
    assert found.dtype == image.dtype
    assert np.array_equal(found, image)
    assert np.array_equal(read_image(tmp_path / "x.npy", channels, "YXC"), image)


def interrupted(path, shape, dtype, rows, look=lambda: None):
    """Writes some rows, looks at the folder, and stops as Ctrl-C does."""
    with rows_written(path, shape, np.dtype(dtype)) as write:
        write(rows)
        look()
        raise KeyboardInterrupt


def test_large_files_are_bigtiffs(tmp_path):
    """Little of it is written here: a file of holes."""
    shape, looked = (70_000, 70_000, 1), []

    def look():
        (partial,) = tmp_path.iterdir()
        with tifffile.TiffFile(partial) as tiff:
            looked.append((tiff.is_bigtiff, tiff.pages[0].shape))

    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "x.tif", shape, "u1", np.zeros((1, 70_000, 1), "u1"), look)
    assert looked == [(True, shape[:2])]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x.tif", "x.npy"])
def test_nothing_is_left_of_what_is_not_written_to_the_end(tmp_path, name):
    image = noise(30, 20, 2, dtype="u1")
    (tmp_path / name).write_bytes(b"before")
    with pytest.raises(ValueError, match="20 of 30 rows"):
        write_by_rows(tmp_path / name, image[:20], (10,), shape=image.shape)
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / name, image.shape, "u1", image[:10])
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"before"


def test_rows_of_another_shape_or_type_are_a_mistake(tmp_path):
    with pytest.raises(ValueError, match="rows of float32"):
        interrupted(tmp_path / "x.npy", (4, 4, 1), "u1", np.zeros((2, 4, 1), np.float32))


def test_what_cannot_be_written_says_so(tmp_path):
    with pytest.raises(WriteError, match=r"none/x\.tif cannot be written"):
        write_by_rows(tmp_path / "none" / "x.tif", noise(4, 4, 1, dtype="u1"), ())
