"""Inspection of image files and pairs, shared by `data check` and training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.data.layout.pair_files import PairFiles, refuse_misfit
from pix2pix_tf.images.image_file import ColourMode
from pix2pix_tf.images.io import inspect_image
from pix2pix_tf.utils.errors import UserError

Range = tuple[int, int]  # smallest and largest value


@dataclass(frozen=True)
class ImageInfo:
    """The size, type and value ranges of a sound image file.

    Attributes:
        height, width: The size in pixels.
        bits: The bits per sample, 8 or 16.
        channels: The number of channels, 1 to 4.
        colour_mode: The meaning of the channels.
        halves: The smallest and largest value of each channel, in the left and in the right half.
    """

    height: int
    width: int
    bits: int
    channels: int
    colour_mode: ColourMode
    halves: tuple[tuple[Range, ...], tuple[Range, ...]]

    @property
    def dtype(self) -> np.dtype:
        """The data type of the image as it is read."""
        return np.dtype(f"uint{self.bits}")

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.colour_mode in ("grey + alpha", "RGBA")

    def ranges(self) -> list[Range]:
        """Returns the smallest and the largest value of each channel."""
        left, right = self.halves
        return [(min(a, c), max(b, d)) for (a, b), (c, d) in zip(left, right, strict=True)]


@dataclass(frozen=True)
class Inspection:
    """The result of opening the files of one pair.

    Attributes:
        images: The files that can be read, by side: a key of `PairFiles.sides`, or `?` for a file
            that belongs to no pair.
        problems: One sentence, with the path, for each error.
    """

    images: dict[str, ImageInfo]
    problems: list[str]


def open_image(path: Path) -> ImageInfo:
    """Decodes an image file fully and returns its size, type and value ranges.

    Raises:
        UserError: The file cannot be used.
    """
    image, colour_mode = inspect_image(path)
    height, width, channels = image.shape
    has_alpha = colour_mode in ("grey + alpha", "RGBA")
    if image.dtype == np.uint16 and has_alpha and image[..., -1].min() == 65535:
        # 16-bit colour of a PNG is always decoded with alpha; here the file has none.
        image, channels = image[..., :-1], channels - 1
        colour_mode = "RGB" if channels == 3 else "grey"
    middle = max(1, width // 2)
    halves = (_ranges(image[:, :middle]), _ranges(image[:, min(middle, width - 1) :]))
    return ImageInfo(height, width, 8 * image.dtype.itemsize, channels, colour_mode, halves)


def sides_of(item: PairFiles | Path) -> dict[str, Path]:
    """Returns the files of a pair by side; a file that belongs to no pair has the side `?`."""
    return item.sides if isinstance(item, PairFiles) else {"?": item}


def inspect_pair(
    item: PairFiles | Path, open_image: Callable[[Path], ImageInfo] = open_image
) -> Inspection:
    """Opens the files of a pair, or a single image, and collects the errors.

    Args:
        item: A pair, whose sides must also fit together, or a file that belongs to no pair.
        open_image: Function that returns what a file holds, or raises `UserError` for a bad file.
    """
    images: dict[str, ImageInfo] = {}
    problems: list[str] = []
    for side, path in sides_of(item).items():
        try:
            images[side] = open_image(path)
        except UserError as error:
            problems.append(str(error))
    if isinstance(item, PairFiles) and not problems:
        sizes = [(image.height, image.width) for image in images.values()]
        try:
            refuse_misfit(item, sizes[0], sizes[-1])
        except UserError as error:
            problems.append(str(error))
    return Inspection(images, problems)


def ranges_of_side(images: Mapping[str, ImageInfo], side: str) -> list[Range]:
    """Returns the smallest and the largest value of each channel of one side of a pair.

    Args:
        images: What the files of the pair hold, by the keys of `PairFiles.sides`.
        side: `A`, `B` or `photo`.
    """
    if "A|B" in images:
        return list(images["A|B"].halves["AB".index(side)])
    return images[side].ranges()


def _ranges(image: np.ndarray) -> tuple[Range, ...]:
    """Returns the smallest and the largest value of each channel."""
    planes = [image[..., channel] for channel in range(image.shape[2])]
    return tuple((int(plane.min()), int(plane.max())) for plane in planes)
