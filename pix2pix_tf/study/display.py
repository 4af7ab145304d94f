"""How a study shows its images: colours as they are, others by some channels, all alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pix2pix_tf.images.convert import for_display
from pix2pix_tf.images.display import DisplaySetting, measure_display, thinned
from pix2pix_tf.study.settings import REAL
from pix2pix_tf.study.sources import SourceImage, Sources
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.sampling import evenly_spaced
from pix2pix_tf.utils.text import pluralize

_COLOURS = "colours"
_MEASURED = 16  # real images at most, whose values are stretched between their percentiles

Show = Callable[[SourceImage], np.ndarray]  # reads an image as it is shown, uint8 [H, W, 3]


def study_display(sources: Sources, setting: DisplaySetting) -> Show:
    """Returns the function that reads the images of a study as they are shown.

    Without a setting, colours of 8 and 16 bits are shown in full scale, in RGB, so that their
    channels do not reveal which images are real. All other images are stretched by the values of
    the real ones, real and fake alike.

    Args:
        sources: The images.
        setting: The channels and percentiles of images that are not colours.

    Raises:
        UserError: An image cannot be read; the images have different channels, or not those of the
            setting.
    """
    reals = sources.sides[REAL]
    measured = [reals[index] for index in evenly_spaced(len(reals), _MEASURED)]
    first, colour_mode = measured[0].read()
    kind = _kind(first, colour_mode)
    if setting.channels is None and colour_mode != "bands":
        return lambda image: for_display(_read(image, _COLOURS, reals[0]))
    if setting.channels is not None and max(setting.channels) > first.shape[2]:
        raise UserError(
            f"--display {','.join(map(str, setting.channels))}: {reals[0].path} has {kind}, "
            "counted from 1"
        )
    display = measure_display(
        [thinned(_read(image, kind, reals[0])).astype(np.float64) for image in measured], setting
    )
    return lambda image: display(_read(image, kind, reals[0]))


def _read(image: SourceImage, kind: str, like: SourceImage) -> np.ndarray:
    """Reads an image, [H, W, C], that must be of a kind, that of the real image `like`."""
    pixels, colour_mode = image.read()
    found = _kind(pixels, colour_mode)
    if found != kind and not (kind == _COLOURS and colour_mode != "bands"):
        raise UserError(
            f"{image.path} has {found} and {like.path} {kind}: the images of a study must have the "
            "same"
        )
    return pixels


def _kind(pixels: np.ndarray, colour_mode: str) -> str:
    name = "band" if colour_mode == "bands" else "channel"
    return pluralize(pixels.shape[2], name)
