"""Cleaning of hand drawings so that they look like the training edges of an edges→photo model.

The paper applies its edges models to sketches (section 4, sketch→photo). Such a model was trained
on thin black lines on white, on objects that fill the image, without specks; photographs and scans
of drawings differ in all of these.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.morphology import thin

from pix2pix_tf.images.convert import resize_image, to_channels
from pix2pix_tf.images.formats import SUFFIXES_IN_WORDS
from pix2pix_tf.images.io import decode_image, write_image
from pix2pix_tf.images.listing import image_name, list_images
from pix2pix_tf.utils.errors import UserError, raise_problems
from pix2pix_tf.utils.files import atomic_directory, check_new_directory

MARGIN = 0.06  # around the drawing, as a share of the image's side
_SMALLEST = 0.0005  # share of the drawing's pixels; smaller pieces are specks, not lines
_FLAT = 40  # the least difference in grey levels (of 255) between paper and ink


def clean_sketch(drawing: np.ndarray, size: int = 256) -> np.ndarray:
    """Redraws a drawing in thin black lines on white, centred in a margin, without distortion.

    Args:
        drawing: uint8 or uint16 [H, W, 1..4], dark lines on light paper.
        size: Height and width of the result in pixels.

    Returns:
        uint8 [size, size, 3].

    Raises:
        UserError: The drawing has no lines.
    """
    lines = _without_specks(_ink(drawing))
    if not lines.any():
        raise UserError("the image shows no dark lines on light paper")
    rows, columns = np.nonzero(lines.any(axis=1))[0], np.nonzero(lines.any(axis=0))[0]
    cropped = lines[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    inner = size - 2 * round(MARGIN * size)
    scale = inner / max(cropped.shape)
    height, width = (max(round(side * scale), 1) for side in cropped.shape)
    small = _shrink(cropped, height, width)
    page = np.zeros((size, size), bool)
    top, left = (size - height) // 2, (size - width) // 2
    page[top : top + height, left : left + width] = thin(small)
    return np.repeat(np.where(page, 0, 255).astype(np.uint8)[..., np.newaxis], 3, axis=2)


def _ink(drawing: np.ndarray) -> np.ndarray:
    """Returns a mask, bool [H, W], of the dark pixels of the drawing."""
    grey = to_channels(drawing, 1)[..., 0].astype(np.float64)
    grey *= 255 / np.iinfo(drawing.dtype).max
    if grey.max() - grey.min() < _FLAT:
        return np.zeros(grey.shape, bool)
    return grey <= threshold_otsu(grey)


def _without_specks(lines: np.ndarray) -> np.ndarray:
    numbers = label(lines, connectivity=2)
    counts = np.bincount(numbers.ravel())
    keep = counts >= max(_SMALLEST * lines.size, 2)
    keep[0] = False  # the paper
    return keep[numbers]


def _shrink(lines: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes lines without losing thin ones: a pixel is ink if an eighth of it is."""
    grey = np.where(lines, 255, 0).astype(np.uint8)[..., np.newaxis]
    return resize_image(grey, height, width)[..., 0] >= 255 // 8


def clean_sketches(
    drawings: str | Path,
    output: str | Path,
    size: int = 256,
    advance: Callable[[int], None] = lambda total: None,
) -> int:
    """Cleans every drawing below a folder and writes it to output/NAME.png.

    Args:
        drawings: The folder of the drawings; sub-folders are kept.
        output: A folder that does not exist yet or is empty; it appears only when it is complete.
        size: Height and width of the results in pixels.
        advance: Called after each drawing with the total number.

    Returns:
        The number of drawings.

    Raises:
        UserError: There are no drawings; some have no lines or cannot be read (all of them are
            named); two have the same name; or the output exists already.
    """
    folder, target = Path(drawings), Path(output)
    check_new_directory(target)
    found = list_images(folder)
    if not found:
        raise UserError(f"{folder}: holds no drawings; looked for {SUFFIXES_IN_WORDS}")
    problems: list[str] = []
    with atomic_directory(target) as aside:
        for path in found:
            try:
                clean = clean_sketch(decode_image(path), size)
            except UserError as error:
                problems.append(str(error) if str(path) in str(error) else f"{path}: {error}")
                continue
            finally:
                advance(len(found))
            file = aside / f"{image_name(path, folder)}.png"
            if file.exists():
                raise UserError(f"{path}: another drawing of this name became {file.name} already")
            file.parent.mkdir(parents=True, exist_ok=True)
            write_image(file, clean)
        raise_problems(problems)
    return len(found)
