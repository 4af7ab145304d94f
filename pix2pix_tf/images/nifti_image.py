"""Reading of slices in NIfTI files, through the package nibabel (the extra `medical`).

A file of two axes, or of more of which all but two have one entry, is a slice: its first axis, x,
is columns, and its second, y, rows, from the first entry on; nothing is mirrored. The fifth axis,
of vectors, is channels. Values are rescaled by the slope and the intercept of the header. Volumes
are refused. A file (.nii) may be compressed by gzip (.nii.gz); headers and images in two files
(.hdr and .img) are not read.
"""

from __future__ import annotations

import gzip
import importlib.util
import io
import math
from typing import Any, BinaryIO

import numpy as np

from pix2pix_tf.images.axes import times
from pix2pix_tf.images.carried_tags import NO_TAGS
from pix2pix_tf.images.image_file import ColourMode
from pix2pix_tf.images.rescaling import Rescaling, stored_limits
from pix2pix_tf.utils.errors import UserError

_GZIP, _GZIP_RATIO = b"\x1f\x8b", 1033  # the largest number of bytes that one is unpacked to
_SIZES = {348: (344, b"n+1\0"), 540: (4, b"n+2\0")}  # of headers, with the place of their magic
_VECTORS = 4  # the axis of vectors
_COLOURS = {3: "RGB", 4: "RGBA"}  # records of bytes


def is_nifti(file: BinaryIO) -> bool:
    """Whether a file is a NIfTI file, compressed or not, by its content."""
    try:
        header = _beginning(file, 540)
    except (OSError, EOFError, ValueError):
        return False
    size = int.from_bytes(header[:4], "little")
    size = size if size in _SIZES else int.from_bytes(header[:4], "big")
    if size not in _SIZES or len(header) < size:
        return False
    place, magic = _SIZES[size]
    return header[place : place + 4] == magic


class NiftiImage:
    """The slice of a NIfTI file, which must stay open while it is read.

    Attributes:
        height, width: The number of rows (y) and of columns (x).
        bands: The number of channels.
        dtype: The type of the values.
        colour_mode: `RGB` or `RGBA` for records of bytes, else `bands`.
        has_windows: False, since the image is decoded as a whole.
        tags: None of it.
        rescaling: The slope and the intercept that are applied.
    """

    has_windows = False
    tags = NO_TAGS
    segment_pixels = 1

    def __init__(self, file: BinaryIO, path: object) -> None:
        """Reads the header.

        Args:
            file: The file, open.
            path: The name of the file in error messages.

        Raises:
            UserError: The file holds no slice, or less than its header claims, or nibabel is not
                installed.
            Exception: The file is damaged; exceptions may be of any type.
        """
        header = _read_header(file, path)
        self._file, self._path = file, path
        self._shape = tuple(int(length) for length in header.get_data_shape())
        stored = header.get_data_dtype()
        self.colour_mode: ColourMode = "bands"
        if stored.fields:
            self.colour_mode = "RGBA" if len(stored.fields) == 4 else "RGB"
            self._samples, stored = len(stored.fields), np.dtype(np.uint8)
        else:
            self._samples = 1
        if stored.kind not in "iuf" or stored.itemsize > 8:
            raise UserError(
                f"{path} is a NIfTI file of {stored} values: save it as integers or floats of 8 to "
                "64 bits."
            )
        self._stored, self._offset = stored, int(header["vox_offset"])
        self.width, self.height, channels = _slice_of(self._shape, path)
        self.bands = channels * self._samples
        slope, intercept = header.get_slope_inter()
        native = stored.newbyteorder("=")
        self.rescaling = Rescaling(
            1.0 if slope is None else float(slope),
            0.0 if intercept is None else float(intercept),
            native,
            stored_limits(native),
        )
        self.dtype = self.rescaling.dtype
        self._bytes = math.prod(self._shape) * self._samples * stored.itemsize
        self._refuse_claims()

    def decode(self) -> np.ndarray:
        """Reads the slice, [height, width, bands] of `dtype`."""
        data = _beginning(self._file, self._offset + self._bytes)[self._offset :]
        if len(data) < self._bytes:
            raise ValueError("some of its values are not there")
        values = np.frombuffer(data, self._stored)
        if self._samples > 1:  # records, of which x is the fastest
            image = values.reshape(self.height, self.width, self._samples)
        else:
            channels = self.bands
            image = np.moveaxis(values.reshape(channels, self.height, self.width), 0, -1)
        return np.ascontiguousarray(self.rescaling(image))

    def _refuse_claims(self) -> None:
        """Raises an error if the file cannot hold what its header claims."""
        size = self._file.seek(0, io.SEEK_END)
        self._file.seek(0)
        ratio = _GZIP_RATIO if self._file.read(2) == _GZIP else 1
        if self._offset < 0 or self._offset + self._bytes > ratio * size:
            raise UserError(
                f"{self._path} is cut short or damaged: its header claims {times(self._shape)} "
                f"values, {self._bytes:,} bytes, and {size:,} are there: write it anew."
            )


def _read_header(file: BinaryIO, path: object) -> Any:
    if not importlib.util.find_spec("nibabel"):
        raise UserError(
            f"{path} is a NIfTI file, which needs nibabel, which is not installed: pip install "
            "'pix2pix-tf[medical]'"
        )
    import nibabel  # imported here because few datasets need it

    header = _beginning(file, 540)
    is_second = 540 in (int.from_bytes(header[:4], order) for order in ("little", "big"))
    kind, size = (nibabel.Nifti2Header, 540) if is_second else (nibabel.Nifti1Header, 348)
    return kind(header[:size], check=False)


def _slice_of(shape: tuple[int, ...], path: object) -> tuple[int, int, int]:
    """Returns the lengths of x and y of a slice, and the number of channels.

    Raises:
        UserError: There is no slice, or more than one.
    """
    if not shape or min(shape) < 1:
        raise UserError(f"{path} is a NIfTI file without values ({times(shape) or 'no axes'}).")
    channels = shape[_VECTORS] if len(shape) > _VECTORS else 1
    spatial = [length for axis, length in enumerate(shape) if axis != _VECTORS]
    long = [length for length in spatial if length > 1]
    if len(long) > 2:
        raise UserError(
            f"{path} is a volume of {times(shape)}: save its slices, each as a file by itself."
        )
    if len(long) < 2:  # one row or column
        long = [*spatial[:2], 1, 1][:2] if max(spatial[:2]) == max(spatial) else [*long, 1]
    return long[0], long[1], channels


def _beginning(file: BinaryIO, count: int) -> bytes:
    """Returns the first bytes of a file, unpacked if it is compressed."""
    file.seek(0)
    packed = file.read(2) == _GZIP
    file.seek(0)
    if not packed:
        return file.read(count)
    with gzip.GzipFile(fileobj=file) as unpacked:
        return unpacked.read(count)
