"""Inputs derived from one photograph, and folders of pairs made of them: derived | photograph.

Each function takes uint8 [H, W, 3] and gives uint8 [H, W, C]. Edges are in `edges`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from skimage.color import lab2rgb, rgb2lab

from pix2pix_tf.images.convert import to_8bit, to_channels
from pix2pix_tf.images.formats import SUFFIXES_IN_WORDS
from pix2pix_tf.images.io import read_image, write_image
from pix2pix_tf.images.listing import image_name, list_images
from pix2pix_tf.images.unreadable import report_all_unreadable
from pix2pix_tf.utils.console import pluralize
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import atomic_directory, check_new_directory

FILL = 255  # what is missing is white, 1.0 in [-1, 1], as in the authors' program

_GRID = 64  # cells along each side that rectangles of `random_mask` are made of
_SIDES = (8, 20)  # cells along the shortest and the longest side of a rectangle
_SHARES = (0.12, 0.28)  # rectangles are added until they cover at least a share in this range


def grey(photo: np.ndarray) -> np.ndarray:
    """The luma of ITU-R 601: [H, W, 1]."""
    return to_channels(_checked(photo), 1)


def lightness_in_grey(photo: np.ndarray) -> np.ndarray:
    """The photograph without colours: greys of the same L in CIE Lab, [H, W, 3]."""
    lab = rgb2lab(_checked(photo), illuminant="D65", observer="2")
    lab[..., 1:] = 0.0
    level = lab2rgb(lab, illuminant="D65", observer="2").mean(axis=-1, keepdims=True)
    return np.repeat(np.rint(level * 255).astype(np.uint8), 3, axis=-1)


def centre_mask(photo: np.ndarray) -> np.ndarray:
    """The photograph without its centre: the middle half of its height and width is `FILL`.

    Of an odd height or width the half is rounded down.
    """
    (height, width), masked = photo.shape[:2], _checked(photo).copy()
    top, left = (height - height // 2) // 2, (width - width // 2) // 2
    masked[top : top + height // 2, left : left + width // 2] = FILL
    return masked


def random_mask(photo: np.ndarray, seed: int) -> np.ndarray:
    """The photograph with two or more rectangles of it `FILL`, 10 to 40 percent of its area.

    They depend on the seed alone, relative to height and width: the same seed masks the same part
    of any photograph. Below 32×32 pixels the share can come out of its range by rounding.
    """
    masked = _checked(photo).copy()
    missing = _missing_cells(seed)
    height, width = photo.shape[:2]
    # Each pixel belongs to the cell that its centre lies in.
    rows = (2 * np.arange(height) + 1) * _GRID // (2 * height)
    columns = (2 * np.arange(width) + 1) * _GRID // (2 * width)
    masked[missing[np.ix_(rows, columns)]] = FILL
    return masked


@dataclass(frozen=True)
class DerivationResult:
    """What `write_derived_pairs` did.

    Attributes:
        count: How many pairs it has written.
        notes: Sentences about what was lost.
    """

    count: int
    notes: list[str]


def write_derived_pairs(
    photos_folder: str | Path,
    output: str | Path,
    derive: Callable[[np.ndarray, str], np.ndarray],
    advance: Callable[[int], None] = lambda total: None,
) -> DerivationResult:
    """Write side-by-side pairs (derived | photograph) of all photographs below a folder, as PNG.

    Sub-folders stay: photos/train/shoes/1.jpg becomes output/train/shoes/1.png. The output appears
    when it is whole; whatever fails before leaves nothing behind.

    Args:
        photos_folder: Photographs at any depth, read as `images.read_image` has it, 16 bits reduced
            to 8.
        output: A folder that is not there yet, or empty.
        derive: From a photograph, uint8 [H, W, 3], and its path without suffix below the folder to
            uint8 [H, W], [H, W, 1] or [H, W, 3].
        advance: Called after each photograph with the number of all.

    Raises:
        UserError: There are no photographs, two would become one file, some cannot be read, which
            are all named; the output already exists or cannot be written.
    """
    photos_folder, output = Path(photos_folder), Path(output)
    check_new_directory(output)
    photos = _photos_by_target(photos_folder)
    sixteen_bit = 0
    with report_all_unreadable(list(photos.values())), atomic_directory(output) as folder:
        for target, path in photos.items():
            read = read_image(path, 3)
            sixteen_bit += read.dtype == np.uint16
            photo = to_8bit(read)
            derived = derive(photo, target.with_suffix("").as_posix())
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            write_image(folder / target, _pair(photo, derived))
            advance(len(photos))
    return DerivationResult(len(photos), note_on_depth(sixteen_bit))


def note_on_depth(images: int) -> list[str]:
    """What to say where inputs are derived of so many photographs of 16 bits."""
    if not images:
        return []
    return [f"{pluralize(images, 'image')} of 16 bits: inputs are derived in 8, and so are targets"]


def _checked(photo: np.ndarray) -> np.ndarray:
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
        raise ValueError(f"expected is uint8 [H, W, 3], not {photo.dtype} {photo.shape}")
    return photo


def _missing_cells(seed: int) -> np.ndarray:
    """bool [_GRID, _GRID]; a rectangle is at most 10 percent, so two at least reach the share."""
    random = np.random.default_rng(seed)
    share = random.uniform(*_SHARES)
    missing = np.zeros((_GRID, _GRID), bool)
    while missing.mean() < share:
        height, width = random.integers(*_SIDES, size=2, endpoint=True)
        top, left = random.integers(0, (_GRID - height, _GRID - width), endpoint=True)
        missing[top : top + height, left : left + width] = True
    return missing


def _photos_by_target(folder: Path) -> dict[Path, Path]:
    photos: dict[Path, Path] = {}
    for path in list_images(folder):
        target = Path(f"{image_name(path, folder)}.png")
        if target in photos:
            raise UserError(
                f"{photos[target]} and {path.name} would both become {target}: rename one of them."
            )
        photos[target] = path
    if not photos:
        raise UserError(
            f"No photographs were found in {folder.absolute()}: files must end in "
            f"{SUFFIXES_IN_WORDS}."
        )
    return photos


def _pair(photo: np.ndarray, derived: np.ndarray) -> np.ndarray:
    if derived.ndim == 2:
        derived = derived[..., np.newaxis]
    if derived.dtype != np.uint8 or derived.shape[:2] != photo.shape[:2]:
        raise ValueError(f"derived is {derived.dtype} {derived.shape} for {photo.shape}")
    return np.concatenate([to_channels(derived, 3), photo], axis=1)
