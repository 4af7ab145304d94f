"""What the input and the target of a run's pairs are: decided here, once, and read by `source`.

The layout says in which files the sides A and B of a pair lie, or that a file is one whole
photograph (`layout.pair_files.PairFiles`). The config says which of them is the input and which
the target, with how many channels they are read, and whether the input is derived of the target.
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
        channels: With how many channels it is read, 1 to 4.
    """

    name: SideName
    channels: int

    @property
    def half(self) -> int:
        """Which half of a side-by-side file it is: 0 for the left one (A), 1 for the right one."""
        return "AB".index(self.name)


@dataclass(frozen=True)
class PairSpec:
    """What the input and the target of a pair are.

    Attributes:
        input: The side that is the input; None where the input is derived of the target.
        target: The side that is the target: where inputs are derived, the photograph.
        input_channels: How many channels inputs have, read or derived.
    """

    input: Side | None
    target: Side
    input_channels: int

    def channels_of(self, side: str) -> int:
        """With how many channels the files of a side (`A`, `B` or `photo`) are read."""
        if self.input is not None and side == self.input.name:
            return self.input.channels
        return self.target.channels

    def bands_of(self, side: str) -> int | None:
        """The bands that a file may have whose bands are no colours; None where it may have none.

        Args:
            side: What the file holds, as a key of `PairFiles.sides`.
        """
        if self.input is None:
            return None
        if side == "A|B":
            a, b = self.channels_of("A"), self.channels_of("B")
            return a if a == b else None
        return self.channels_of(side)


def pair_spec(data: DataConfig) -> PairSpec:
    """The input and the target that a config asks for."""
    input_channels, target_channels = data.image_channels
    if data.derive != "pair":
        name: SideName = "photo" if data.photo == "file" else data.photo
        return PairSpec(None, Side(name, target_channels), input_channels)
    names: tuple[SideName, SideName] = ("A", "B") if data.direction == "AtoB" else ("B", "A")
    return PairSpec(Side(names[0], input_channels), Side(names[1], target_channels), input_channels)
