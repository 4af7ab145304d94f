"""Arrays that NumPy saved are read as they are, by axes that are known, or refused by name."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from pix2pix_tf.images.image_file import ImageBytes, Reading
from pix2pix_tf.images.io import (
    decode_image,
    image_dtype,
    image_size,
    inspect_image,
    read_image,
    write_image,
)
from pix2pix_tf.images.windows import ImageWindows, has_windows
from pix2pix_tf.utils.errors import UserError

REAL = ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"]
REAL += ["float16", "float32", "float64"]


def counted(*shape, dtype="uint8"):
    """0, 1, 2 ... in this shape."""
    return np.arange(np.prod(shape)).astype(dtype).reshape(shape)


def npy(path, array):
    np.save(path, array)
    return path


def npz(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


def refusal(path, channels=3, axes=None):
    with pytest.raises(UserError) as caught:
        read_image(path, channels, axes)
    message = str(caught.value)
    assert message.startswith(str(path))
    return message


def claiming(path, shape, dtype="<f4", data=b"", version=(1, 0)):
    """A .npy whose header claims an array that is not there."""
    file = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    write = {(1, 0): np.lib.format.write_array_header_1_0}.get(
        version, np.lib.format.write_array_header_2_0
    )
    write(file, header)
    path.write_bytes(file.getvalue() + data)
    return path


# --- values -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("kind", ["npy", "npz", "big-endian", "Fortran", "stored"])
def test_every_type_is_read_as_it_is(tmp_path, dtype, kind):
    array = counted(2, 3, 5, dtype=dtype)
    if kind == "npy":
        path = npy(tmp_path / "x.npy", array)
    elif kind == "big-endian":
        path = npy(tmp_path / "x.npy", array.astype(array.dtype.newbyteorder(">")))
    elif kind == "Fortran":
        path = npy(tmp_path / "x.npy", np.asfortranarray(array))
    elif kind == "npz":
        path = npz(tmp_path / "x.npz", pixels=array)
    else:
        path = tmp_path / "x.npz"
        np.savez(path, array)
    image, colour_mode, *_ = inspect_image(path, 5)
    assert image.dtype == image_dtype(path) == dtype
    assert image.dtype.isnative
    assert image.flags.writeable
    assert image.tolist() == array.tolist()
    assert image_size(path, 5) == (2, 3)
    assert colour_mode == "bands"


def test_two_axes_are_one_channel(tmp_path):
    path = npy(tmp_path / "x.npy", np.array([[1, 2, 3], [4, 5, 6]], np.int16))
    for axes in (None, "CYX", "YXC"):
        assert read_image(path, 1, axes).tolist() == [[[1], [2], [3]], [[4], [5], [6]]]
    assert image_size(path) == (2, 3)


def test_booleans_are_0_and_255(tmp_path):
    path = npy(tmp_path / "x.npy", np.array([[True, False]]))
    image = read_image(path, 1)
    assert image.dtype == image_dtype(path) == np.uint8
    assert image.tolist() == [[[255], [0]]]


def test_content_counts_and_not_the_suffix(tmp_path):
    array = counted(2, 3, 5)
    np.save(tmp_path / "x.npy", array)
    path = (tmp_path / "x.npy").rename(tmp_path / "x.png")
    assert (read_image(path, 5) == array).all()
    assert (decode_image(ImageBytes("it", path.read_bytes()), 5) == array).all()


# --- axes ---------------------------------------------------------------------------------------


def test_the_axis_with_the_number_of_channels_is_theirs(tmp_path):
    array = counted(4, 8, 6)
    path = npy(tmp_path / "x.npy", array)
    assert (read_image(path, 6) == array).all()
    assert image_size(path, 6) == (4, 8)
    first = read_image(path, 4)
    assert first.shape == (8, 6, 4)
    assert first[1, 2].tolist() == [8, 56, 104, 152]  # 6 × 1 + 2, and 48 further each
    assert image_size(path, 4) == (8, 6)


def test_axes_that_can_mean_two_things_are_asked_for(tmp_path):
    array = counted(5, 7, 5)
    path = npy(tmp_path / "x.npy", array)
    message = refusal(path, 5)
    assert (
        "is an array of 5×7×5, whose channels are the first axis or the last, and both" in message
    )
    assert "data.input_axes (for targets, data.target_axes), CYX or YXC" in message
    assert read_image(path, 5, "YXC").tolist() == array.tolist()
    assert read_image(path, 5, "CYX").tolist() == np.moveaxis(array, 0, -1).tolist()


def test_wrong_channel_count_is_refused_with_shape_and_count(tmp_path):
    path = npy(tmp_path / "x.npy", counted(4, 8, 6))
    message = refusal(path, 3)
    assert "is an array of 4×8×6" in message
    assert "neither has the 3 that the config asks for" in message
    assert "6 bands" in refusal(path, 3, "YXC")
    assert "instead of 3 channels" in refusal(path, 3, "YXC")
    assert "1 band, not colours" in refusal(npy(tmp_path / "y.npy", counted(4, 8)), 3)


def test_without_a_number_of_channels_the_axes_are_asked_for(tmp_path):
    path = npy(tmp_path / "x.npy", counted(4, 8, 6))
    for read in (image_size, inspect_image):
        with pytest.raises(UserError, match=r"is an array of 4×8×6, whose channels may be the"):
            read(path)
    assert image_size(path, axes="CYX") == (8, 6)
    assert image_dtype(path) == np.uint8  # whatever they are


# --- what is not read ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("array", "named"),
    [
        (np.array([[{}]], object), "Python objects"),
        (np.ones((2, 2), "complex64"), "complex numbers"),
        (np.ones((2, 2), "U3"), "text"),
        (np.ones((2, 2), "S3"), "text"),
        (np.zeros((2, 2), "M8[s]"), "dates"),
        (np.zeros((2, 2), "m8[s]"), "durations"),
        (np.zeros((2, 2), [("a", "i4"), ("b", "f4")]), "records of several fields"),
        (np.zeros((2, 2), [("é", "i4")]), "records of several fields"),
        (np.zeros((2, 2), [("λ", "i4")]), "records of several fields"),
        (np.ones((2, 2), np.longdouble), "float128 values"),
        (np.array(3.0), "0 axes (one number)"),
        (np.ones(7), "1 axes (7)"),
        (np.ones((2, 3, 4, 5)), "4 axes (2×3×4×5)"),
        (np.ones((2, 0)), "without values (2×0)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.filterwarnings("ignore:Stored array in format 3.0")
def test_arrays_that_are_no_images_are_refused_by_name(tmp_path, array, named):
    path = tmp_path / "x.npy"
    np.save(path, array, allow_pickle=True)
    assert named in refusal(path, 1)
    if array.ndim == 4:
        assert "one slice of a volume by itself" in refusal(path, 1)


def test_several_arrays_are_refused_with_their_names(tmp_path):
    path = npz(tmp_path / "x.npz", red=counted(2, 2), green=counted(2, 2))
    assert "holds 2 arrays (red, green): say which is read with data.input_array" in refusal(
        path, 1
    )
    assert "without arrays of NumPy" in refusal(npz(tmp_path / "y.npz"), 1)


def test_other_archives_are_no_images(tmp_path):
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    assert "a ZIP archive without arrays of NumPy" in refusal(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("x.npy", npy(tmp_path / "x.npy", counted(9, 9)).read_bytes())
    assert "compressed in another way than NumPy does" in refusal(path, 1)


# --- damage -------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.5, 0.97])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_files_cut_short_are_refused_by_name(tmp_path, suffix, share):
    noise = np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32)
    path = tmp_path / f"x{suffix}"
    (np.save if suffix == ".npy" else np.savez_compressed)(path, noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refusal(path, 1)


def test_changed_bytes_of_an_archive_are_found_by_its_checksum(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, counted(40, 50))
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    assert "damaged" in refusal(path, 1)


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_header_that_claims_a_terabyte_is_refused_before_memory_is_taken(tmp_path, version):
    path = claiming(tmp_path / "x.npy", (500_000, 500_000), data=bytes(1000), version=version)
    message = refusal(path, 1)
    assert "claims 500000×500000 values of float32, 1,000,000,000,000 bytes, and 1,000" in message
    with pytest.raises(UserError, match="claims"):
        image_size(path)
    # More than 64 bits can count.
    assert "claims" in refusal(claiming(tmp_path / "y.npy", (2**40, 2**40)), 1)
    assert "without values" in refusal(claiming(tmp_path / "z.npy", (-1, 5)), 1)


def test_archive_that_claims_a_terabyte_is_refused_before_memory_is_taken(tmp_path):
    path = tmp_path / "x.npz"
    inner = claiming(tmp_path / "x.npy", (500_000, 500_000), data=bytes(1000)).read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", inner)
    assert "claims 500000×500000 values" in refusal(path, 1)
    content = path.read_bytes()
    size = len(inner).to_bytes(4, "little")
    directory = content.rindex(b"PK\x01\x02")  # where the uncompressed size is claimed again
    at = content.index(size, content.index(size, directory) + 4)
    forged = content[:at] + (2**32 - 2).to_bytes(4, "little") + content[at + 4 :]
    path.write_bytes(forged)
    assert "more than the" in refusal(path, 1)


def test_long_headers_are_not_evaluated(tmp_path):
    path = tmp_path / "x.npy"
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (" + b"1," * 50_000 + b")}\n"
    path.write_bytes(b"\x93NUMPY\x02\x00" + len(header).to_bytes(4, "little") + header)
    assert "damaged" in refusal(path, 1)


def test_values_of_many_channels_count_for_the_limit_of_pixels(tmp_path):
    path = npy(tmp_path / "x.npy", np.zeros((10, 10, 40), np.uint8))
    assert read_image(path, 40, max_pixels=500).shape == (10, 10, 40)
    with pytest.raises(UserError, match=r"10×10 pixels .* of 40 × uint8, and more than 499 are"):
        read_image(path, 40, max_pixels=499)


# --- windows ------------------------------------------------------------------------------------


@pytest.mark.parametrize("axes", ["YXC", "CYX"])
@pytest.mark.parametrize("fortran", [False, True])
def test_windows_of_large_arrays_are_parts_of_the_image(tmp_path, monkeypatch, axes, fortran):
    monkeypatch.setattr("pix2pix_tf.images.windows.LARGE_PIXELS", 100)
    array = counted(7, 30, 20, dtype=">i2")
    path = npy(tmp_path / "x.npy", np.asfortranarray(array) if fortran else array)
    reading = Reading(7 if axes == "CYX" else 20, axes)
    whole = read_image(path, reading.channels, reading.axes)
    assert has_windows(path, reading)
    with ImageWindows(path, reading) as windows:
        assert windows.shape == whole.shape
        assert windows.dtype == np.int16
        assert (windows[1:6, 3:19] == whole[1:6, 3:19]).all()
        assert windows[:].dtype.isnative
    with ImageWindows(path, reading, half=1) as windows:
        middle = whole.shape[1] // 2
        assert (windows[:, :4] == whole[:, middle : middle + 4]).all()
    assert not has_windows(npz(tmp_path / "x.npz", x=array), reading)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("suffix", [".npy", ".tif"])
def test_values_that_are_no_numbers_are_named(tmp_path, suffix, bad):
    image = np.zeros((6, 7, 3), np.float32)
    image[2, 4, 1] = image[5, 0, 0] = bad
    path = tmp_path / f"x{suffix}"
    write_image(path, image)
    message = r"x\.\w+ has \d values? of NaN or infinity, the first in row 3, column 5, channel 2"
    with pytest.raises(UserError, match=message):
        decode_image(path, 3)
    with ImageWindows(path, Reading(3)) as windows:
        assert windows[:2].shape == (2, 7, 3)
        with pytest.raises(UserError, match=message):
            windows[1:4, 3:]


def test_large_floats_are_numbers(tmp_path):
    image = np.full((2, 2, 1), np.finfo(np.float64).max)
    np.save(tmp_path / "x.npy", image)
    assert np.array_equal(decode_image(tmp_path / "x.npy", 1), image)
