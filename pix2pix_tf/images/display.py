"""What of an image is shown in sheets, reports and pages: its colours, or some of its channels.

Colours (1 to 4 channels of 8 or 16 bits in full scale: grey, RGB, either with alpha) are shown as
they are. Of all other images, and where a config names channels to show, one channel is shown as
grey or three as red, green and blue. Each is stretched between two percentiles of the images that
are shown together, so that a bright pixel in 10,000 does not make the rest black. Outputs are
stretched like the targets that they are compared with, never by their own values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pix2pix_tf.config.schema import DataConfig
from pix2pix_tf.config.section import Bounds
from pix2pix_tf.images.convert import for_display
from pix2pix_tf.images.png_writer import png_holds
from pix2pix_tf.images.value_range import ImageValues

_MEASURED_SIDE = 512  # pixels
_SAMPLED_PIXELS = 2**20  # of all images together, that percentiles are computed from


@dataclass(frozen=True)
class DisplaySetting:
    """Settings by which images of one side are shown.

    Attributes:
        channels: Numbers, from 1, of the channel that is shown as grey or of those that are shown
            as red, green and blue; None chooses them by the images, see `shown_channels`.
        percentiles: Percentiles of the values that are shown black and white; None shows the full
            scale of the values.
    """

    channels: tuple[int, ...] | None = None
    percentiles: Bounds | None = (2.0, 98.0)


@dataclass(frozen=True)
class Display:
    """Conversion of images to what a screen shows.

    Attributes:
        channels: Indices, from 0, of the channel that is shown as grey or of the three that are
            shown as red, green and blue; empty for colours, which are shown as they are.
        black: For each of these channels, the value that is shown black.
        white: For each of these channels, the value that is shown white; more than `black`.
    """

    channels: tuple[int, ...] = ()
    black: tuple[float, ...] = ()
    white: tuple[float, ...] = ()

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Converts an image; values beyond `black` and `white` are clipped, NaN is black.

        Args:
            image: Any real type, [H, W, C]. Colours are uint8, uint16 or floats in 0..1.

        Returns:
            uint8 [H, W, 3].

        Example:
            >>> bands = np.array([[[0.0, 5.0], [1.0, 10.0]]])
            >>> Display((1,), (0.0,), (10.0,))(bands)[0].tolist()
            [[128, 128, 128], [255, 255, 255]]
        """
        if not self.channels:
            return for_display(image)
        black, white = np.array(self.black), np.array(self.white)
        shares = (image[..., list(self.channels)].astype(np.float64) - black) / (white - black)
        levels = np.rint(np.clip(np.nan_to_num(shares, nan=0.0), 0, 1) * 255).astype(np.uint8)
        return np.repeat(levels, 3, axis=-1) if len(self.channels) == 1 else levels


COLOURS = Display()


@dataclass(frozen=True)
class PairDisplaySetting:
    """Settings by which the images of pairs are shown; outputs are shown like targets."""

    input: DisplaySetting = DisplaySetting()
    target: DisplaySetting = DisplaySetting()


@dataclass(frozen=True)
class PairDisplay:
    """Conversions of the inputs, and of the targets and outputs, to what a screen shows."""

    input: Display = COLOURS
    target: Display = COLOURS


def display_setting(data: DataConfig) -> PairDisplaySetting:
    """Returns the settings of a config: `data.input_display`, `data.target_display` and others."""
    percentiles = data.display_percentiles
    return PairDisplaySetting(
        DisplaySetting(data.input_display, percentiles),
        DisplaySetting(data.target_display, percentiles),
    )


def shown_channels(setting: DisplaySetting, channels: int, dtype: np.dtype) -> tuple[int, ...]:
    """Returns the indices of the channels of an image that are shown.

    Args:
        setting: The setting.
        channels: The number of channels of the image.
        dtype: The type of the image in full scale, see `ImageValues.full_scale`.

    Returns:
        The indices that the setting names. Without: none for colours, otherwise the first channel
        of one or two, the first three of more.

    Example:
        >>> shown_channels(DisplaySetting((4, 3, 2)), 13, np.dtype(np.float32))
        (3, 2, 1)
        >>> shown_channels(DisplaySetting(), 2, np.dtype(np.float32))
        (0,)
    """
    if setting.channels is not None:
        return tuple(number - 1 for number in setting.channels)
    if png_holds(dtype, channels):
        return ()
    return (0,) if channels < 3 else (0, 1, 2)


def is_measured(setting: DisplaySetting, values: ImageValues, channels: int) -> bool:
    """Whether images are to be measured before they are shown: those that are not colours.

    Args:
        setting: The setting.
        values: The type and the meaning of the values of the images.
        channels: The number of their channels.
    """
    return setting.channels is not None or not values.are_colours(channels)


def thinned(image: np.ndarray) -> np.ndarray:
    """Returns every n-th row and column of an image, of 512 each at most, to be measured."""
    step = -(-max(image.shape[:2]) // _MEASURED_SIDE)
    return image[::step, ::step]


def measure_display(images: Sequence[np.ndarray], setting: DisplaySetting) -> Display:
    """Chooses the channels of images and measures between which values they are shown.

    Of more than a million pixels an even selection is measured. NaN and infinities are left out,
    and a channel with a single value is shown in full scale.

    Args:
        images: The images that are shown together, at least one, [H, W, C] of one type and number
            of channels; colours in full scale, other floats and integers in any numbers.
        setting: The setting.

    Example:
        >>> images = [np.arange(101.0).reshape(1, 101, 1)]
        >>> measure_display(images, DisplaySetting(percentiles=(10, 90)))
        Display(channels=(0,), black=(10.0,), white=(90.0,))
    """
    dtype = images[0].dtype
    channels = shown_channels(setting, images[0].shape[-1], dtype)
    if not channels:
        return COLOURS
    full = (0.0, 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max))
    limits = [full] * len(channels)
    if setting.percentiles is not None:
        step = max(1, sum(image[..., 0].size for image in images) // _SAMPLED_PIXELS)
        pixels = np.concatenate(
            [image.reshape(-1, image.shape[-1])[::step, list(channels)] for image in images]
        )
        limits = [_limits(pixels[:, k], setting.percentiles, full) for k in range(len(channels))]
    black, white = zip(*limits, strict=True)
    return Display(channels, black, white)


def _limits(values: np.ndarray, percentiles: Bounds, full: Bounds) -> Bounds:
    values = values[np.isfinite(values)].astype(np.float64)
    low, high = np.percentile(values, percentiles).tolist() if len(values) else full
    return (low, high) if low < high else full
