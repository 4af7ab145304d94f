"""Which page of a TIFF is its image: overviews and masks beside it are passed over."""

from __future__ import annotations

import logging
import math
import re
from typing import Any, BinaryIO

from pix2pix_tf.images.tiff.tags import MASK, REDUCED, Tag
from pix2pix_tf.utils.errors import UserError

_PAGES_AT_MOST = 1000


class BoundedFile:
    """A file of which no more is read than it has: sizes in damaged headers may be anything."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size

    def read(self, size: int = -1) -> bytes:
        """Reads `size` bytes, or what is left of the file."""
        left = max(0, self._size - self._file.tell())
        return self._file.read(left if size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = 0) -> int:
        """Moves to an offset, like the file's own `seek`."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The current offset."""
        return self._file.tell()


def find_page(file: BoundedFile, path: object) -> tuple[Any, str]:
    """Finds the only page that is an image of its own.

    Args:
        file: The file.
        path: What error messages call it.

    Returns:
        The page, as tifffile has it, and the byte order, `<` or `>`.

    Raises:
        UserError: There are several such pages, none, or very many pages.
        Exception: The file is damaged; of any type.
    """
    import tifffile  # takes a while, and few datasets need it

    # It logs what is odd in a file. What matters of that is said here.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    file.seek(0)
    tiff = tifffile.TiffFile(file, name=str(path))  # type: ignore[arg-type]
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
    frames = len(images) if len(images) != 1 else _frames(images[0])
    if frames == 0:
        raise UserError(
            f"{path} holds {len(pages)} pages, none of them an image of full size: save the one "
            "you want by itself."
        )
    if frames > 1:
        raise UserError(f"{path} holds {frames} frames or pages: save the one you want by itself.")
    return images[0], tiff.byteorder


def _is_auxiliary(page: Any) -> bool:
    """Whether a page only goes with another: an overview or a mask."""
    kind = page.tags.get(Tag.subfile)
    return kind is not None and bool(int(kind.value) & (REDUCED | MASK))


def _frames(page: Any) -> int:
    """How many images one page holds: some programs put all of them behind the first."""
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
    if found := re.match(r'\{"shape": \[([\d, ]+)\]|shape=\(([\d, ]+)\)', text):  # tifffile's own
        sides = [int(side) for side in re.findall(r"\d+", found[0])]
        one = page.imagelength * page.imagewidth * page.samplesperpixel
        return max(1, math.prod(sides) // max(1, one))
    return 1
