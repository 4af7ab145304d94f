"""Inputs derived from one photograph: its grey, its lightness, its edges, or holes cut into it.

Each function takes uint8 [H, W, 3] and returns uint8 [H, W, C]. Edges are drawn by `edges`.
"""

from __future__ import annotations

import hashlib

import numpy as np
from skimage.color import lab2rgb, rgb2lab

from pix2pix_tf.data.derived.edges import canny_edges
from pix2pix_tf.images.convert import to_channels
from pix2pix_tf.utils.text import pluralize

DERIVATIONS = ("grey", "lightness", "edges", "centre_mask", "random_mask")
MASKS = ("centre_mask", "random_mask")
# Applied to their own result these return it unchanged: an image and its grey have the same grey.
IDEMPOTENT = ("grey", "lightness")
FILL = 255  # the value of missing pixels, white, 1.0 in [-1, 1], as in the authors' program

# Masks of training crops have seeds below this number, all other masks have seeds from it on.
FIRST_FIXED_SEED = 2**31

_GRID = 64  # cells per side of the grid that the rectangles of `random_mask` consist of
_SIDES = (8, 20)  # least and greatest length of a rectangle's side in cells
_SHARES = (0.12, 0.28)  # range of the share that rectangles are added to reach


def make_input(kind: str, photo: np.ndarray, mask_seed: int = 0) -> np.ndarray:
    """Derives an input from a photograph.

    Args:
        kind: One of `DERIVATIONS`.
        photo: uint8 [H, W, 3].
        mask_seed: The seed of the rectangles of `random_mask`.

    Returns:
        uint8 [H, W, C]: one channel for `grey` and `edges`, else three.

    Raises:
        ValueError: There is no such kind.

    Example:
        >>> make_input("centre_mask", np.zeros((4, 4, 3), np.uint8))[..., 0].tolist()
        [[0, 0, 0, 0], [0, 255, 255, 0], [0, 255, 255, 0], [0, 0, 0, 0]]
    """
    if kind == "grey":
        return grey(photo)
    if kind == "lightness":
        return lightness_in_grey(photo)
    if kind == "edges":
        return canny_edges(photo)[..., np.newaxis]
    if kind == "centre_mask":
        return centre_mask(photo)
    if kind == "random_mask":
        return random_mask(photo, mask_seed)
    raise ValueError(f"kind is {kind}, expected one of {', '.join(DERIVATIONS)}")


def fixed_mask_seed(seed: int, name: str) -> int:
    """Returns the seed of an image's mask, which depends on its name but not on other images.

    Masks of crops in training never have these seeds, see `Derivation.input_of_crop`.

    Args:
        seed: `training.seed`.
        name: The name of the image.

    Returns:
        A seed from 2**31 to 2**32 - 1.
    """
    digest = hashlib.sha256(f"{seed}/{name}".encode("utf-8", "surrogateescape")).digest()
    return FIRST_FIXED_SEED + int.from_bytes(digest[:4], "big") % 2**31


def grey(photo: np.ndarray) -> np.ndarray:
    """Returns the ITU-R 601 luma of a photograph, uint8 [H, W, 3], as uint8 [H, W, 1]."""
    return to_channels(_checked(photo), 1)


def lightness_in_grey(photo: np.ndarray) -> np.ndarray:
    """Replaces the colours of a photograph by greys of the same lightness L in CIE Lab.

    Args:
        photo: uint8 [H, W, 3].

    Returns:
        uint8 [H, W, 3], with three equal channels.
    """
    lab = rgb2lab(_checked(photo), illuminant="D65", observer="2")
    lab[..., 1:] = 0.0
    level = lab2rgb(lab, illuminant="D65", observer="2").mean(axis=-1, keepdims=True)
    return np.repeat(np.rint(level * 255).astype(np.uint8), 3, axis=-1)


def centre_mask(photo: np.ndarray) -> np.ndarray:
    """Fills the centre of a photograph, the middle half of its height and width, with `FILL`.

    The half of an odd height or width is rounded down.

    Args:
        photo: uint8 [H, W, 3].

    Returns:
        uint8 [H, W, 3].
    """
    (height, width), masked = photo.shape[:2], _checked(photo).copy()
    rows, columns = height // 2, width // 2
    top, left = (height - rows) // 2, (width - columns) // 2
    masked[top : top + rows, left : left + columns] = FILL
    return masked


def random_mask(photo: np.ndarray, seed: int) -> np.ndarray:
    """Fills two or more rectangles, 10 to 40 percent of a photograph's area, with `FILL`.

    Relative to height and width the rectangles depend on the seed alone: the same seed masks the
    same part of any photograph. Below 32×32 pixels rounding can move the share out of its range.

    Args:
        photo: uint8 [H, W, 3].
        seed: The seed of the rectangles.

    Returns:
        uint8 [H, W, 3].
    """
    masked = _checked(photo).copy()
    missing = _missing_cells(seed)
    height, width = photo.shape[:2]
    # Each pixel belongs to the cell that its centre lies in.
    rows = (2 * np.arange(height) + 1) * _GRID // (2 * height)
    columns = (2 * np.arange(width) + 1) * _GRID // (2 * width)
    masked[missing[np.ix_(rows, columns)]] = FILL
    return masked


def note_on_16bit(images: int) -> list[str]:
    """Returns the note on 16-bit photographs that inputs are derived from.

    Args:
        images: The number of such photographs.

    Returns:
        One sentence, or an empty list if there are no such photographs.
    """
    if not images:
        return []
    return [f"{pluralize(images, 'image')} of 16 bits: inputs are derived in 8, and so are targets"]


def _checked(photo: np.ndarray) -> np.ndarray:
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
        raise ValueError(f"expected is uint8 [H, W, 3], not {photo.dtype} {photo.shape}")
    return photo


def _missing_cells(seed: int) -> np.ndarray:
    """Draws the missing cells, bool [_GRID, _GRID].

    One rectangle covers at most 10 percent, so that at least two are needed to reach the share.
    """
    random = np.random.default_rng(seed)
    share = random.uniform(*_SHARES)
    missing = np.zeros((_GRID, _GRID), bool)
    while missing.mean() < share:
        height, width = random.integers(*_SIDES, size=2, endpoint=True)
        top, left = random.integers(0, (_GRID - height, _GRID - width), endpoint=True)
        missing[top : top + height, left : left + width] = True
    return missing
