"""The sides of a pair that are the input and the target of a run, and their channels.

The layout says in which files the sides A and B of a pair lie, or that a file is one whole
photograph (`layout.pair_files.PairFiles`). The config says which of them is the input and which
the target, with how many channels they are read, and whether the input is derived from the target.
`source` reads pairs by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pix2pix_tf.config.schema import DataConfig
from pix2pix_tf.config.section import RangeSetting
from pix2pix_tf.images.image_file import Axes, Reading
from pix2pix_tf.images.nodata import BY_FILE, Low, NodataRule
from pix2pix_tf.images.value_range import given_range
from pix2pix_tf.utils.errors import UserError

SideName = Literal["A", "B", "photo"]


@dataclass(frozen=True)
class Side:
    """One image of a pair.

    Attributes:
        name: `A` or `B`; `photo` where files are whole photographs.
        channels: The number of channels that it is read with.
        axes: The order of axes in files that do not name them; None if it is not given.
        nodata: Which values stand for no data, and the low end of the range.
        names: The names of the channels; empty if they have none.
        array: The name of the array to read of .npz files that have several.
    """

    name: SideName
    channels: int
    axes: Axes | None = None
    nodata: NodataRule = BY_FILE
    names: tuple[str, ...] = ()
    array: str | None = None

    def channel(self, index: int) -> str:
        """Returns what messages call a channel: its number, from 1, and its name if it has one."""
        return channel_name(index + 1, self.names)

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

    def channel_of(self, side: str, index: int) -> str:
        """Returns what messages call a channel of a side (`A`, `B` or `photo`), see `Side`."""
        is_input = self.input is not None and side == self.input.name
        return (self.input if is_input and self.input else self.target).channel(index)

    def reading_of(self, side: str) -> Reading:
        """Returns how a file is read.

        Args:
            side: What the file holds, as a key of `PairFiles.sides`.

        Returns:
            The number of channels that a file must have if they are not colours, None if such files
            cannot be used; and the order of axes.

        Raises:
            UserError: Both sides are in one file, for which different axes are given.
        """
        if self.input is None:
            return Reading(None, self.target.axes, (self.target.nodata,), self.target.array)
        if side == "A|B":
            return self._reading_of_both(self.input, self.target)
        one = self.input if side == self.input.name else self.target
        return Reading(one.channels, one.axes, (one.nodata,), one.array)

    def _reading_of_both(self, one: Side, other: Side) -> Reading:
        axes = {side.axes for side in (one, other) if side.axes is not None}
        if len(axes) > 1:
            raise UserError(
                "data.input_axes, data.target_axes: both sides of a pair are in one file here, "
                "whose axes have one order: give the same for both"
            )
        channels = one.channels if one.channels == other.channels else None
        left, right = sorted((one, other), key=lambda side: side.name)
        array = one.array if one.array == other.array else None
        return Reading(channels, axes.pop() if axes else None, (left.nodata, right.nodata), array)


def pair_spec(data: DataConfig) -> PairSpec:
    """Returns the input and the target that a config asks for."""
    input_channels, target_channels = data.image_channels
    input_nodata, target_nodata = data.nodata_of_sides
    if data.derive != "pair":
        name: SideName = "photo" if data.photo == "file" else data.photo
        photo = Side(
            name,
            target_channels,
            data.target_axes,
            NodataRule(target_nodata),
            array=data.target_array,
        )
        return PairSpec(None, photo, input_channels)
    names: tuple[SideName, SideName] = ("A", "B") if data.direction == "AtoB" else ("B", "A")
    return PairSpec(
        Side(
            names[0],
            input_channels,
            data.input_axes,
            NodataRule(input_nodata, _low(data.input_range)),
            data.input_names or (),
            data.input_array,
        ),
        Side(
            names[1],
            target_channels,
            data.target_axes,
            NodataRule(target_nodata, _low(data.target_range)),
            data.target_names or (),
            data.target_array,
        ),
        input_channels,
    )


def channel_name(number: int, names: Sequence[str]) -> str:
    """Returns what messages call a channel.

    Args:
        number: The number of the channel, from 1.
        names: The names of all channels; empty if they have none.

    Example:
        >>> channel_name(2, ["red", "infrared"]), channel_name(2, [])
        ('channel 2 (infrared)', 'channel 2')
    """
    return f"channel {number} ({names[number - 1]})" if names else f"channel {number}"


def _low(setting: RangeSetting) -> Low:
    """Returns the low end of a range that a config gives as numbers; None for other settings."""
    return None if isinstance(setting, str) else given_range(setting).low
