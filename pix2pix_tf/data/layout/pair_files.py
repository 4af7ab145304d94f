"""The file or the two files that hold a pair, and how it is read from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.images.convert import to_channels
from pix2pix_tf.images.io import decode_image, image_dtype, read_image
from pix2pix_tf.utils.errors import UserError

Size = tuple[int, int]  # height, width
TWICE_THE_WIDTH = ((1, 2),)  # two squares beside each other


@dataclass(frozen=True)
class PairFiles:
    """The file or the two files that hold one pair.

    name: the path without suffix, relative to the folder of the layout, '/'-separated, unique.
    a, b: the two images; b is None for one side-by-side file, A its left half and B its right half.
    proportions: (height, width) of what such a file may look like; none means any.
    """

    name: str
    a: Path
    b: Path | None
    proportions: tuple[Size, ...] = TWICE_THE_WIDTH

    @property
    def sides(self) -> dict[str, Path]:
        """The files by what they hold: `A|B` of a side-by-side file, else `A` and `B`."""
        return {"A|B": self.a} if self.b is None else {"A": self.a, "B": self.b}


def read_pair(files: PairFiles, channels_a: int, channels_b: int) -> tuple[np.ndarray, np.ndarray]:
    """Read A as [H, W, channels_a] and B as [H, W, channels_b], each uint8 or uint16 as its file.

    A and B of two files may differ in size, not in shape. Raises `UserError` for a side-by-side
    file of odd width or other than its proportions, for aspect ratios more than 2% apart, and for
    files that cannot be read.
    """
    if files.b is None:
        both = decode_image(files.a, channels_a if channels_a == channels_b else None)
        refuse_misfit(files, both.shape[:2], both.shape[:2])
        middle = both.shape[1] // 2
        return to_channels(both[:, :middle], channels_a), to_channels(both[:, middle:], channels_b)
    a, b = read_image(files.a, channels_a), read_image(files.b, channels_b)
    refuse_misfit(files, a.shape[:2], b.shape[:2])
    return a, b


def refuse_misfit(files: PairFiles, size_a: tuple[int, ...], size_b: tuple[int, ...]) -> None:
    """Checks that a pair's sizes (height, width) make it one; of one file both are its own.

    Raises `UserError` as `read_pair` does.
    """
    if files.b is not None:
        _refuse_other_shape(files.a, files.b, size_a, size_b)
    elif files.proportions and not any(alike(size_a, each) for each in files.proportions):
        raise UserError(
            f"{files.a} is {size_a[1]}×{size_a[0]} (width×height): a side-by-side pair is "
            f"{' or '.join(f'{width}:{height}' for height, width in files.proportions)}, A in the "
            "left half and B in the right half; data.layout=side_by_side takes any proportions."
        )
    elif size_a[1] % 2:
        raise UserError(
            f"{files.a} is {size_a[1]} pixels wide: a side-by-side pair has an even width, A in "
            "the left half and B in the right half."
        )


def alike(size: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two sizes (height, width) have the same proportions, to 2%."""
    # By cross products: in whole numbers exactly 2% is still accepted.
    smaller, larger = sorted((size[1] * other[0], other[1] * size[0]))
    return 100 * larger <= 102 * smaller


def pair_dtype(files: PairFiles) -> np.dtype:
    """uint8 or uint16, the wider of the pair's two sides, from the files' headers alone."""
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
