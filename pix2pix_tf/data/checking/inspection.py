"""Inspection of image files and pairs, shared by `data check` and training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.data.layout.pair_files import PairFiles, refuse_misfit
from pix2pix_tf.images.georeference import Georeference, same_ground
from pix2pix_tf.images.image_file import ANY_READING, ColourMode, Reading
from pix2pix_tf.images.io import inspect_image
from pix2pix_tf.utils.errors import UserError

Number = int | float
Range = tuple[Number, Number]  # smallest and largest value


@dataclass(frozen=True)
class ImageInfo:
    """The size, type and value ranges of a sound image file.

    Attributes:
        height, width: The size in pixels.
        dtype: The type of the values.
        channels: The number of channels.
        colour_mode: The meaning of the channels.
        halves: The smallest and largest value of each channel, in the left and in the right half,
            without values that stand for no data.
        missing: How many values stand for no data, in the left and in the right half.
        georeference: Where on the ground the pixels lie; None if the file does not say it.
    """

    height: int
    width: int
    dtype: np.dtype
    channels: int
    colour_mode: ColourMode
    halves: tuple[tuple[Range, ...], tuple[Range, ...]]
    missing: tuple[int, int] = (0, 0)
    georeference: Georeference | None = None

    @property
    def bits(self) -> int:
        """The bits per sample, 8 to 64."""
        return 8 * self.dtype.itemsize

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


def open_image(path: Path, reading: Reading = ANY_READING) -> ImageInfo:
    """Decodes an image file fully and returns its size, type and value ranges.

    Args:
        path: The file.
        reading: The number of channels and the order of axes that are asked for.

    Raises:
        UserError: The file cannot be used.
    """
    image, colour_mode, missing, tags = inspect_image(path, *reading)
    height, width, channels = image.shape
    has_alpha = colour_mode in ("grey + alpha", "RGBA")
    if image.dtype == np.uint16 and has_alpha and image[..., -1].min() == 65535:
        # 16-bit colour of a PNG is always decoded with alpha; here the file has none.
        image, channels = image[..., :-1], channels - 1
        missing = None if missing is None else missing[..., :-1]
        colour_mode = "RGB" if channels == 3 else "grey"
    middle = max(1, width // 2)
    parts = (slice(None, middle), slice(min(middle, width - 1), None))
    masks = [None if missing is None else missing[:, part] for part in parts]
    left, right = (_ranges(image[:, part], mask) for part, mask in zip(parts, masks, strict=True))
    counts = [0 if mask is None else int(np.count_nonzero(mask)) for mask in masks]
    return ImageInfo(
        height,
        width,
        image.dtype,
        channels,
        colour_mode,
        (left, right),
        (counts[0], counts[1]),
        tags.georeference,
    )


def refuse_other_ground(files: PairFiles, images: Mapping[str, ImageInfo]) -> None:
    """Raises an error if the two files of a pair show different places on the ground.

    Args:
        files: The files.
        images: What they hold, by the keys of `PairFiles.sides`.

    Raises:
        UserError: Both have a georeference, with other coordinate reference systems, or their
            extents differ by more than half a pixel.
    """
    if files.b is None:
        return
    a, b = (images[side].georeference for side in "AB")
    if a is None or b is None:
        return
    sizes = [(images[side].height, images[side].width) for side in "AB"]
    if not a.same_crs(b):
        why = "their coordinate reference systems differ: convert one to the other's (gdalwarp)"
    elif not same_ground(a, sizes[0], b, sizes[1]):
        why = "they do not cover the same ground: crop or warp one to the other's extent (gdalwarp)"
    else:
        return
    raise UserError(
        f"{files.a} lies {a.describe(*sizes[0])}, and its mate {files.b} {b.describe(*sizes[1])}: "
        f"{why}."
    )


def sides_of(item: PairFiles | Path) -> dict[str, Path]:
    """Returns the files of a pair by side; a file that belongs to no pair has the side `?`."""
    return item.sides if isinstance(item, PairFiles) else {"?": item}


def inspect_pair(
    item: PairFiles | Path,
    reading_of: Callable[[str], Reading] = lambda side: ANY_READING,
    open_image: Callable[[Path, Reading], ImageInfo] = open_image,
) -> Inspection:
    """Opens the files of a pair, or a single image, and collects the errors.

    Args:
        item: A pair, whose sides must also fit together, or a file that belongs to no pair.
        reading_of: Function from a side to the number of channels and the order of axes that are
            asked for.
        open_image: Function that returns what a file holds, or raises `UserError` for a bad file.
    """
    images: dict[str, ImageInfo] = {}
    problems: list[str] = []
    for side, path in sides_of(item).items():
        try:
            images[side] = open_image(path, reading_of(side))
        except UserError as error:
            problems.append(str(error))
    if isinstance(item, PairFiles) and not problems:
        sizes = [(image.height, image.width) for image in images.values()]
        try:
            refuse_misfit(item, sizes[0], sizes[-1])
            refuse_other_ground(item, images)
        except UserError as error:
            problems.append(str(error))
    return Inspection(images, problems)


def missing_of_side(images: Mapping[str, ImageInfo], side: str) -> int:
    """Returns how many values of one side of a pair stand for no data, see `ranges_of_side`."""
    if "A|B" in images:
        return images["A|B"].missing["AB".index(side)]
    return sum(images[side].missing)


def ranges_of_side(images: Mapping[str, ImageInfo], side: str) -> list[Range]:
    """Returns the smallest and the largest value of each channel of one side of a pair.

    Args:
        images: What the files of the pair hold, by the keys of `PairFiles.sides`.
        side: `A`, `B` or `photo`.
    """
    if "A|B" in images:
        return list(images["A|B"].halves["AB".index(side)])
    return images[side].ranges()


def _ranges(image: np.ndarray, missing: np.ndarray | None) -> tuple[Range, ...]:
    """Returns the smallest and the largest value of each channel.

    In a channel without data they are those of the values that stand there instead.
    """
    ranges = []
    for channel in range(image.shape[2]):
        values = image[..., channel]
        if missing is not None and not missing[..., channel].all():
            values = values[~missing[..., channel]]
        ranges.append((values.min().item(), values.max().item()))
    return tuple(ranges)
