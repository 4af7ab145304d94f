"""Whether image files can be used: the one place that says so, for `data check` and trainings."""

from __future__ import annotations

from collections.abc import Callable
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
    """What a sound image file holds.

    Attributes:
        height, width: The size in pixels.
        bits: The bits of a sample, 8 or 16.
        channels: The number of channels, 1 to 4.
        colour_mode: What the channels are.
        halves: The range of each channel in the left and in the right half.
    """

    height: int
    width: int
    bits: int
    channels: int
    colour_mode: ColourMode
    halves: tuple[tuple[Range, ...], tuple[Range, ...]]

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.colour_mode in ("grey + alpha", "RGBA")


@dataclass(frozen=True)
class Inspection:
    """What opening the files of one pair has shown.

    Attributes:
        images: The files that can be read, by side: a key of `PairFiles.sides`, or `?` for a file
            that belongs to no pair.
        problems: A sentence about everything that is wrong, with its path.
    """

    images: dict[str, ImageInfo]
    problems: list[str]


def open_image(path: Path) -> ImageInfo:
    """Decodes an image file fully.

    Raises:
        UserError: It cannot be used.
    """
    image, colour_mode = inspect_image(path)
    height, width, channels = image.shape
    has_alpha = colour_mode in ("grey + alpha", "RGBA")
    if image.dtype == np.uint16 and has_alpha and image[..., -1].min() == 65535:
        # 16-bit colour of a PNG is always decoded with alpha
        image, channels = image[..., :-1], channels - 1
        colour_mode = "RGB" if channels == 3 else "grey"
    middle = max(1, width // 2)
    halves = (_ranges(image[:, :middle]), _ranges(image[:, min(middle, width - 1) :]))
    return ImageInfo(height, width, 8 * image.dtype.itemsize, channels, colour_mode, halves)


def sides_of(item: PairFiles | Path) -> dict[str, Path]:
    """The files of a pair by side, or a file that belongs to no pair as side `?`."""
    return item.sides if isinstance(item, PairFiles) else {"?": item}


def inspect_pair(
    item: PairFiles | Path, open_image: Callable[[Path], ImageInfo] = open_image
) -> Inspection:
    """Opens the file or files of a pair, or one image by itself, and says what is wrong.

    Args:
        item: A pair, whose sides must fit together too; or a file that belongs to none.
        open_image: Returns what a file holds, or raises the `UserError` of a bad one.
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


def _ranges(image: np.ndarray) -> tuple[Range, ...]:
    """Smallest and largest value of each channel."""
    planes = [image[..., channel] for channel in range(image.shape[2])]
    return tuple((int(plane.min()), int(plane.max())) for plane in planes)
