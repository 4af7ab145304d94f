"""Contact sheets: rows of images under headings, as one image."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pix2pix_tf.images.convert import resize_image
from pix2pix_tf.images.display import PairDisplaySetting, measure_display
from pix2pix_tf.images.value_range import EIGHT_BIT, PairValues
from pix2pix_tf.utils.sampling import evenly_spaced

GAP = 6  # pixels between images
_SPACING = 4  # between lines of a heading
_BACKGROUND, _TEXT = (255, 255, 255), (60, 60, 60)


def make_sheet(headings: Sequence[str], rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Lays images out in rows, with one heading for each column.

    Args:
        headings: The heading of each column.
        rows: Rows of images, uint8 [H, W, 3]. Smaller ones are centred in their cells.

    Returns:
        uint8 [height, width, 3].
    """
    width = max(one.shape[1] for row in rows for one in row)
    heights = [max(one.shape[0] for one in row) for row in rows]
    points = max(11, min(18, width // 12))
    font = ImageFont.truetype(_font_file(), points)
    headings = [_in_lines(heading, font, width) for heading in headings]
    lines = max(heading.count("\n") for heading in headings) + 1
    head = lines * points + (lines - 1) * _SPACING + 2 * GAP
    sheet = Image.new(
        "RGB",
        (len(headings) * (width + GAP) + GAP, sum(heights) + len(rows) * GAP + head),
        _BACKGROUND,
    )
    draw = ImageDraw.Draw(sheet)
    lefts = [GAP + column * (width + GAP) for column in range(len(headings))]
    for left, heading in zip(lefts, headings, strict=True):
        middle = (left + width / 2, head / 2)
        draw.text(middle, heading, _TEXT, font, anchor="mm", align="center", spacing=_SPACING)
    top = head
    for row, height in zip(rows, heights, strict=True):
        for left, image in zip(lefts, row, strict=True):
            shown = Image.fromarray(image)
            across, down = (width - shown.width) // 2, (height - shown.height) // 2
            sheet.paste(shown, (left + across, top + down))
        top += height + GAP
    return np.asarray(sheet)


def _in_lines(heading: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Breaks a heading at its spaces if it is wider than its column."""
    lines: list[str] = []
    for word in heading.split(" "):
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\n".join(lines)


@functools.cache
def _font_file() -> Path:
    """Returns Matplotlib's font, which unlike Pillow's has × and the letters of most languages."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


def pairs_sheet(
    translate: Callable[[np.ndarray], np.ndarray],
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    rows: int,
    values: PairValues = EIGHT_BIT,
    setting: PairDisplaySetting = PairDisplaySetting(),  # noqa: B008 - it is immutable
    largest: int | None = None,
) -> np.ndarray:
    """Makes a sheet of input | output | target for evenly spaced pairs of a sequence.

    Args:
        translate: Function from an input to an output, both [H, W, C].
        pairs: Input and target of each pair.
        rows: The largest number of pairs on the sheet.
        values: The meaning of the values of inputs and targets; by default their full range.
        setting: What of inputs and targets is shown; the pairs of the sheet are shown together.
        largest: The largest height and width of an image on the sheet in pixels; larger images are
            reduced. None keeps all as they are.

    Returns:
        uint8 [height, width, 3].
    """
    inputs, outputs, targets = [], [], []
    for index in evenly_spaced(len(pairs), rows):
        image, target = pairs[index]
        inputs.append(_reduced(values.input.full_scale(image), largest))
        outputs.append(_reduced(values.target.full_scale(translate(image)), largest))
        targets.append(_reduced(values.target.full_scale(target), largest))
    show_input = measure_display(inputs, setting.input)
    show_target = measure_display(targets, setting.target)
    shown = [
        (show_input(image), show_target(output), show_target(target))
        for image, output, target in zip(inputs, outputs, targets, strict=True)
    ]
    return make_sheet(("input", "output", "target"), shown)


def _reduced(image: np.ndarray, largest: int | None) -> np.ndarray:
    side = max(image.shape[:2])
    if largest is None or side <= largest:
        return image
    height, width = (max(1, round(each * largest / side)) for each in image.shape[:2])
    return resize_image(image, height, width)
