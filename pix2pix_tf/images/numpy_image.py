"""Reading of arrays that NumPy saved: .npy, and .npz of one array.

The header is checked before memory is taken: what it claims must be there in the file. Nothing is
unpickled. Integers and floats are read in their own type, and booleans as uint8 with 0 and 255.
"""

from __future__ import annotations

import contextlib
import io
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from pix2pix_tf.images.axes import channels_last, find_axes, image_shape, size_in_bytes, times
from pix2pix_tf.images.carried_tags import NO_TAGS
from pix2pix_tf.images.image_file import Axes, ColourMode, OpenableFile, Reading
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import shorten_list

NPY_SIGNATURE = b"\x93NUMPY"
NPZ_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")  # of an archive, and of an empty one

_REAL = "uif"  # the kinds of dtypes that are read; booleans are converted
_NOT_REAL = {
    "O": "Python objects, which could run code when they are read",
    "c": "complex numbers",
    "V": "records of several fields",
    "S": "text",
    "U": "text",
    "M": "dates",
    "m": "durations",
}
_READ_HEADER = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_DEFLATE_RATIO = 1033  # the largest number of bytes that one byte is decompressed to
_PART_BYTES = 2**18
_SLACK = 1024  # bytes; of the coding of an array that is nearly empty


@dataclass(frozen=True)
class _Header:
    """The header of an array, as it is stored.

    Attributes:
        shape: The lengths of its axes.
        dtype: The type of its values.
        fortran: Whether the first axis is the fastest.
        offset: The number of bytes before the values.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool
    offset: int


class NumpyImage:
    """The array of a .npy or .npz file, which must stay open while it is read.

    Its channels are not colours, since nothing in the file says so.

    Attributes:
        dtype: The type of the result: the array's own, in native byte order, or uint8 for booleans.
        segment_pixels: 1, since windows are read pixel by pixel.
        has_windows: Whether windows are read without the rest: of a .npy on disk.
        tags: Nothing, since there is no place for it in the file.
    """

    tags = NO_TAGS
    colour_mode: ColourMode = "bands"
    segment_pixels = 1

    def __init__(self, file: BinaryIO, path: OpenableFile, reading: Reading) -> None:
        """Reads the header.

        Args:
            file: The file, open.
            path: The name of the file in error messages.
            reading: The number of channels and the axes that are asked for.

        Raises:
            UserError: The file holds no array that can be read, or several, or less than its
                header claims.
            Exception: The file is damaged; exceptions may be of any type.
        """
        self._file, self._path, self._reading = file, path, reading
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        self._member: zipfile.ZipInfo | None = None
        if file.read(len(NPY_SIGNATURE)) != NPY_SIGNATURE:
            self._archive = zipfile.ZipFile(file)
            self._member = _array_of(self._archive, path, reading.array)
            size = _member_size(self._member, path)
        with self._opened() as array:
            self._header = header = _read_header(array, path)
        _refuse_unusable(header, path)
        claimed = size_in_bytes(header.shape, header.dtype)
        if claimed > size - header.offset:
            raise UserError(
                f"{path} is cut short or damaged: its header claims {times(header.shape)} values "
                f"of {header.dtype}, {claimed:,} bytes, and {max(0, size - header.offset):,} are "
                "there: write it anew."
            )
        is_bool = header.dtype == np.bool_
        self.dtype = np.dtype(np.uint8) if is_bool else header.dtype.newbyteorder("=")
        self.has_windows = self._member is None and isinstance(path, Path)

    @property
    def height(self) -> int:
        """The number of rows."""
        return self._shape[0]

    @property
    def width(self) -> int:
        """The number of columns."""
        return self._shape[1]

    @property
    def bands(self) -> int:
        """The number of channels."""
        return self._shape[2]

    def decode(self) -> np.ndarray:
        """Reads the whole image, [height, width, bands] of `dtype`."""
        header = self._header
        values = np.empty(int(np.prod(header.shape)), header.dtype)
        with self._opened() as array:
            array.seek(header.offset)
            _fill(array, values.view(np.uint8).data)
            array.read(1)  # at the end of a member of an archive its checksum is compared
        return self._to_image(values.reshape(header.shape, order="F" if header.fortran else "C"))

    def window(self, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
        """Reads a window of the image from a .npy on disk.

        Args:
            rows: The first row and the one after the last.
            columns: The first column and the one after the last.

        Returns:
            [rows, columns, bands] of `dtype`.
        """
        header = self._header
        order: Any = "F" if header.fortran else "C"
        array = np.memmap(
            Path(str(self._path)), header.dtype, "r", header.offset, header.shape, order
        )
        return self._to_image(array, slice(*rows), slice(*columns))

    @cached_property
    def _axes(self) -> Axes | None:
        """The order of the axes; None for two axes, of one channel."""
        shape = self._header.shape
        return None if len(shape) == 2 else find_axes(shape, self._reading, self._path)

    @property
    def _shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        shape = self._header.shape
        return (*shape, 1) if self._axes is None else image_shape(shape, self._axes)  # type: ignore[return-value]

    def _to_image(
        self, array: np.ndarray, rows: slice = slice(None), columns: slice = slice(None)
    ) -> np.ndarray:
        """Returns a part of an array as it is stored as an image, [rows, columns, bands]."""
        image = array[..., np.newaxis] if self._axes is None else channels_last(array, self._axes)
        part = np.ascontiguousarray(image[rows, columns])
        if part.dtype == np.bool_:
            return part.astype(np.uint8) * np.uint8(255)
        return part.astype(self.dtype, copy=False)

    def _opened(self) -> contextlib.AbstractContextManager[IO[bytes]]:
        """Opens the array: the file itself, which stays open, or the member of an archive."""
        if self._member is not None:
            return self._archive.open(self._member)
        self._file.seek(0)
        return contextlib.nullcontext(self._file)


def _fill(file: IO[bytes], buffer: memoryview) -> None:
    """Reads as many bytes as the buffer holds, in parts, by which archives are unpacked faster."""
    for start in range(0, len(buffer), _PART_BYTES):
        part = buffer[start : start + _PART_BYTES]
        data = file.read(len(part))
        if len(data) < len(part):
            raise ValueError("some of its values are not there")
        part[:] = data


def _array_of(archive: zipfile.ZipFile, path: OpenableFile, name: str | None) -> zipfile.ZipInfo:
    """Returns the array of an archive that has a name, or its only array."""
    members = archive.infolist()
    arrays = [member for member in members if member.filename.endswith(".npy")]
    if name is not None and arrays:
        named = [array for array in arrays if array.filename == f"{name}.npy"]
        if not named:
            there = shorten_list([array.filename.removesuffix(".npy") for array in arrays])
            raise UserError(f"{path} has no array {name}; it has {there}.")
        return named[0]
    if not arrays:
        raise UserError(
            f"{path} is a ZIP archive without arrays of NumPy: replace it by an image or a .npy "
            "file, or remove it."
        )
    if len(arrays) > 1:
        names = shorten_list([member.filename.removesuffix(".npy") for member in arrays])
        raise UserError(
            f"{path} holds {len(arrays)} arrays ({names}): say which is read with "
            "data.input_array (for targets, data.target_array), or save it by itself."
        )
    return arrays[0]


def _member_size(member: zipfile.ZipInfo, path: OpenableFile) -> int:
    """Returns the number of bytes of a member, if the archive can hold so many."""
    ratio = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: _DEFLATE_RATIO}.get(member.compress_type)
    if ratio is None:
        raise UserError(
            f"{path} is compressed in another way than NumPy does: save it by numpy.save or "
            "numpy.savez_compressed."
        )
    if member.file_size > ratio * member.compress_size + _SLACK:
        raise UserError(
            f"{path} is damaged: it claims {member.file_size:,} bytes, more than the "
            f"{member.compress_size:,} that are there can hold: write it anew."
        )
    return member.file_size


def _read_header(array: IO[bytes], path: OpenableFile) -> _Header:
    version = np.lib.format.read_magic(array)
    read = _READ_HEADER.get(version)
    if read is None:  # a later version is only written for names of fields beyond ASCII
        raise UserError(f"{path} holds {_NOT_REAL['V']}: save one array of numbers.")
    shape, fortran, dtype = read(array)
    return _Header(shape, dtype, fortran, array.tell())


def _refuse_unusable(header: _Header, path: OpenableFile) -> None:
    dtype, shape = header.dtype, header.shape
    kind = "V" if dtype.fields else dtype.kind
    if dtype.hasobject or (kind not in _REAL and dtype != np.bool_):
        held = _NOT_REAL["O" if dtype.hasobject else kind]
        raise UserError(f"{path} holds {held}: save integers or floats of 8 to 64 bits.")
    if dtype.itemsize > 8:
        raise UserError(f"{path} holds {dtype} values: save them as float64 or float32.")
    if len(shape) not in (2, 3):
        volume = ", one slice of a volume by itself" if len(shape) > 3 else ""
        raise UserError(
            f"{path} is an array of {len(shape)} axes ({times(shape) or 'one number'}): an image "
            f"has two, or three with channels; save it so{volume}."
        )
    if min(shape) < 1:
        raise UserError(f"{path} is an array without values ({times(shape)}).")
