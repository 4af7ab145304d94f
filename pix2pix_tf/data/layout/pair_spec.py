"""The sides of a pair that are the input and the target of a run, and their channels.

The layout says in which files the sides A and B of a pair lie, or that a file is one whole
photograph (`layout.pair_files.PairFiles`). The config says which of them is the input and which
the target, with how many channels they are read, and whether the input is derived from the target.
`source` reads pairs by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pix2pix_tf.config.schema import DataConfig

SideName = Literal["A", "B", "photo"]


@dataclass(frozen=True)
class Side:
    """One image of a pair.

    Attributes:
        name: `A` or `B`; `photo` where files are whole photographs.
        channels: The number of channels that it is read with, 1 to 4.
    """

    name: SideName
    channels: int

    @property
    def half(self) -> int:
        """The half of a side-by-side file: 0 for the left half (A), 1 for the right half (B)."""
        return "AB".index(self.name)


@dataclass(frozen=True)
class PairSpec:
    """The input and the target of a pair.

    Attributes:
        input: The side that is the input; None if the input is derived from the target.
        target: The side that is the target. If inputs are derived, it is the photograph.
        input_channels: The number of channels of inputs, whether they are read or derived.
    """

    input: Side | None
    target: Side
    input_channels: int

    def channels_of(self, side: str) -> int:
        """Returns the number of channels that a side (`A`, `B` or `photo`) is read with."""
        if self.input is not None and side == self.input.name:
            return self.input.channels
        return self.target.channels

    def bands_of(self, side: str) -> int | None:
        """Returns the number of bands that a file may have if its bands are not colours.

        Args:
            side: What the file holds, as a key of `PairFiles.sides`.

        Returns:
            The number of bands; None if files with such bands cannot be used.
        """
        if self.input is None:
            return None
        if side == "A|B":
            a, b = self.channels_of("A"), self.channels_of("B")
            return a if a == b else None
        return self.channels_of(side)


def pair_spec(data: DataConfig) -> PairSpec:
    """Returns the input and the target that a config asks for."""
    input_channels, target_channels = data.image_channels
    if data.derive != "pair":
        name: SideName = "photo" if data.photo == "file" else data.photo
        return PairSpec(None, Side(name, target_channels), input_channels)
    names: tuple[SideName, SideName] = ("A", "B") if data.direction == "AtoB" else ("B", "A")
    return PairSpec(Side(names[0], input_channels), Side(names[1], target_channels), input_channels)
