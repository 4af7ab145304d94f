"""Size and type of the images of a dataset, and the images that differ from the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf.data.checking.inspection import ImageInfo, sides_of
from pix2pix_tf.data.layout.pair_files import PairFiles
from pix2pix_tf.images.headers import ImageHeader
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


Kinds = dict[str, Kind]  # the kind of each file, by its path


def kinds_of(
    split: str, item: PairFiles | Path, images: Mapping[str, ImageInfo | ImageHeader]
) -> Kinds:
    """Returns the kinds of the files of a pair, or of one image.

    Args:
        split: The split that the pair belongs to.
        item: The pair, or the file of the image.
        images: The content of its files by side, see `inspect_pair`, or what their headers say.
    """
    sides = sides_of(item)
    return {str(sides[side]): kind_of(split, side, image) for side, image in images.items()}


def kind_of(split: str, side: str, image: ImageInfo | ImageHeader) -> Kind:
    """Returns the kind of a file, see `kinds_of`."""
    size, dtype = (image.height, image.width), image.dtype.name
    return Kind(split, side, *size, dtype, image.channels, image.colour_mode != "bands")


def describe(kinds: Iterable[Kind]) -> str:
    """Describes sizes and types of images, such as `512×256 8 bit RGB` (width×height)."""
    sides: dict[str, Counter[str]] = {}
    for kind, count in Counter(kinds).items():
        sides.setdefault(kind.side, Counter())[f"{kind.size} {kind.type}"] += count
    return ", ".join(
        f"{side} {_commonest(found)}" if side in ("A", "B") else _commonest(found)
        for side, found in sides.items()
    )


def other_sizes(kinds: Kinds) -> list[str]:
    """Returns one sentence for each side on which a few images differ in size from nearly all."""
    notes = []
    sides: dict[str, Counter[str]] = {}
    for kind, count in Counter(kinds.values()).items():
        sides.setdefault(kind.side, Counter())[kind.size] += count
    for side, sizes in sides.items():
        (size, count), *others = sizes.most_common()
        total = sizes.total()
        if others and count >= _NEARLY_ALL * total:
            paths = [
                f"{path} ({kind.size})"
                for path, kind in kinds.items()
                if kind.side == side and kind.size != size
            ]
            notes.append(
                f"{len(paths)} of {total} images have another size than the others, {size} "
                f"(width×height): {shorten_list(paths)}"
            )
    return notes


def _commonest(found: Counter[str]) -> str:
    if len(found) == 1:
        return next(iter(found))
    shown = [f"{what} ({count})" for what, count in found.most_common()]
    return shorten_list(shown, _SHOWN, "more kinds")
