"""What a page knows of its model, as the content of `page.json`: title, size, values, display.

Two kinds of inputs can be drawn: colours, and one or three channels of other values, for which the
canvas spans the range of the values. A page opens all others from files. Inputs and translations
that are no colours of 8 bits are arrays for a page, with the numbers of the data; it shows them by
`data.input_display` and `data.target_display`, as sheets do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pix2pix_tf.config.schema import DataConfig
from pix2pix_tf.images.convert import for_display
from pix2pix_tf.images.display import (
    COLOURS,
    Display,
    DisplaySetting,
    PairDisplay,
    display_setting,
    is_measured,
    measure_display,
)
from pix2pix_tf.images.value_range import EIGHT_BIT, ImageValues, PairValues

COLOURS_AT_MOST = 12  # in the palette
_COARSE = 16  # levels per channel that are grouped into one colour at first
_APART = 24  # smallest difference of palette colours, in levels of the channel that differs most
_RARE = 0.002  # smallest fraction of the pixels that a palette colour has
_DRAWN_CHANNELS = (1, 3)  # of images that are not colours


@dataclass(frozen=True)
class PageImages:
    """Images that a page is made with, all of its size, with the types and values of the run.

    Attributes:
        inputs: Typical inputs. The page opens with the first one, and their most common colours are
            the palette to draw with.
        outputs: Some of their translations, by which a page stretches what it shows; they may be
            left out for colours.
        values: The types and the meaning of the values of inputs and translations.
    """

    inputs: Sequence[np.ndarray]
    outputs: Sequence[np.ndarray] = ()
    values: PairValues = EIGHT_BIT


def needs_outputs(data: DataConfig, values: PairValues) -> bool:
    """Whether `PageImages.outputs` are needed, to measure how translations are shown."""
    return is_measured(display_setting(data).target, values.target, data.image_channels[1])


def is_array(values: ImageValues, channels: int) -> bool:
    """Whether images are arrays for a page: all but colours of 8 bits."""
    return not (values.are_colours(channels) and values.dtype == np.uint8)


def can_be_drawn(data: DataConfig, values: PairValues) -> bool:
    """Whether inputs can be drawn, see the module."""
    channels = data.image_channels[0]
    as_colours = values.input.are_colours(channels) or channels in _DRAWN_CHANNELS
    return as_colours and data.input_display is None


def page_display(data: DataConfig, images: PageImages) -> PairDisplay:
    """Returns how a page shows inputs and translations.

    Drawings span the range of the values, without stretching, so that a shade has one value.
    """
    setting, values = display_setting(data), images.values
    of_inputs = setting.input
    if can_be_drawn(data, values):
        of_inputs = DisplaySetting(of_inputs.channels, None)
    inputs = [values.input.full_scale(image) for image in images.inputs]
    target = COLOURS
    if needs_outputs(data, values):
        outputs = [values.target.full_scale(image) for image in images.outputs]
        target = measure_display(outputs, setting.target)
    return PairDisplay(measure_display(inputs, of_inputs), target)


def page_task(title: str, data: DataConfig, images: PageImages) -> dict[str, Any]:
    """Returns the content of `page.json`, which does not depend on where the model runs.

    Args:
        title: Title of the page.
        data: Data config of the run.
        images: Typical images.

    Returns:
        Values for JSON.
    """
    display, values = page_display(data, images), images.values
    shown = [values.input.full_scale(image) for image in images.inputs]
    palette: list[str] = []
    if can_be_drawn(data, values):
        colours = common_colours([display.input(image) for image in shown])
        palette = [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in colours]
    height, width = images.inputs[0].shape[:2]
    input_channels, target_channels = data.image_channels
    return {
        "title": title,
        "height": height,
        "width": width,
        "drawn": can_be_drawn(data, values),
        "input": {
            **_side(values.input, input_channels, display.input),
            "axes": data.input_axes,
        },
        "target": _side(values.target, target_channels, display.target),
        "palette": palette,
        "background": palette[0] if palette else "#000000",
    }


def common_colours(images: Sequence[np.ndarray]) -> list[tuple[int, ...]]:
    """Returns the most common colours of images, such as the palette of label images.

    Colours that are similar to a more common one are left out, because compression blurs the
    borders of labels.

    Args:
        images: Images as they are shown, uint8 [H, W, 3].

    Returns:
        RGB colours in 0..255, the most common one first.
    """
    pixels = np.concatenate([for_display(image).reshape(-1, 3) for image in images])
    coarse = (pixels // _COARSE).astype(np.int32) @ [1, 256, 65536]
    _, members, counts = np.unique(coarse, return_inverse=True, return_counts=True)
    chosen: list[np.ndarray] = []
    for group in np.argsort(-counts, kind="stable"):
        if len(chosen) == COLOURS_AT_MOST or counts[group] < _RARE * len(pixels):
            break
        colour = np.median(pixels[members == group], axis=0)
        if all(np.abs(colour - other).max() >= _APART for other in chosen):
            chosen.append(colour)
    return [tuple(int(level) for level in colour.round()) for colour in chosen]


def _side(values: ImageValues, channels: int, display: Display) -> dict[str, Any]:
    """Returns what a page knows of inputs or of translations."""
    span = values.of(values.dtype)
    low, high = (list(np.broadcast_to(bounds, channels)) for bounds in (span.low, span.high))
    return {
        "channels": channels,
        "dtype": str(values.dtype),
        "array": is_array(values, channels),
        "low": [float(bound) for bound in low],
        "high": [float(bound) for bound in high],
        "display": _in_numbers(display, values, channels),
    }


def _in_numbers(display: Display, values: ImageValues, channels: int) -> dict[str, Any] | None:
    """Returns a display of images in full scale as one of the numbers of the data."""
    if not display.channels:
        return None
    black, white = np.array(display.black), np.array(display.white)
    if values.full_scale(np.zeros((1, 1, channels), values.dtype)).dtype.kind == "f":
        span = values.of(values.dtype)
        low, high = (
            np.broadcast_to(bounds, channels)[list(display.channels)]
            for bounds in (span.low, span.high)
        )
        black, white = low + black * (high - low), low + white * (high - low)
    return {"channels": list(display.channels), "black": black.tolist(), "white": white.tolist()}
