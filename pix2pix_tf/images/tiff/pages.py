"""Search for the page of a TIFF that is its image; overviews and masks are ignored."""

from __future__ import annotations

import logging
import math
import re
from typing import Any, BinaryIO

from pix2pix_tf.images.tiff.tags import MASK, REDUCED, Tag
from pix2pix_tf.utils.errors import UserError

_PAGES_AT_MOST = 1000


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


def find_page(file: BoundedFile, path: object) -> tuple[Any, str]:
    """Finds the only page that is an image of full size.

    Args:
        file: The file.
        path: The name of the file in error messages.

    Returns:
        The page as an object of tifffile, and the byte order, `<` or `>`.

    Raises:
        UserError: There are several such pages, none, or very many pages.
        Exception: The file is damaged; exceptions may be of any type.
    """
    import tifffile  # imported here because it takes a while and few datasets need it

    # tifffile logs oddities of a file; those that matter raise errors here.
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
    if found := re.match(r'\{"shape": \[([\d, ]+)\]|shape=\(([\d, ]+)\)', text):  # of tifffile
        sides = [int(side) for side in re.findall(r"\d+", found[0])]
        one = page.imagelength * page.imagewidth * page.samplesperpixel
        return max(1, math.prod(sides) // max(1, one))
    return 1
