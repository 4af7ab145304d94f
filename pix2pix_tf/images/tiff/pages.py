"""Search for the pages of a TIFF that make up its image; overviews and masks are ignored.

It is one page as a rule. Several pages are the channels of one image if the metadata of the file
(OME, ImageJ, tifffile) names them so, or the config does.
"""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass
from typing import Any, BinaryIO

from pix2pix_tf.images.axes import AXES_KEYS
from pix2pix_tf.images.image_file import Axes
from pix2pix_tf.images.tiff.tags import MASK, REDUCED, Tag
from pix2pix_tf.utils.errors import UserError

_PAGES_AT_MOST = 1000
_UNNAMED = "QI"  # tifffile's letters for axes that a file does not name


class BoundedFile:
    """A file that limits reads to its size, because damaged headers may claim any size."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size

    def read(self, size: int = -1) -> bytes:
        """Reads `size` bytes, or the rest of the file."""
        remaining = max(0, self._size - self._file.tell())
        return self._file.read(remaining if size < 0 else min(size, remaining))

    def seek(self, offset: int, whence: int = 0) -> int:
        """Moves to an offset, like the file's own `seek`."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Returns the current offset."""
        return self._file.tell()


@dataclass(frozen=True)
class ImagePages:
    """The pages of a TIFF that make up its one image.

    Attributes:
        pages: The pages, objects of tifffile.
        axes: What the pages are, if they are several: `CYX` for channels, `YXC` for rows of the
            image, each a page of columns and channels. None for one page.
        byte_order: `<` or `>`.
    """

    pages: list[Any]
    axes: Axes | None
    byte_order: str


def find_pages(file: BoundedFile, path: object, axes: Axes | None = None) -> ImagePages:
    """Finds the pages of full size that make up the image of a TIFF.

    Args:
        file: The file.
        path: The name of the file in error messages.
        axes: The order of axes of several pages if the file does not name them.

    Raises:
        UserError: There are several images, none, or very many pages.
        Exception: The file is damaged; exceptions may be of any type.
    """
    import tifffile  # imported here because it takes a while and few datasets need it

    # tifffile logs oddities of a file; those that matter raise errors here.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    file.seek(0)
    # A multi-file OME-TIFF would have tifffile open other files.
    tiff = tifffile.TiffFile(file, name=str(path), _multifile=False)  # type: ignore[arg-type]
    pages: list[Any] = []
    for number in range(_PAGES_AT_MOST + 1):
        try:
            pages.append(tiff.pages[number])
        except IndexError:
            break
    if not pages:
        raise ValueError("it has no pages")
    if len(pages) > _PAGES_AT_MOST:
        raise UserError(f"{path} holds very many pages: save the one you want by itself.")
    images = [page for page in pages if not _is_auxiliary(page)]
    if not images and len(pages) == 1 and Tag.sub_images not in pages[0].tags:
        images = pages
    if not images:
        raise UserError(
            f"{path} holds {len(pages)} pages, none of them an image of full size: save the one "
            "you want by itself."
        )
    if len(images) > 1:
        return _stack(tiff, images, axes, path)
    frames = _frames(images[0])
    if frames > 1:
        raise UserError(_several(path, frames))
    return ImagePages(images, None, tiff.byteorder)


def _stack(tiff: Any, images: list[Any], axes: Axes | None, path: object) -> ImagePages:
    """Returns several pages as one image, if the file or the config says what they are."""
    numbers = {page.index for page in images}
    series = [each for each in tiff.series if getattr(each.pages[0], "index", None) in numbers]
    if len(series) != 1 or any(page is None for page in series[0].pages):
        raise UserError(_several(path, len(images)))
    every = zip(series[0].axes, series[0].shape, strict=True)
    lengths = [(axis, length) for axis, length in every if length > 1 or axis in "YX"]
    named = "".join(axis for axis, _ in lengths)
    by_number = {page.index: page for page in images}
    ordered = [by_number[page.index] for page in series[0].pages]
    if len(named) == 3 and named[0] in _UNNAMED and named[1:] == "YX":
        if axes is None:
            raise UserError(
                f"{path} holds {len(images)} frames or pages and does not say what they are: if "
                f"they are channels, say so with {AXES_KEYS}, CYX; else save the one you want by "
                "itself."
            )
        named = axes
    if named in ("CYX", "YXC"):
        return ImagePages(ordered, "CYX" if named == "CYX" else "YXC", tiff.byteorder)
    shown = ", ".join(f"{axis}: {length}" for axis, length in lengths)
    raise UserError(
        f"{path} holds {len(images)} frames or pages of the axes {named} ({shown}), and only "
        "channels (C) are read beside rows and columns (Y, X): save its slices or moments by "
        "themselves."
    )


def _several(path: object, frames: int) -> str:
    return f"{path} holds {frames} frames or pages: save the one you want by itself."


def _is_auxiliary(page: Any) -> bool:
    """Whether a page is an overview or a mask of another page."""
    kind = page.tags.get(Tag.subfile)
    return kind is not None and bool(int(kind.value) & (REDUCED | MASK))


def _frames(page: Any) -> int:
    """Returns the number of images of one page; some programs store all of them in one."""
    tags = page.tags
    depth = tags.get(Tag.depth)
    if depth is not None and depth.value > 1:
        return int(depth.value)
    if (planes := tags.get(Tag.metamorph_planes)) is not None:
        return max(1, planes.count)
    description = tags.get(Tag.description)
    text = str(description.value) if description is not None else ""
    if text.startswith("ImageJ=") and (found := re.search(r"^images=(\d+)\s*$", text, re.M)):
        return max(1, int(found[1]))
    if found := re.match(r'\{[^{}]*?"shape": \[([\d, ]+)\]|shape=\(([\d, ]+)\)', text):
        sides = [int(side) for side in re.findall(r"\d+", found[1] or found[2])]  # of tifffile
        one = page.imagelength * page.imagewidth * page.samplesperpixel
        return max(1, math.prod(sides) // max(1, one))
    return 1
