"""Writing of TIFF and NumPy files row by row, so that no more than some rows are in memory."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from pix2pix_tf.images.carried_tags import NO_TAGS, CarriedTags
from pix2pix_tf.images.png_writer import png_holds
from pix2pix_tf.utils.files import writing

ROW_SUFFIXES = (".tif", ".tiff", ".npy")  # of files that are written row by row
_STRIP_BYTES = 2**18  # of a TIFF that is written without compression, as tifffile's of compressed

Shape = tuple[int, int, int]
WriteRows = Callable[[np.ndarray], None]


@contextlib.contextmanager
def rows_written(
    path: Path,
    shape: Shape,
    dtype: np.dtype,
    *,
    text: Mapping[str, str] | None = None,
    tags: CarriedTags = NO_TAGS,
) -> Iterator[WriteRows]:
    """Context manager that writes an image row by row; the file appears when it ends.

    If the context ends with an exception, nothing is left.

    Args:
        path: The file, of one of `ROW_SUFFIXES`.
        shape: Height, width and channels of the image.
        dtype: The type of its values.
        text: Text entries by keyword, in ASCII, of a TIFF.
        tags: What else a TIFF says.

    Yields:
        A function that writes the next rows, [rows, W, C] of this type.

    Raises:
        UserError: The file cannot be written.
        ValueError: The context ends before all rows are written.
    """
    # The name is hidden, so that listings of images skip a file that is left behind.
    partial = path.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        with writing(path):
            file = partial.open("xb")
        with file:
            with writing(path):
                rows = _rows(file, path, shape, dtype, text or {}, tags)

            def write(part: np.ndarray) -> None:
                with writing(path):
                    rows.write(part)

            yield write
            if rows.written != shape[0]:
                raise ValueError(f"{rows.written} of {shape[0]} rows of {path} are written")
            with writing(path):  # a full disk may show only now
                file.flush()
        with writing(path):
            partial.replace(path)
    finally:
        with contextlib.suppress(OSError):  # usually it was renamed or never created
            partial.unlink()


def _rows(
    file: BinaryIO,
    path: Path,
    shape: Shape,
    dtype: np.dtype,
    text: Mapping[str, str],
    tags: CarriedTags,
) -> _Rows:
    if path.suffix.lower() != ".npy":
        lines = [f"{keyword}={content}" for keyword, content in text.items()]
        return tiff_rows(file, shape, dtype, "\n".join(lines) or None, tags)
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return _Rows(file, file.tell(), shape, dtype)


class _Rows:
    """The values of an image in an open file, which are written from the top.

    Attributes:
        written: The number of rows that are written.
    """

    def __init__(
        self, file: BinaryIO, offset: int, shape: Shape, dtype: np.dtype, *, planes: bool = False
    ) -> None:
        """Initializes the writer.

        Args:
            file: The file, open, with everything written but the values.
            offset: Where the values begin.
            shape: Height, width and channels.
            dtype: The type of the values, in native byte order as in the file.
            planes: Whether the channels follow one another, rather than in each pixel.
        """
        self._file, self._offset, self._shape, self._dtype = file, offset, shape, dtype
        self._planes = planes
        self.written = 0

    def write(self, rows: np.ndarray) -> None:
        """Writes the next rows, [rows, W, C]."""
        height, width, channels = self._shape
        if rows.shape[1:] != (width, channels) or rows.dtype != self._dtype:
            raise ValueError(f"rows of {rows.dtype} {rows.shape} for an image of {self._shape}")
        if not self._planes:
            self._write_at(self.written * width * channels, rows)
        else:
            for channel in range(channels):
                self._write_at((channel * height + self.written) * width, rows[..., channel])
        self.written += len(rows)

    def _write_at(self, place: int, values: np.ndarray) -> None:
        self._file.seek(self._offset + place * self._dtype.itemsize)
        self._file.write(np.ascontiguousarray(values).data)


def tiff_rows(
    file: BinaryIO, shape: Shape, dtype: np.dtype, description: str | None, tags: CarriedTags
) -> _Rows:
    """Writes a TIFF file without its values, which the result writes.

    Grey, RGB and alpha (as the last channel) of 8 and 16 bits are marked as such; other images are
    bands without a meaning. Bands are interleaved, and those of OME-TIFFs are pages, as microscopes
    write them. Files of more than 4 GB are BigTIFFs.

    Args:
        file: The file, opened for writing.
        shape: Height, width and channels of the image.
        dtype: The type of its values: integers or floats.
        description: Text in ASCII that the file describes itself with.
        tags: What else the file says.
    """
    import tifffile  # imported here because few files need it

    height, width, channels = shape
    dtype = dtype.newbyteorder("=")
    is_colour = png_holds(dtype, channels)
    as_pages = tags.is_ome and channels > 1 and not is_colour
    options: dict[str, Any] = tags.tiff_options(dtype, channels)
    if is_colour and channels in (2, 4):
        options["extrasamples"] = ["unassalpha"]
    options["photometric"] = "rgb" if is_colour and channels >= 3 else "minisblack"
    options["planarconfig"] = "contig" if channels > 1 and not as_pages else None
    if tags.is_ome:
        axes = "CYX" if as_pages else "YX" if channels == 1 else "YXS"
        options |= {"ome": True, "metadata": tags.ome_metadata(axes, description)}
    else:
        options |= {"description": description, "metadata": None}
    stored = (channels, height, width) if as_pages else shape[: 2 + (channels > 1)]
    row = width * dtype.itemsize * (1 if as_pages else channels)
    placed = tifffile.imwrite(
        file,
        shape=stored,
        dtype=dtype,
        rowsperstrip=max(1, _STRIP_BYTES // row),
        returnoffset=True,
        **options,
    )
    assert placed is not None  # as asked for by returnoffset
    return _Rows(file, placed[0], shape, dtype, planes=as_pages)
