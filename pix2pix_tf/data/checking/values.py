"""Ranges of image values over a whole dataset, and warnings about unintended ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pix2pix_tf.data.checking.inspection import ImageInfo, Range
from pix2pix_tf.utils.text import pluralize, shorten_list

# If the largest value of all images is smaller than this, they do not use their 8 or 16 bits. Dark
# 8-bit images are common; a 16-bit device fills at least half of the range.
_LEAST_LARGEST = {8: 64, 16: 32768}


class SideImage(NamedTuple):
    """The values of one image of one side of a dataset.

    Attributes:
        path: The file of the image.
        info: What the file holds.
        ranges: Smallest and largest value of each channel except alpha.
        alpha: Smallest and largest value of alpha; None for images without alpha.
    """

    path: Path
    info: ImageInfo
    ranges: Sequence[Range]
    alpha: Range | None


Sides = dict[str, list[SideImage]]


def images_of_sides(files: Mapping[Path, tuple[str, ImageInfo]]) -> Sides:
    """Groups images by side; a side-by-side file counts as one image of A and one of B.

    Args:
        files: For each file its side (`A|B`, `A`, `B` or `photo`) and what it holds.

    Returns:
        The images of each side: `A` and `B`, or `photo`.
    """
    sides: Sides = {}
    for path, (side, info) in files.items():
        left, right = info.halves
        parts = {"A": left, "B": right} if side == "A|B" else {side: info.ranges()}
        for name, ranges in parts.items():
            image = SideImage(
                path,
                info,
                ranges[:-1] if info.has_alpha else ranges,
                ranges[-1] if info.has_alpha else None,
            )
            sides.setdefault(name, []).append(image)
    return sides


def value_warnings(
    files: Mapping[Path, tuple[str, ImageInfo]],
    channels_of: Callable[[str], int] | None = None,
    flat_fraction: float | None = None,
    ranged: Collection[str] = (),
) -> list[str]:
    """Returns sentences about values that look unintended, with advice.

    Args:
        files: For each file its side and what it holds, see `images_of_sides`.
        channels_of: Function from a side to the number of channels that it is read with; None if
            there is no config.
        flat_fraction: If more than this fraction of the images, in 0..1, are of a single colour,
            they are not named here, because training warns about them itself; None names them
            always.
        ranged: The sides for which the config gives a range of values.
    """
    found = []
    for side, images in images_of_sides(files).items():
        read_as = None if channels_of is None else channels_of(side)
        found += [
            *([] if side in ranged else _few_bits(side, images)),
            *_constant_channels(side, images),
            *_single_colours(side, images, flat_fraction),
            *_alpha(side, images, read_as),
            *_bands(side, images, read_as),
        ]
    return found


def _few_bits(side: str, images: Sequence[SideImage]) -> list[str]:
    found = []
    for bits, least in _LEAST_LARGEST.items():
        own = [image for image in images if image.info.dtype == f"uint{bits}"]
        largest = int(max((high for image in own for _, high in image.ranges), default=0))
        if 0 < largest < least:
            few, top = largest.bit_length(), 2**bits - 1
            found.append(
                f"{_of(own, side)} with {bits} bits: the largest value of all is {largest} of "
                f"{top}, which fits in {few} bits, so that they are nearly black: give the range "
                f"of the values, data.input_range=[0,{2**few - 1}] (for targets, "
                "data.target_range); or, if they are numbers of classes, give each class a colour "
                "or grey of its own"
            )
    return found


def _constant_channels(side: str, images: Sequence[SideImage]) -> list[str]:
    counts = {len(image.ranges) for image in images}
    if len(images) < 2 or len(counts) != 1:
        return []
    ranges = [_hull(image.ranges[channel] for image in images) for channel in range(counts.pop())]
    constant = [number for number, (low, high) in enumerate(ranges) if low == high]
    if not constant or len(constant) == len(ranges):
        return []
    return [
        f"{_of(images, side)}: channel {number + 1} of {len(ranges)} is {ranges[number][0]} "
        "everywhere: nothing can be learnt from it; choose data.input_channels or "
        "data.target_channels without it, or see that the files are right"
        for number in constant
    ]


def _single_colours(
    side: str, images: Sequence[SideImage], flat_fraction: float | None
) -> list[str]:
    flat = [image for image in images if all(low == high for low, high in image.ranges)]
    if not flat or (flat_fraction is not None and len(flat) > flat_fraction * len(images)):
        return []
    names = shorten_list([str(image.path) for image in flat])
    return [f"{len(flat)} of {_of(images, side)} are of a single colour: {names}"]


def _alpha(side: str, images: Sequence[SideImage], read_as: int | None) -> list[str]:
    used = [i for i in images if i.alpha is not None and i.alpha[0] < 2**i.info.bits - 1]
    if not used or read_as in (2, 4):
        return []
    names = shorten_list([str(image.path) for image in used])
    return [
        f"{len(used)} of {_of(images, side)} have a channel tagged as alpha that is not opaque, "
        f"and is laid over white ({names}): if it is a measurement (near infrared, say), "
        f"data.input_channels={used[0].info.channels}, or data.target_channels, reads it as a "
        "channel"
    ]


def _bands(side: str, images: Sequence[SideImage], read_as: int | None) -> list[str]:
    own = [image for image in images if image.info.colour_mode == "bands"]
    if not own or read_as is not None:
        return []
    bands = own[0].info.channels
    return [
        f"{len(own)} of {_of(images, side)} have {pluralize(bands, 'band')}, not colours or alpha: "
        f"data.input_channels={bands}, or data.target_channels, reads them; as anything else they "
        "are refused"
    ]


def _of(images: Sequence[SideImage], side: str) -> str:
    side = {"photo": "", "?": ""}.get(side, f" of {side}")
    return f"{pluralize(len(images), 'image')}{side}"


def _hull(ranges: Iterable[Range]) -> Range:
    lows, highs = zip(*ranges, strict=True)
    return min(lows), max(highs)
