"""Source images of a study: real images, and the images of each algorithm of the same names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pix2pix_tf.data.layout.matching import match, same_name
from pix2pix_tf.images.image_file import Axes, ColourMode
from pix2pix_tf.images.io import image_size, inspect_image
from pix2pix_tf.study.settings import REAL
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.parallel import parallel_map

_MAX_NAMES = 10  # in an error message
_MAX_SHAPE_CHANGE = 102  # percent by which resizing may change the ratio of width to height


@dataclass(frozen=True)
class SourceImage:
    """An image of the user: a file, or one half of a side-by-side pair.

    Attributes:
        path: The file.
        half: Which half of the file, or None for all of it.
        axes: The order of the axes of a file that does not name them, see `images.axes`.
    """

    path: Path
    half: Literal["A", "B"] | None = None
    axes: Axes | None = None

    def size(self) -> tuple[int, int]:
        """Returns the height and width in pixels, from the file's header.

        Raises:
            UserError: The file is to be halved and has an odd width.
        """
        height, width = image_size(self.path, axes=self.axes)
        if self.half is None:
            return height, width
        if width % 2:
            raise UserError(f"{self.path} is {width} pixels wide: a pair has an even width")
        return height, width // 2

    def read(self) -> tuple[np.ndarray, ColourMode]:
        """Reads the image with its own channels and values, [H, W, C], and their meaning."""
        found = inspect_image(self.path, axes=self.axes)
        pixels, colour_mode = found.pixels, found.colour_mode
        middle = pixels.shape[1] // 2
        if self.half == "A":
            pixels = pixels[:, :middle]
        return (pixels[:, middle:] if self.half == "B" else pixels), colour_mode


@dataclass(frozen=True)
class Sources:
    """The images of a study, matched by name.

    Attributes:
        sides: The images of `REAL` and of each algorithm, all in the same order.
        names: Names of the inputs, in that order.
    """

    sides: Mapping[str, Sequence[SourceImage]]
    names: tuple[str, ...]

    def all_images(self) -> list[SourceImage]:
        """Returns the images of all sides."""
        return [image for side in self.sides.values() for image in side]


def find_sources(
    real: Path,
    fakes: Mapping[str, Path],
    real_half: Literal["A", "B"] | None,
    axes: Axes | None = None,
) -> Sources:
    """Matches the real images with each algorithm's by their paths without suffix.

    Args:
        real: The folder of the real images.
        fakes: The folder of each algorithm's images, by the algorithm's name.
        real_half: The real half, where `real` has side-by-side pairs.
        axes: The order of the axes of files that do not name them.

    Raises:
        UserError: A folder is missing or has no images, two images have the same name, or an
            algorithm's images do not match those of `real`.
    """
    _require_folder(f"--real {real}", real)
    sides: dict[str, list[SourceImage]] = {}
    names: tuple[str, ...] = ()
    for algorithm, folder in fakes.items():
        option = f"--fake {algorithm}={folder}"
        _require_folder(option, folder)
        matched = match(real, folder)
        if not matched.pairs and not matched.only_a:
            raise UserError(f"--real {real}: there are no images in it")
        if not matched.pairs and not matched.only_b:
            raise UserError(f"{option}: there are no images in it")
        if matched.doubles:
            raise UserError("; ".join(same_name(*double) for double in matched.doubles[:5]))
        if matched.only_a or matched.only_b:
            raise UserError(
                f"{option} does not match --real {real}: "
                f"{_unmatched(matched.only_a, 'real')}{_unmatched(matched.only_b, algorithm)}"
                "images go together by their path without suffix, add what is missing or remove "
                "what is too much"
            )
        names = tuple(pair.name for pair in matched.pairs)
        sides[REAL] = [SourceImage(pair.a, real_half, axes) for pair in matched.pairs]
        sides[algorithm] = [SourceImage(pair.b, None, axes) for pair in matched.pairs if pair.b]
    return Sources(sides, names)


def common_size(images: Sequence[SourceImage], size: tuple[int, int] | None) -> tuple[int, int]:
    """Determines the size to which all images of a study are resized.

    Args:
        images: All images.
        size: The requested height and width, or None to keep the size of the images.

    Returns:
        Height and width in pixels.

    Raises:
        UserError: No size was requested and the images have several sizes, or the aspect ratio of
            an image differs by more than 2% from the requested one.
    """
    first: dict[tuple[int, int], Path] = {}
    for image, own in zip(images, parallel_map(SourceImage.size, images), strict=True):
        first.setdefault(own, image.path)
    if size is None:
        if len(first) == 1:
            return next(iter(first))
        found = ", ".join(f"{_width_by_height(own)} ({path})" for own, path in [*first.items()][:3])
        raise UserError(
            f"images have {len(first)} sizes, width×height {found}"
            f"{', ...' if len(first) > 3 else ''}: give --size N or HEIGHTxWIDTH to resize all"
        )
    for (height, width), path in first.items():
        # Ratios are compared by cross products: in whole numbers exactly 2% is still accepted.
        smaller, larger = sorted((width * size[0], height * size[1]))
        if 100 * larger > _MAX_SHAPE_CHANGE * smaller:
            raise UserError(
                f"{path} is {_width_by_height((height, width))} (width×height), and --size "
                f"{_width_by_height(size)} has another shape: crop the image first, or give "
                "another size"
            )
    return size


def _require_folder(option: str, folder: Path) -> None:
    if not folder.is_dir():
        raise UserError(f"{option}: there is no such folder")


def _unmatched(paths: Sequence[Path], side: str) -> str:
    if not paths:
        return ""
    more = len(paths) - _MAX_NAMES
    names = ", ".join(path.name for path in paths[:_MAX_NAMES])
    names += f" and {more} more" if more > 0 else ""
    return f"{len(paths)} only of {side} ({names}); "


def _width_by_height(size: tuple[int, int]) -> str:
    return f"{size[1]}×{size[0]}"
