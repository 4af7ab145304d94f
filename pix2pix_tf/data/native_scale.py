"""Pairs at the scale of their files, which `data.scale: native` or a factor asks for.

They keep sizes of their own: training cuts crops out of them, and validation takes them whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pix2pix_tf.config.schema import DataConfig
from pix2pix_tf.data.layout.pair_files import PairFiles, Size, split_sides

TRAINING_SPLITS = ("train", "")  # the latter if the dataset has no folders of splits


@dataclass(frozen=True)
class NativeScale:
    """The scale of pairs relative to their files.

    Attributes:
        factor: The factor by which height and width are resized.
        smallest: The smallest height and width of training pairs in pixels, after resizing; None if
            smaller ones are padded.
        crop_size: Height and width of the crops in pixels.
    """

    factor: float
    smallest: Size | None
    crop_size: Size

    def size_of(self, files: PairFiles, sizes: Mapping[str, Size]) -> Size:
        """Returns the height and width at which a pair is read.

        Args:
            files: The files of the pair.
            sizes: The sizes of its files, by the keys of `PairFiles.sides`.
        """
        return self._scaled(_size_of_sides(files, sizes)[0])

    def problems(self, split: str, files: PairFiles, sizes: Mapping[str, Size]) -> list[str]:
        """Returns sentences about a pair that cannot be used at this scale.

        Args:
            split: The split of the pair; of training pairs a crop is taken.
            files: The files of the pair.
            sizes: The sizes of its files, by the keys of `PairFiles.sides`.
        """
        found = _size_of_sides(files, sizes)
        if found[0] != found[-1]:
            (height, width), (other_height, other_width) = found[0], found[-1]
            return [
                f"{files.a} is {width}×{height} (width×height) and its mate {files.b} "
                f"{other_width}×{other_height}: data.scale={self._setting} keeps their sizes, "
                "which must be the same; resize one, or leave data.scale=resize."
            ]
        if self.smallest is None or split not in TRAINING_SPLITS:
            return []
        height, width = self._scaled(found[0])
        if height >= self.smallest[0] and width >= self.smallest[1]:
            return []
        scaled = "" if self.factor == 1 else f" at data.scale={self._setting}"
        of_crops = "crop" if self.smallest == self.crop_size else "window of data.augment's scale"
        return [
            f"{files.a} is {width}×{height} (width×height){scaled}, smaller than the {of_crops}, "
            f"{self.smallest[1]}×{self.smallest[0]}: data.pad=reflect pads it, and "
            "data.scale=resize takes every size."
        ]

    @property
    def _setting(self) -> str:
        return "native" if self.factor == 1 else f"{self.factor:g}"

    def _scaled(self, size: Size) -> Size:
        height, width = (max(1, round(self.factor * side)) for side in size)
        return height, width


def native_scale(data: DataConfig) -> NativeScale | None:
    """Returns the scale that a config asks for; None if every pair is resized to one size."""
    if data.scale == "resize":
        return None
    factor = 1.0 if data.scale == "native" else data.scale
    return NativeScale(factor, None if data.pad else data.window_size, data.crop_size)


def _size_of_sides(files: PairFiles, sizes: Mapping[str, Size]) -> list[Size]:
    """Returns the size of every image of a pair; halves of a side-by-side file have the same."""
    if files.b is None and not files.is_photo:
        ((height, width),) = sizes.values()
        return [(height, width // 2)]
    return list(split_sides(sizes).values())
