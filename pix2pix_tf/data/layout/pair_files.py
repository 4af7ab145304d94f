"""The file or the two files that hold a pair, and how its sides are read from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.images.convert import halves, to_channels
from pix2pix_tf.images.io import decode_image, image_dtype
from pix2pix_tf.utils.errors import UserError

Size = tuple[int, int]  # height and width in pixels
TWICE_THE_WIDTH = ((1, 2),)  # the proportions of two squares beside each other


@dataclass(frozen=True)
class PairFiles:
    """The file or the two files of one pair, as the layout of the dataset says.

    Attributes:
        name: The path without suffix, relative to the folder of the layout, '/'-separated, unique.
        a: The image of A; or the one file there is: a side-by-side file, A its left half and B its
            right half, or a whole photograph.
        b: The image of B; None where there is one file.
        proportions: What a side-by-side file may look like, as (height, width); none means any.
        is_photo: Whether the one file is a whole photograph, of which an input is derived.
    """

    name: str
    a: Path
    b: Path | None
    proportions: tuple[Size, ...] = TWICE_THE_WIDTH
    is_photo: bool = False

    @property
    def sides(self) -> dict[str, Path]:
        """The files by what they hold: `photo`, `A|B` (side by side), or `A` and `B`."""
        if self.is_photo:
            return {"photo": self.a}
        return {"A|B": self.a} if self.b is None else {"A": self.a, "B": self.b}


def read_pair(files: PairFiles, channels_a: int, channels_b: int) -> tuple[np.ndarray, np.ndarray]:
    """Reads both sides of a pair; those of two files may differ in size, not in shape.

    Args:
        files: A side-by-side file or two files.
        channels_a: The channels of A, 1 to 4, see `images.io`.
        channels_b: The channels of B.

    Returns:
        A as [H, W, channels_a] and B as [H', W', channels_b], each uint8 or uint16 as its file.

    Raises:
        UserError: A side-by-side file of odd width or other than its proportions; proportions of
            two files more than 2% apart; a file that cannot be read.
    """
    a, b = decode_pair(files, channels_a, channels_b)
    return to_channels(a, channels_a), to_channels(b, channels_b)


def decode_pair(
    files: PairFiles, channels_a: int | None = None, channels_b: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Reads both sides of a pair with the channels that the files have.

    Args:
        files: A side-by-side file or two files.
        channels_a: What A will be converted to, see `images.io.decode_image`.
        channels_b: What B will be converted to.

    Returns:
        A and B, each uint8 or uint16 [H, W, 1..4].

    Raises:
        UserError: As for `read_pair`.
    """
    if files.b is None:
        both = decode_image(files.a, channels_a if channels_a == channels_b else None)
        refuse_misfit(files, both.shape[:2], both.shape[:2])
        return halves(both)
    a, b = decode_image(files.a, channels_a), decode_image(files.b, channels_b)
    refuse_misfit(files, a.shape[:2], b.shape[:2])
    return a, b


def refuse_misfit(files: PairFiles, size_a: tuple[int, ...], size_b: tuple[int, ...]) -> None:
    """Refuses files whose sizes show that they are no pair.

    Args:
        files: The files.
        size_a: Height and width of the file of A, or of the one file.
        size_b: Height and width of the file of B, or of the one file.

    Raises:
        UserError: As for `read_pair`.
    """
    if files.is_photo:
        return
    if files.b is not None:
        _refuse_other_shape(files.a, files.b, size_a, size_b)
    elif files.proportions and not any(alike(size_a, each) for each in files.proportions):
        raise UserError(
            f"{files.a} is {size_a[1]}×{size_a[0]} (width×height): a side-by-side pair is "
            f"{' or '.join(f'{width}:{height}' for height, width in files.proportions)}, A in the "
            "left half and B in the right half; data.layout=side_by_side takes any proportions."
        )
    else:
        refuse_odd_width(files.a, size_a[1])


def refuse_odd_width(path: object, width: int) -> None:
    """Refuses a side-by-side file that has no two halves of one width.

    Raises:
        UserError: The width in pixels is odd.
    """
    if width % 2:
        raise UserError(
            f"{path} is {width} pixels wide: a side-by-side pair has an even width, A in "
            "the left half and B in the right half."
        )


def alike(size: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two sizes (height, width) have the same proportions, to 2%.

    Example:
        >>> alike((100, 204), (1, 2)), alike((100, 205), (1, 2))
        (True, False)
    """
    # By cross products: in whole numbers exactly 2% is still accepted.
    smaller, larger = sorted((size[1] * other[0], other[1] * size[0]))
    return 100 * larger <= 102 * smaller


def pair_dtype(files: PairFiles) -> np.dtype:
    """uint8 or uint16, the wider of the pair's files, from their headers alone.

    Raises:
        UserError: A header cannot be read.
    """
    if files.b is None:
        return image_dtype(files.a)
    return np.promote_types(image_dtype(files.a), image_dtype(files.b))


def _refuse_other_shape(
    path_a: Path, path_b: Path, size_a: tuple[int, ...], size_b: tuple[int, ...]
) -> None:
    (height_a, width_a), (height_b, width_b) = size_a, size_b
    if not alike(size_a, size_b):
        raise UserError(
            f"{path_a} is {width_a}×{height_a} (width×height) and its mate {path_b} is "
            f"{width_b}×{height_b}: their shapes differ by more than 2%, crop one to match."
        )
