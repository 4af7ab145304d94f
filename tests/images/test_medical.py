"""DICOM and NIfTI slices, of pydicom and nibabel, are read as the numbers they stand for."""

import importlib.util

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, RLELossless

from pix2pix_tf.images.io import image_dtype, image_rescaling, image_size, image_tags, read_image
from pix2pix_tf.utils.errors import UserError


def write_dicom(path, stored, *, bits=None, **elements):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MRImageStorage, "1.2.3"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, "1.2.3"
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.SamplesPerPixel = stored.shape[2] if stored.ndim == 3 else 1
    if dataset.SamplesPerPixel > 1:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = "MONOCHROME2" if dataset.SamplesPerPixel == 1 else "RGB"
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.BitsAllocated = 8 * stored.dtype.itemsize
    dataset.BitsStored = bits or dataset.BitsAllocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelData = stored.tobytes()
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


STORED = np.array([[0, 1024, 2000], [1, 4095, 7]], np.uint16)


def test_hounsfield_units_of_a_ct(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", STORED, bits=12, RescaleSlope=1, RescaleIntercept=-1024)
    image = read_image(path, 1)
    assert (image.shape, image.dtype) == ((2, 3, 1), np.int16)
    assert image[..., 0].tolist() == [[-1024, 0, 976], [-1023, 3071, -1017]]
    assert (image_dtype(path), image_size(path)) == (np.int16, (2, 3))
    assert image_rescaling(path) == "slope 1, intercept -1024"


@pytest.mark.parametrize(
    ("stored", "elements", "dtype", "values"),
    [
        (STORED, {}, "u2", STORED.tolist()),
        (STORED.astype("i2") - 5, {}, "i2", (STORED.astype(int) - 5).tolist()),
        (np.array([[3, 250]], "u1"), {}, "u1", [[3, 250]]),
        (
            np.array([[1, 3]], "u2"),
            {"RescaleSlope": 0.5, "RescaleIntercept": 1},
            "f4",
            [[1.5, 2.5]],
        ),
        (np.array([[1, 3]], "u2"), {"RescaleSlope": 2, "RescaleIntercept": 1}, "u4", [[3, 7]]),
        (
            np.array([[0, 5]], "u1"),
            {"PhotometricInterpretation": "MONOCHROME1"},
            "u1",
            [[255, 250]],
        ),
    ],
)
def test_types_and_rescaling(tmp_path, stored, elements, dtype, values):
    image = read_image(write_dicom(tmp_path / "a.dcm", stored, **elements), 1)
    assert image.dtype == np.dtype(dtype)
    assert image[..., 0].tolist() == values


def test_colours_padding_and_compression(tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)
    assert np.array_equal(read_image(write_dicom(tmp_path / "a.dcm", colours), 3), colours)
    words = {"RescaleSlope": 1, "RescaleIntercept": -1000, "PixelPaddingValue": 7}
    path = write_dicom(tmp_path / "b.dcm", STORED, **words)
    assert image_tags(path).nodata == -993
    assert read_image(path, 1)[1, 2, 0] == np.iinfo(np.int32).min  # the low end of the range
    packed = pydicom.dcmread(write_dicom(tmp_path / "c.dcm", STORED))
    packed.compress(RLELossless)
    packed.save_as(tmp_path / "c.dcm")
    assert read_image(tmp_path / "c.dcm", 1)[..., 0].tolist() == STORED.tolist()


@pytest.mark.parametrize(
    ("elements", "sentence"),
    [
        ({"NumberOfFrames": 2}, "of 2 frames: save each as a file by itself"),
        ({"Rows": 60_000, "Columns": 60_000}, "its header claims 7,200,000,000 bytes of pixels"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "of PALETTE COLOR with 1 samples"),
        ({"BitsAllocated": 12}, "of 12 bits per sample"),
        (
            {"PhotometricInterpretation": "MONOCHROME1", "RescaleIntercept": 3, "RescaleSlope": 1},
            "white as zero .MONOCHROME1. and a rescale slope",
        ),
    ],
)
def test_what_is_no_slice_is_refused(tmp_path, elements, sentence):
    path = write_dicom(tmp_path / "a.dcm", STORED, **elements)
    with pytest.raises(UserError, match=rf"a\.dcm is .*{sentence}"):
        read_image(path, 1)


def test_a_file_that_is_cut_short(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", np.zeros((50, 50), np.uint16))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"a\.dcm is (damaged|cut short|a DICOM)"):
        read_image(path, 1)


def write_nifti(path, array, *, kind=nibabel.Nifti1Image, slope=None, inter=None):
    image = kind(array, np.eye(4))
    image.header.set_slope_inter(slope, inter)
    if slope is None:
        nibabel.save(image, path)
        return path
    image.header["scl_slope"], image.header["scl_inter"] = slope, inter
    with path.open("wb") as file:  # with the numbers as they are stored
        image.header["vox_offset"], image.header["magic"] = 352, b"n+1"
        file.write(image.header.binaryblock + b"\0" * 4 + array.tobytes(order="F"))
    return path


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8", ">i2"])
def test_x_is_columns_and_y_rows(tmp_path, kind, suffix, dtype):
    array = np.arange(6).reshape(3, 2).astype(dtype)  # x, y
    path = write_nifti(tmp_path / f"a{suffix}", array, kind=kind)
    image = read_image(path, 1)
    assert image[..., 0].tolist() == [[0, 2, 4], [1, 3, 5]]
    assert image.dtype == np.dtype(dtype).newbyteorder("=")
    assert image_size(path) == (2, 3)


def test_slices_in_any_orientation_vectors_and_colours(tmp_path):
    array = np.arange(12, dtype=np.int16)
    for shape in ((1, 4, 3), (4, 1, 3), (4, 3, 1), (4, 3, 1, 1)):
        path = write_nifti(tmp_path / "a.nii", array.reshape(4, 3).reshape(shape))
        assert read_image(path, 1)[..., 0].tolist() == array.reshape(4, 3).T.tolist()
    vectors = np.arange(24, dtype=np.float32).reshape(4, 3, 1, 1, 2)
    image = read_image(write_nifti(tmp_path / "v.nii", vectors), 2)
    assert np.array_equal(image, vectors[:, :, 0, 0].transpose(1, 0, 2))
    colours = np.zeros((4, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    colours["R"][1, 2], colours["B"][3, 0] = 200, 9
    image = read_image(write_nifti(tmp_path / "c.nii", colours), 3)
    assert image[2, 1].tolist() == [200, 0, 0]
    assert image[0, 3].tolist() == [0, 0, 9]


def test_slope_and_intercept(tmp_path):
    path = write_nifti(tmp_path / "a.nii", np.array([[1, 2]], np.int16), slope=0.5, inter=10)
    image = read_image(path, 1)
    assert (image.dtype, image.ravel().tolist()) == (np.float32, [10.5, 11.0])
    assert image_rescaling(path) == "slope 0.5, intercept 10"


def test_volumes_and_claims_are_refused(tmp_path):
    path = write_nifti(tmp_path / "a.nii", np.zeros((4, 3, 2), np.int16))
    with pytest.raises(UserError, match=r"a\.nii is a volume of 4×3×2: save its slices"):
        read_image(path, 1)
    path = write_nifti(tmp_path / "b.nii.gz", np.zeros((4, 3), np.int16))
    header = nibabel.Nifti1Image(np.zeros((4, 3), np.int16), np.eye(4)).header
    header.set_data_shape((30_000, 30_000))
    header["vox_offset"], header["magic"] = 352, b"n+1"
    (tmp_path / "b.nii").write_bytes(header.binaryblock + bytes(100))
    with pytest.raises(UserError, match=r"b\.nii is cut short .* claims 30000×30000 values"):
        read_image(tmp_path / "b.nii", 1)
    with pytest.raises(UserError, match="complex"):
        read_image(write_nifti(tmp_path / "c.nii", np.zeros((4, 3), np.complex64)), 1)


@pytest.mark.parametrize(("package", "name"), [("pydicom", "a.dcm"), ("nibabel", "a.nii")])
def test_without_the_extra_the_error_names_it(tmp_path, monkeypatch, package, name):
    if package == "pydicom":
        write_dicom(tmp_path / name, STORED)
    else:
        write_nifti(tmp_path / name, STORED)
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else found(name)
    )
    with pytest.raises(UserError, match=rf"needs {package}.*pip install 'pix2pix-tf\[medical\]'"):
        read_image(tmp_path / name, 1)
