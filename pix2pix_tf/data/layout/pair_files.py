"""The file or the two files of a pair, and functions that read its sides from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pix2pix_tf.data.layout.pair_spec import PairSpec
from pix2pix_tf.images.convert import halves, to_channels
from pix2pix_tf.images.io import (
    decode_image,
    decode_with_mask,
    image_dtype,
    refuse_other_channels,
)
from pix2pix_tf.images.nodata import missing_of_channels
from pix2pix_tf.utils.errors import UserError

Size = tuple[int, int]  # height and width in pixels
SideTypes = dict[str, set[np.dtype]]  # the data types of the images of each side
TWICE_THE_WIDTH = ((1, 2),)  # two squares beside each other


@dataclass(frozen=True, slots=True)  # slots: there may be a million
class PairFiles:
    """The file or the two files of one pair.

    Attributes:
        name: The unique name of the pair: its path without suffix, relative to the folder of the
            layout, separated by '/'.
        a: The file of A. For pairs of one file, that file: a side-by-side image, A in its left half
            and B in its right half, or a whole photograph.
        b: The file of B; None for pairs of one file.
        proportions: The proportions, as (height, width), that a side-by-side file may have; empty
            if it may have any.
        is_photo: Whether the one file is a whole photograph, from which an input is derived.
    """

    name: str
    a: Path
    b: Path | None
    proportions: tuple[Size, ...] = TWICE_THE_WIDTH
    is_photo: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the paths as texts, in a fifth of the time."""
        b = None if self.b is None else str(self.b)
        return _unpickled, (self.name, str(self.a), b, self.proportions, self.is_photo)

    @property
    def sides(self) -> dict[str, Path]:
        """The files by what they hold: `photo`, or `A|B` (side by side), or `A` and `B`."""
        if self.is_photo:
            return {"photo": self.a}
        return {"A|B": self.a} if self.b is None else {"A": self.a, "B": self.b}


def _unpickled(
    name: str, a: str, b: str | None, proportions: tuple[Size, ...], is_photo: bool
) -> PairFiles:
    return PairFiles(name, Path(a), None if b is None else Path(b), proportions, is_photo)


def read_pair(files: PairFiles, spec: PairSpec) -> tuple[np.ndarray, np.ndarray]:
    """Reads both sides of a pair.

    Sides in two files may differ in size, but not in proportions.

    Args:
        files: A side-by-side file or two files.
        spec: The input and the target, with the number of channels that they are read with.

    Returns:
        A as [H, W, C] and B as [H', W', C'] with these numbers of channels, each uint8 or uint16
        like its file.

    Raises:
        UserError: A side-by-side file has an odd width or none of the accepted proportions, the
            proportions of two files are more than 2% apart, or a file cannot be read.
    """
    a, b = decode_pair(files, spec)
    return to_channels(a, spec.channels_of("A")), to_channels(b, spec.channels_of("B"))


class SideImage(NamedTuple):
    """One side of a pair.

    Attributes:
        path: Its file.
        image: [H, W, C].
        missing: Which values stood for no data, bool [H, W, C]; None if none did.
    """

    path: Path
    image: np.ndarray
    missing: np.ndarray | None


def read_side(files: PairFiles, side: str, spec: PairSpec) -> SideImage:
    """Reads one side of a pair.

    Args:
        files: A side-by-side file or two files.
        side: `A` or `B`.
        spec: The input and the target, with the number of channels that they are read with.

    Returns:
        The side.

    Raises:
        UserError: The file cannot be read.
    """
    path = files.a if files.b is None else files.sides[side]
    decoded = decode_with_mask(path, spec.reading_of("A|B" if files.b is None else side))
    image, missing = decoded.pixels, decoded.missing
    if files.b is None:
        half = "AB".index(side)
        image, missing = halves(image)[half], None if missing is None else halves(missing)[half]
    channels = spec.channels_of(side)
    return SideImage(path, to_channels(image, channels), missing_of_channels(missing, channels))


