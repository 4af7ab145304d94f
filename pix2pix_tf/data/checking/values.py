"""Ranges of image values over a whole dataset, and warnings about unintended ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pix2pix_tf.data.checking.inspection import ImageInfo, Range
from pix2pix_tf.utils.text import pluralize, shorten_list

# If the largest value of all images is smaller than this, they do not use their 8 or 16 bits. Dark
# 8-bit images are common; a 16-bit device fills at least half of the range.
_LEAST_LARGEST = {8: 64, 16: 32768}


class FileInfo(NamedTuple):
    """An image file and what it holds.

    Attributes:
        path: The file.
        side: `A|B` for a side-by-side file, `A`, `B` or `photo`.
        info: What it holds.
    """

    path: Path
    side: str
    info: ImageInfo


@dataclass
class _SideValues:
    """What is known of the values of all images of one side; it takes them one by one.

    Attributes:
        count: The number of images.
        by_bits: The number of unsigned integer images and their largest value, by their bits.
        hulls: The smallest and largest value of each channel except alpha, by the number of
            channels.
        flat: The images of a single colour.
        alpha: The images with alpha that is not opaque, and the number of their channels.
        bands: The number of channels of each image of bands.
    """

    count: int = 0
    by_bits: dict[int, tuple[int, int]] = field(default_factory=dict)
    hulls: dict[int, list[Range]] = field(default_factory=dict)
    flat: list[Path] = field(default_factory=list)
    alpha: list[tuple[Path, int]] = field(default_factory=list)
    bands: list[int] = field(default_factory=list)

    def add(self, path: Path, info: ImageInfo, ranges: list[Range]) -> None:
        """Adds an image.

        Args:
            path: The file.
            info: What it holds.
            ranges: Smallest and largest value of each channel of this side.
        """
        self.count += 1
        alpha = ranges[-1] if info.has_alpha else None
        ranges = ranges[:-1] if info.has_alpha else ranges
        if info.dtype.kind == "u":
            count, largest = self.by_bits.get(info.bits, (0, 0))
            top = int(max((high for _, high in ranges), default=0))
            self.by_bits[info.bits] = count + 1, max(largest, top)
        hull = self.hulls.get(len(ranges))
        self.hulls[len(ranges)] = (
            ranges
            if hull is None
            else [(min(a, c), max(b, d)) for (a, b), (c, d) in zip(hull, ranges, strict=True)]
        )
        if all(low == high for low, high in ranges):
            self.flat.append(path)
        if alpha is not None and alpha[0] < 2**info.bits - 1:
            self.alpha.append((path, info.channels))
        if info.colour_mode == "bands":
            self.bands.append(info.channels)


def value_warnings(
    files: Iterable[FileInfo],
    channels_of: Callable[[str], int] | None = None,
    flat_fraction: float | None = None,
    ranged: Collection[str] = (),
) -> list[str]:
    """Returns sentences about values that look unintended, with advice.

    Args:
        files: The files of the dataset and what they hold; a side-by-side file counts as one image
            of A and one of B.
        channels_of: Function from a side to the number of channels that it is read with; None if
            there is no config.
        flat_fraction: If more than this fraction of the images, in 0..1, are of a single colour,
            they are not named here, because training warns about them itself; None names them
            always.
        ranged: The sides for which the config gives a range of values.
    """
    sides: dict[str, _SideValues] = {}
    for path, side, info in files:
        parts = (
            dict(zip("AB", info.halves, strict=True)) if side == "A|B" else {side: info.ranges()}
        )
        for name, ranges in parts.items():
            sides.setdefault(name, _SideValues()).add(path, info, list(ranges))
    found: list[str] = []
    for side, values in sides.items():
        read_as = None if channels_of is None else channels_of(side)
        found += [
            *([] if side in ranged else _few_bits(side, values)),
            *_constant_channels(side, values),
            *_single_colours(side, values, flat_fraction),
            *_alpha(side, values, read_as),
            *_bands(side, values, read_as),
        ]
    return found


def _few_bits(side: str, values: _SideValues) -> Iterator[str]:
    for bits, least in _LEAST_LARGEST.items():
        count, largest = values.by_bits.get(bits, (0, 0))
        if 0 < largest < least:
            few, top = largest.bit_length(), 2**bits - 1
            yield (
                f"{_of(count, side)} with {bits} bits: the largest value of all is {largest} of "
                f"{top}, which fits in {few} bits, so that they are nearly black: give the range "
                f"of the values, data.input_range=[0,{2**few - 1}] (for targets, "
                "data.target_range); or, if they are numbers of classes, give each class a colour "
                "or grey of its own"
            )


def _constant_channels(side: str, values: _SideValues) -> Iterator[str]:
    if values.count < 2 or len(values.hulls) != 1:
        return
    (ranges,) = values.hulls.values()
    constant = [number for number, (low, high) in enumerate(ranges) if low == high]
    if len(constant) == len(ranges):
        return
    for number in constant:
        yield (
            f"{_of(values.count, side)}: channel {number + 1} of {len(ranges)} is "
            f"{ranges[number][0]} everywhere: nothing can be learnt from it; choose "
            "data.input_channels or data.target_channels without it, or see that the files are "
            "right"
        )


def _single_colours(side: str, values: _SideValues, flat_fraction: float | None) -> Iterator[str]:
    flat = values.flat
    if not flat or (flat_fraction is not None and len(flat) > flat_fraction * values.count):
        return
    names = shorten_list([str(path) for path in flat])
    yield f"{len(flat)} of {_of(values.count, side)} are of a single colour: {names}"


def _alpha(side: str, values: _SideValues, read_as: int | None) -> Iterator[str]:
    used = values.alpha
    if not used or read_as in (2, 4):
        return
    names = shorten_list([str(path) for path, _ in used])
    yield (
        f"{len(used)} of {_of(values.count, side)} have a channel tagged as alpha that is not "
        f"opaque, and is laid over white ({names}): if it is a measurement (near infrared, say), "
        f"data.input_channels={used[0][1]}, or data.target_channels, reads it as a channel"
    )


def _bands(side: str, values: _SideValues, read_as: int | None) -> Iterator[str]:
    if not values.bands or read_as is not None:
        return
    bands = values.bands[0]
    yield (
        f"{len(values.bands)} of {_of(values.count, side)} have {pluralize(bands, 'band')}, not "
        f"colours or alpha: data.input_channels={bands}, or data.target_channels, reads them; as "
        "anything else they are refused"
    )


def _of(count: int, side: str) -> str:
    side = {"photo": "", "?": ""}.get(side, f" of {side}")
    return f"{pluralize(count, 'image')}{side}"
