"""Image files of every kind, type and number of channels, written by other programs' libraries."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import nibabel
import numpy as np
import tifffile
from PIL import Image

from tests.images.test_medical import write_dicom

ANY_TYPE = ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8")
MANY = (1, 2, 3, 4, 5, 13)


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        suffix: The suffix of its files.
        write: Function that writes an image, [H, W, C], to a file.
        types: The types of values that it holds.
        channels: The numbers of channels that it holds.
        axes: What data.*_axes must be for more than one channel; None if files say it themselves.
    """

    suffix: str
    write: Callable[[Path, np.ndarray], None]
    types: tuple[str, ...] = ANY_TYPE
    channels: tuple[int, ...] = MANY
    axes: str | None = None


def _flat(image: np.ndarray) -> np.ndarray:
    return image[..., 0] if image.shape[2] == 1 else image


def _first(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(image, -1, 0))


def _pillow(path: Path, image: np.ndarray) -> None:
    Image.fromarray(_flat(image)).save(path, lossless=True, exact=True)


def _png16(path: Path, image: np.ndarray) -> None:
    path.write_bytes(imagecodecs.png_encode(_flat(image)))


def _colours(path: Path, image: np.ndarray) -> None:
    """A TIFF whose channels are tagged as grey, RGB and alpha."""
    tifffile.imwrite(
        path,
        _flat(image),
        photometric="rgb" if image.shape[2] > 2 else "minisblack",
        planarconfig="contig" if image.shape[2] > 1 else None,
        extrasamples=["unassalpha"] if image.shape[2] in (2, 4) else None,
    )


def _bands(**options: object) -> Callable[[Path, np.ndarray], None]:
    def write(path: Path, image: np.ndarray) -> None:
        many = image.shape[2] > 1
        planar = options.get("planarconfig") == "separate"
        stored = _first(image) if planar and many else _flat(image)
        layout = {} if many else {"planarconfig": None}
        tifffile.imwrite(
            path, stored, **{"photometric": "minisblack", "metadata": None, **options, **layout}
        )

    return write


def _pages(**options: object) -> Callable[[Path, np.ndarray], None]:
    """A TIFF of one page a channel."""

    def write(path: Path, image: np.ndarray) -> None:
        metadata = {"axes": "CYX"} if options else None
        tifffile.imwrite(
            path, _first(image), photometric="minisblack", metadata=metadata, **options
        )

    return write


def _npz(path: Path, image: np.ndarray) -> None:
    np.savez_compressed(path, image=_flat(image))


def _dicom(path: Path, image: np.ndarray) -> None:
    write_dicom(path, image[..., 0])


def _nifti(path: Path, image: np.ndarray) -> None:
    """A file of x, y, and of vectors for several channels."""
    array = image.transpose(1, 0, 2)
    nibabel.save(nibabel.Nifti1Image(array[:, :, None, None], np.eye(4), dtype=image.dtype), path)


KINDS = {
    "PNG": Kind(".png", _pillow, ("u1",), (1, 2, 3, 4)),
    "PNG of 16 bits": Kind(".png", _png16, ("u2",), (1, 2, 3, 4)),
    "WebP": Kind(".webp", _pillow, ("u1",), (3, 4)),
    "BMP": Kind(".bmp", _pillow, ("u1",), (1, 3)),
    "TIFF of colours": Kind(".tif", _colours, ("u1", "u2"), (1, 2, 3, 4)),
    "TIFF, interleaved": Kind(".tif", _bands(planarconfig="contig")),
    "TIFF in planes": Kind(".tif", _bands(planarconfig="separate")),
    "TIFF, deflate and predictor": Kind(
        ".tif",
        _bands(planarconfig="contig", compression="zlib", predictor=True),
        ("u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8"),
    ),
    "TIFF, big-endian tiles": Kind(
        ".tif", _bands(planarconfig="contig", byteorder=">", tile=(16, 16), bigtiff=True)
    ),
    "TIFF by LERC": Kind(
        ".tif",
        _bands(planarconfig="contig", compression="lerc"),
        ("u1", "u2", "u4", "i1", "i2", "i4", "f4", "f8"),
    ),
    "OME-TIFF": Kind(
        ".ome.tif", _pages(ome=True), ("u1", "u2", "u4", "i1", "i2", "i4", "f4", "f8"), MANY[1:]
    ),
    "ImageJ TIFF": Kind(".tif", _pages(imagej=True), ("u1", "u2", "f4"), MANY[1:]),
    "TIFF of pages": Kind(".tif", _pages(), ANY_TYPE, MANY[1:], axes="CYX"),
    "NumPy": Kind(".npy", lambda path, image: np.save(path, _flat(image))),
    "NumPy, channels first": Kind(
        ".npy", lambda path, image: np.save(path, _first(image)), channels=MANY, axes="CYX"
    ),
    "NumPy, Fortran's order, big-endian": Kind(
        ".npy",
        lambda path, image: np.save(
            path, np.asfortranarray(_flat(image)).astype(image.dtype.newbyteorder(">"))
        ),
        ANY_TYPE[1:4] + ANY_TYPE[5:],
    ),
    "NumPy's archive": Kind(".npz", _npz),
    "DICOM": Kind(".dcm", _dicom, ("u1", "u2", "i2"), (1,)),
    "NIfTI": Kind(".nii", _nifti, ("u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8")),
    "NIfTI, compressed": Kind(".nii.gz", _nifti, ("i2", "f4"), (1, 5)),
}


def combinations() -> list[tuple[str, str, int]]:
    """Returns every combination of kind, type and number of channels."""
    return [
        (name, dtype, channels)
        for name, kind in KINDS.items()
        for dtype, channels in itertools.product(kind.types, kind.channels)
    ]


def value_range(dtype: str) -> list[float]:
    """Returns a range of values that images of a type have here."""
    if dtype[0] == "f":
        return [-2.0, 6.0]
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    return [max(low, -1000), min(high, 3000)]


def draw(seed: int, side: int, dtype: str, channels: int) -> np.ndarray:
    """Returns an image of a type, [side, side, channels], with values of `value_range`."""
    low, high = value_range(dtype)
    values = np.random.default_rng(seed).uniform(low, high, (side, side, channels))
    return values.astype(dtype) if dtype[0] == "f" else np.rint(values).astype(dtype)
