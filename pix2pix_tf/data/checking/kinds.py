"""Size and type of the images of a dataset, and the images that differ from the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf.data.checking.inspection import ImageInfo, sides_of
from pix2pix_tf.data.layout.pair_files import PairFiles
from pix2pix_tf.utils.text import pluralize, shorten_list

_CHANNELS = {1: "grey", 2: "grey + alpha", 3: "RGB", 4: "RGBA"}
_SHOWN = 3  # the number of kinds that are named per side
_NEARLY_ALL = 0.8  # the share of the images of one side that counts as nearly all


@dataclass(frozen=True, order=True)
class Kind:
    """Size and type of an image file.

    Attributes:
        split: The split that the file belongs to.
        side: `A|B` for a side-by-side file, `A`, `B` or `photo`; `?` for a file without a pair.
        height, width: The size in pixels.
        dtype: The name of the type of its values.
        channels: The number of channels.
        is_colour: Whether the channels are grey or colours, with alpha or not.
    """

    split: str
    side: str
    height: int
    width: int
    dtype: str
    channels: int
    is_colour: bool = True

    @property
    def type(self) -> str:
        """Type and channels in words, such as `8 bit RGB` or `float32, 5 channels`."""
        if self.is_colour:
            return f"{self.dtype.removeprefix('uint')} bit {_CHANNELS[self.channels]}"
        return f"{self.dtype}, {pluralize(self.channels, 'channel')}"

    @property
    def size(self) -> str:
        """Width and height in words, such as `512×256`."""
        return f"{self.width}×{self.height}"


Kinds = dict[Path, Kind]  # the kind of each file


def kinds_of(split: str, item: PairFiles | Path, images: Mapping[str, ImageInfo]) -> Kinds:
    """Returns the kinds of the files of a pair, or of one image.

    Args:
        split: The split that the pair belongs to.
        item: The pair, or the file of the image.
        images: The content of its files by side, see `inspect_pair`.
    """
    sides = sides_of(item)
    return {
        sides[side]: Kind(
            split,
            side,
            image.height,
            image.width,
            image.dtype.name,
            image.channels,
            image.colour_mode != "bands",
        )
        for side, image in images.items()
    }


def describe(kinds: Iterable[Kind]) -> str:
    """Describes sizes and types of images, such as `512×256 8 bit RGB` (width×height)."""
    sides: dict[str, Counter[str]] = {}
    for kind in kinds:
        sides.setdefault(kind.side, Counter())[f"{kind.size} {kind.type}"] += 1
    return ", ".join(
        f"{side} {_commonest(found)}" if side in ("A", "B") else _commonest(found)
        for side, found in sides.items()
    )


def other_sizes(kinds: Kinds) -> list[str]:
    """Returns one sentence for each side on which a few images differ in size from nearly all."""
    notes = []
    for side in dict.fromkeys(kind.side for kind in kinds.values()):
        own = {path: kind.size for path, kind in kinds.items() if kind.side == side}
        (size, count), *_ = Counter(own.values()).most_common(1)
        others = [f"{path} ({found})" for path, found in own.items() if found != size]
        if others and count >= _NEARLY_ALL * len(own):
            notes.append(
                f"{len(others)} of {len(own)} images have another size than the others, {size} "
                f"(width×height): {shorten_list(others)}"
            )
    return notes


def _commonest(found: Counter[str]) -> str:
    if len(found) == 1:
        return next(iter(found))
    shown = [f"{what} ({count})" for what, count in found.most_common()]
    return shorten_list(shown, _SHOWN, "more kinds")
