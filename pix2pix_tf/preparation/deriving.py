"""Writing of side-by-side pairs from photographs: derived input | photograph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.data.derived.inputs import note_on_16bit
from pix2pix_tf.images.convert import to_8bit, to_channels
from pix2pix_tf.images.formats import SUFFIXES_IN_WORDS
from pix2pix_tf.images.io import read_image, write_image
from pix2pix_tf.images.listing import image_name, list_images
from pix2pix_tf.images.unreadable import report_all_unreadable
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import atomic_directory, check_new_directory


@dataclass(frozen=True)
class DerivationResult:
    """The result of `write_derived_pairs`.

    Attributes:
        count: The number of pairs that were written.
        notes: Sentences about losses, such as bits of 16-bit photographs.
    """

    count: int
    notes: list[str]


def write_derived_pairs(
    photos_folder: str | Path,
    output: str | Path,
    derive: Callable[[np.ndarray, str], np.ndarray],
    advance: Callable[[int], None] = lambda total: None,
) -> DerivationResult:
    """Writes side-by-side pairs (derived | photograph) of all photographs below a folder, as PNG.

    Sub-folders are kept: photos/train/shoes/1.jpg becomes output/train/shoes/1.png. The output
    appears only when it is complete; after an error there is none.

    Args:
        photos_folder: A folder of photographs at any depth, read by `images.io.read_image` and
            reduced from 16 bits to 8.
        output: A folder that does not exist yet or is empty.
        derive: Function from a photograph, uint8 [H, W, 3], and its path without suffix below the
            folder, to uint8 [H, W], [H, W, 1] or [H, W, 3].
        advance: Called after each photograph with the total number.

    Returns:
        The number of pairs that were written, and notes for the user.

    Raises:
        UserError: There are no photographs; two would become the same file; some cannot be read, of
            which all are named; or the output exists already or cannot be written.
    """
    photos_folder, output = Path(photos_folder), Path(output)
    check_new_directory(output)
    photos = _photos_by_target(photos_folder)
    sixteen_bit = 0
    with report_all_unreadable(list(photos.values())), atomic_directory(output) as folder:
        for target, path in photos.items():
            image = read_image(path, 3)
            sixteen_bit += image.dtype == np.uint16
            photo = to_8bit(image)
            derived = derive(photo, target.with_suffix("").as_posix())
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            write_image(folder / target, _pair(photo, derived))
            advance(len(photos))
    return DerivationResult(len(photos), note_on_16bit(sixteen_bit))


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