def decode_pair(files: PairFiles, spec: PairSpec) -> tuple[np.ndarray, np.ndarray]:
    """Reads both sides of a pair with the channels of the files.

    Args:
        files: A side-by-side file or two files.
        spec: The input and the target, with the number of channels that they are converted to
            afterwards, see `images.io.decode_image`.

    Returns:
        A and B, each uint8 or uint16 [H, W, C].

    Raises:
        UserError: As for `read_pair`.
    """
    if files.b is None:
        both = decode_image(files.a, *spec.reading_of("A|B"))
        for side in ("A", "B"):
            refuse_other_channels(files.a, both.shape[2], spec.channels_of(side))
        refuse_misfit(files, both.shape[:2], both.shape[:2])
        return halves(both)
    a = decode_image(files.a, *spec.reading_of("A"))
    b = decode_image(files.b, *spec.reading_of("B"))
    refuse_misfit(files, a.shape[:2], b.shape[:2])
    return a, b


def refuse_misfit(files: PairFiles, size_a: tuple[int, ...], size_b: tuple[int, ...]) -> None:
    """Raises an error if the sizes of the files show that they are not a pair.

    Args:
        files: The files.
        size_a: Height and width in pixels of the file of A, or of the one file.
        size_b: Height and width in pixels of the file of B, or of the one file.

    Raises:
        UserError: As for `read_pair`.
    """
    if files.is_photo:
        return
    if files.b is not None:
        _refuse_other_proportions(files.a, files.b, size_a, size_b)
    elif files.proportions and not any(alike(size_a, each) for each in files.proportions):
        raise UserError(
            f"{files.a} is {size_a[1]}×{size_a[0]} (width×height): a side-by-side pair is "
            f"{' or '.join(f'{width}:{height}' for height, width in files.proportions)}, A in the "
            "left half and B in the right half; data.layout=side_by_side takes any proportions."
        )
    else:
        refuse_odd_width(files.a, size_a[1])


def refuse_odd_width(path: object, width: int) -> None:
    """Raises an error if a side-by-side file cannot be cut into two halves of the same width.

    Args:
        path: The file, for the message.
        width: Its width in pixels.

    Raises:
        UserError: The width in pixels is odd.
    """
    if width % 2:
        raise UserError(
            f"{path} is {width} pixels wide: a side-by-side pair has an even width, A in "
            "the left half and B in the right half."
        )


def alike(size: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two sizes, as (height, width), have the same proportions to within 2%.

    Example:
        >>> alike((100, 204), (1, 2)), alike((100, 205), (1, 2))
        (True, False)
    """
    # Cross products of integers: a difference of exactly 2% is still accepted.
    smaller, larger = sorted((size[1] * other[0], other[1] * size[0]))
    return 100 * larger <= 102 * smaller


def side_types(pairs: Iterable[PairFiles], spec: PairSpec) -> SideTypes:
    """Reads the data types of the sides of pairs from the headers of all files.

    Args:
        pairs: The files of the pairs.
        spec: The input and the target.

    Returns:
        The types of each side: `A` and `B`, or `photo`.

    Raises:
        UserError: A header cannot be read.
    """
    found: SideTypes = {}
    for files in pairs:
        types = {
            side: image_dtype(path, spec.reading_of(side).array)
            for side, path in files.sides.items()
        }
        for side, dtype in split_sides(types).items():
            found.setdefault(side, set()).add(dtype)
    return found


def split_sides(of_files: Mapping[str, Any]) -> dict[str, Any]:
    """Returns facts about the sides `A` and `B` of a pair, given those about its files.

    Args:
        of_files: A fact about each file, by the keys of `PairFiles.sides`.

    Example:
        >>> split_sides({"A|B": 8}), split_sides({"photo": 8})
        ({'A': 8, 'B': 8}, {'photo': 8})
    """
    return {side: fact for sides, fact in of_files.items() for side in sides.split("|")}


def _refuse_other_proportions(
    path_a: Path, path_b: Path, size_a: tuple[int, ...], size_b: tuple[int, ...]
) -> None:
    (height_a, width_a), (height_b, width_b) = size_a, size_b
    if not alike(size_a, size_b):
        raise UserError(
            f"{path_a} is {width_a}×{height_a} (width×height) and its mate {path_b} is "
            f"{width_b}×{height_b}: their shapes differ by more than 2%, crop one to match."
        )
