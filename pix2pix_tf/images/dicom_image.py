"""Reading of images in DICOM files, through the package pydicom (the extra `medical`).

Values are the stored numbers, rescaled by the slope and the intercept of the file (Hounsfield units
of a CT, for instance). Windows (VOI), overlays and shutters, which are for displays, are not
applied. The padding value of a file stands for no data. Files of several frames are refused.
"""

from __future__ import annotations

import importlib.util
import io
from typing import Any, BinaryIO

import numpy as np

from pix2pix_tf.images.carried_tags import NO_TAGS, CarriedTags
from pix2pix_tf.images.image_file import ColourMode
from pix2pix_tf.images.rescaling import Rescaling, stored_limits
from pix2pix_tf.images.tiff.pages import BoundedFile
from pix2pix_tf.utils.errors import UserError

_PLACE, _MAGIC = 128, b"DICM"
_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_DEPTHS = (1, 8, 16, 32, 64)  # bits allocated for a sample


def is_dicom(file: BinaryIO) -> bool:
    """Whether a file is a DICOM file, by its content."""
    file.seek(_PLACE)
    return file.read(len(_MAGIC)) == _MAGIC


class DicomImage:
    """The image of a DICOM file, which must stay open while it is read.

    Attributes:
        height, width: The size in pixels.
        bands: The number of channels: 1, or 3 for colours.
        dtype: The type of the values.
        colour_mode: `RGB` for colours, else `bands`.
        has_windows: False, since the image is decoded as a whole.
        tags: The padding value, as that of no data.
        rescaling: The slope and the intercept that are applied.
    """

    has_windows = False
    segment_pixels = 1

    def __init__(self, file: BinaryIO, path: object) -> None:
        """Reads the header.

        Args:
            file: The file, open.
            path: The name of the file in error messages.

        Raises:
            UserError: The file holds no image that can be read, or several, or pydicom is not
                installed.
            Exception: The file is damaged; exceptions may be of any type.
        """
        self._file, self._path = file, path
        self._size = file.seek(0, io.SEEK_END)
        header = self._read(stop_before_pixels=True)
        if "Rows" not in header or "Columns" not in header:
            raise UserError(f"{path} is a DICOM file without an image: replace it or remove it.")
        self.height, self.width = int(header.Rows), int(header.Columns)
        frames = int(header.get("NumberOfFrames") or 1)
        if frames > 1:
            raise UserError(
                f"{path} is a DICOM file of {frames} frames: save each as a file by itself."
            )
        self._refuse_unusable(header)
        self._is_colour = header.PhotometricInterpretation in _COLOURS
        self._inverted = header.PhotometricInterpretation == "MONOCHROME1"
        self.bands = 3 if self._is_colour else 1
        self.colour_mode: ColourMode = "RGB" if self._is_colour else "bands"
        self.rescaling = _rescaling(header)
        if self._inverted and self.rescaling.changes:
            raise UserError(
                f"{path} is a DICOM file with white as zero (MONOCHROME1) and a rescale slope or "
                "intercept: save it as MONOCHROME2."
            )
        self.dtype = self.rescaling.dtype
        self.tags = _tags(header, self.rescaling)

    def decode(self) -> np.ndarray:
        """Decodes the image, [height, width, bands] of `dtype`."""
        from pydicom.pixels import pixel_array

        dataset = self._read(stop_before_pixels=False)
        try:
            stored = pixel_array(dataset)  # YCbCr becomes RGB
        except (RuntimeError, NotImplementedError, AttributeError) as error:
            name = dataset.file_meta.TransferSyntaxUID.name
            raise UserError(
                f"{self._path} is a DICOM file compressed as {name}, and cannot be decoded "
                f"({str(error).splitlines()[0]}): save it without compression, or install what "
                "pydicom decodes it with."
            ) from error
        if self._inverted:
            low, high = self.rescaling.limits
            stored = (low + high - stored.astype(np.float64)).astype(stored.dtype)
        image = stored if stored.ndim == 3 else stored[..., np.newaxis]
        return np.ascontiguousarray(self.rescaling(image))

    def _read(self, *, stop_before_pixels: bool) -> Any:
        if not importlib.util.find_spec("pydicom"):
            raise UserError(
                f"{self._path} is a DICOM file, which needs pydicom, which is not installed: pip "
                "install 'pix2pix-tf[medical]'"
            )
        import pydicom  # imported here because few datasets need it

        self._file.seek(0)
        # Lengths in a damaged header may claim any size.
        bounded: Any = BoundedFile(self._file, self._size)
        return pydicom.dcmread(bounded, stop_before_pixels=stop_before_pixels)

    def _refuse_unusable(self, header: Any) -> None:
        colours = str(header.get("PhotometricInterpretation", "unknown"))
        samples = int(header.get("SamplesPerPixel", 1))
        bits = int(header.get("BitsAllocated", 0))
        problem = None
        if min(self.height, self.width) < 1:
            problem = "without pixels"
        elif "ModalityLUTSequence" in header:
            problem = "with a modality lookup table"
        elif colours not in _GREY + _COLOURS or samples != (3 if colours in _COLOURS else 1):
            problem = f"of {colours} with {samples} samples per pixel"
        elif bits not in _DEPTHS:
            problem = f"of {bits} bits per sample"
        if problem is not None:
            raise UserError(
                f"{self._path} is a DICOM file {problem}, which cannot be read: save it as "
                "MONOCHROME2 or RGB."
            )
        claimed = self.height * self.width * samples * bits // 8
        if not header.file_meta.TransferSyntaxUID.is_compressed and claimed > self._size:
            raise UserError(
                f"{self._path} is cut short or damaged: its header claims {claimed:,} bytes of "
                f"pixels, and the file has {self._size:,}: write it anew."
            )


def _rescaling(header: Any) -> Rescaling:
    bits = int(header.BitsAllocated)
    if bits == 1:
        stored, used = np.dtype(np.uint8), 1
    elif "PixelRepresentation" not in header:  # floats have none
        stored, used = np.dtype(f"f{bits // 8}"), bits
    else:
        stored = np.dtype(f"{'ui'[int(header.PixelRepresentation)]}{bits // 8}")
        used = min(int(header.get("BitsStored", bits)), bits)
    slope, intercept = (
        float(header.get(name) if header.get(name) is not None else default)
        for name, default in (("RescaleSlope", 1), ("RescaleIntercept", 0))
    )
    return Rescaling(slope, intercept, stored, stored_limits(stored, used))


def _tags(header: Any, rescaling: Rescaling) -> CarriedTags:
    padding = header.get("PixelPaddingValue")
    if not isinstance(padding, int) or "PixelPaddingRangeLimit" in header:
        return NO_TAGS
    value = padding * rescaling.slope + rescaling.intercept
    return CarriedTags(nodata=int(value) if value == int(value) else value)
