"""How the outputs and targets of folders are read, and the meaning of their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pix2pix_tf.config.schema import DataConfig
from pix2pix_tf.config.section import RangeSetting
from pix2pix_tf.data.layout.pair_spec import pair_spec
from pix2pix_tf.images.convert import to_channels
from pix2pix_tf.images.display import DisplaySetting, display_setting
from pix2pix_tf.images.image_file import Axes, Reading, openable
from pix2pix_tf.images.io import decode_image, open_image_file
from pix2pix_tf.images.nodata import BY_FILE, NodataRule
from pix2pix_tf.images.value_range import ImageValues, given_range, image_values
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import pluralize


@dataclass(frozen=True)
class FolderSetting:
    """What is known of the outputs and targets of folders besides their files.

    Attributes:
        range: The range of their values, as `data.target_range`.
        channels: The number of their channels; None takes the files' own, and RGB of colours.
        axes: The order of the axes of files that do not name them, see `images.axes`.
        nodata: Which values stand for no data; in scores they have the low end of the range.
        display: What of them is shown.
    """

    range: RangeSetting = "dtype"
    channels: int | None = None
    axes: Axes | None = None
    nodata: NodataRule = BY_FILE
    display: DisplaySetting = field(default_factory=DisplaySetting)


def target_setting(data: DataConfig) -> FolderSetting:
    """Returns the setting for outputs and targets of the kind of a config's targets."""
    _, channels = data.image_channels
    display = display_setting(data).target
    target = pair_spec(data).target
    return FolderSetting(data.target_range, channels, target.axes, target.nodata, display)


@dataclass(frozen=True)
class FolderValues:
    """How images are read and what their values mean, the same for all outputs and targets.

    Attributes:
        reading: What is asked of a file before it is opened.
        channels: The number of channels of the images.
        values: The type and the meaning of their values.
    """

    reading: Reading
    channels: int
    values: ImageValues

    def read(self, path: Path) -> np.ndarray:
        """Reads an image.

        Args:
            path: The file.

        Returns:
            [H, W, C] of the type of the file.
        """
        return to_channels(decode_image(path, *self.reading), self.channels)

    def full_scale(self, image: np.ndarray) -> np.ndarray:
        """Converts an image that `read` returned for scores, see `ImageValues.full_scale`."""
        return self.values.full_scale(image)


def folder_reading(setting: FolderSetting) -> Reading:
    """Returns what is asked of the files of a folder before they are opened."""
    low = None if isinstance(setting.range, str) else given_range(setting.range).low
    return Reading(setting.channels, setting.axes, (setting.nodata._replace(low=low),))


def find_values(paths: Sequence[Path], setting: FolderSetting) -> FolderValues:
    """Finds by the headers of files how they are read.

    Colours are compared in RGB, unless a number of channels or a range is given; all other files
    are compared as they are.

    Args:
        paths: All outputs and targets.
        setting: What is known of them besides.

    Raises:
        UserError: A header cannot be read; the files have different channels, or types whose values
            cannot be compared; there are floats without a range.
    """
    reading = folder_reading(setting)
    bands: dict[int, Path] = {}
    colours, dtypes = [], set()
    for path in paths:
        with open_image_file(openable(path), reading) as opened:
            dtypes.add(opened.dtype)
            if opened.colour_mode == "bands":
                bands.setdefault(opened.bands, path)
            else:
                colours.append(path)
    channels = _channels(bands, colours, setting)
    values = image_values(setting.range, dtypes, "--range", "--range LOW,HIGH")
    _check_range_count(setting.range, channels)
    return FolderValues(reading._replace(channels=channels), channels, values)


def _channels(bands: Mapping[int, Path], colours: Sequence[Path], setting: FolderSetting) -> int:
    """Returns the number of channels with which all files are read.

    Args:
        bands: A file of each number of channels that are not colours, by this number.
        colours: Files of colours, which can have 1 to 4 channels.
        setting: The setting.

    Raises:
        UserError: The files have different numbers, or others than the setting's.
    """
    found = list(bands.items())
    if len(found) > 1:
        (one, first), (other, second) = found[:2]
        raise UserError(
            f"{first} has {pluralize(one, 'channel')} and {second} {other}: outputs and targets "
            "must have the same"
        )
    if not found:
        if setting.channels is not None:
            return setting.channels
        return 3 if setting.range == "dtype" else decode_image(colours[0]).shape[2]
    ((count, path),) = found
    if setting.channels not in (None, count):
        raise UserError(
            f"{path} has {pluralize(count, 'channel')}, and {setting.channels} are expected (by "
            "--channels, or data.target_channels of --config)"
        )
    if count > 4 and colours:
        raise UserError(
            f"{path} has {pluralize(count, 'channel')} and {colours[0]} colours: outputs and "
            "targets must have the same channels"
        )
    return count


def _check_range_count(setting: RangeSetting, channels: int) -> None:
    if isinstance(setting[0], tuple) and len(setting) != channels:
        raise UserError(
            f"data.target_range has a range for each of {pluralize(len(setting), 'channel')}, and "
            f"the images have {channels}"
        )
