"""Combination of two folders of images into side-by-side pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pix2pix_tf.data.layout.errors import no_images
from pix2pix_tf.data.layout.layout import note_on_written_pairs
from pix2pix_tf.data.layout.matching import Matched, match
from pix2pix_tf.data.layout.pair_files import PairFiles
from pix2pix_tf.images.carried_tags import CarriedTags
from pix2pix_tf.images.convert import resize_image, to_16bit, to_channels
from pix2pix_tf.images.image_file import Axes, Reading
from pix2pix_tf.images.io import DecodedImage, inspect_image, open_image_file, write_image
from pix2pix_tf.images.listing import listing_notes
from pix2pix_tf.images.nodata import NodataRule
from pix2pix_tf.images.unreadable import report_all_unreadable
from pix2pix_tf.utils.errors import UserError, raise_problems
from pix2pix_tf.utils.files import atomic_directory, check_new_directory
from pix2pix_tf.utils.parallel import parallel_map
from pix2pix_tf.utils.text import pluralize

AS_THEY_ARE = NodataRule(None)  # also values that stand for no data


@dataclass(frozen=True)
class PairingResult:
    """The result of `pair_folders`.

    Attributes:
        count: The number of pairs that were written.
        notes: Sentences about files that were not read, and on how to train on the pairs.
    """

    count: int
    notes: list[str]


def pair_folders(
    folder_a: str | Path,
    folder_b: str | Path,
    output: str | Path,
    *,
    resize: bool = False,
    axes: Axes | None = None,
    advance: Callable[[int], None] = lambda total: None,
) -> PairingResult:
    """Writes files with A in the left half and B in the right half.

    An image of A is combined with the image of B that has the same path without suffix;
    sub-folders, such as splits, are kept. Colours become PNG files, grey or RGB, with alpha if
    either side has it, of 16 bits if either side has them. Images that are no colours become TIFF
    files of the same bands, type, values and value for no data, if both sides have the same.
    Georeference is not kept. The output appears only when it is complete.

    Args:
        folder_a: A folder of images, at any depth.
        folder_b: A folder with the same number of images of the same names.
        output: A folder that does not exist yet or is empty.
        resize: Whether B is resized to A's size, bicubically; if not, sizes must be equal.
        axes: The order of the axes of files that do not name them, see `images.axes`.
        advance: Called after each pair with the total number.

    Returns:
        The number of pairs that were written, and notes for the user.

    Raises:
        UserError: A folder is missing or has no images; images have no counterpart, another size or
            other bands, or cannot be read (all of them are named); or the output exists already or
            cannot be written.
    """
    folder_a, folder_b, output = Path(folder_a), Path(folder_b), Path(output)
    check_new_directory(output)
    matched = _matched(folder_a, folder_b)
    pairs = matched.pairs
    raise_problems(
        [
            problem
            for found in parallel_map(lambda pair: _unfit(pair, resize, axes), pairs)
            for problem in found
        ]
    )

    def read(path: Path) -> DecodedImage:
        return inspect_image(path, axes=axes, nodata=(AS_THEY_ARE,))

    files = [path for pair in pairs for path in (pair.a, pair.b) if path is not None]
    with report_all_unreadable(files, read), atomic_directory(output) as aside:

        def write(pair: PairFiles) -> None:
            assert pair.b is not None
            a, b = read(pair.a), read(pair.b)
            image, suffix = _side_by_side(a, b)
            path = aside / f"{pair.name}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, image, tags=CarriedTags(nodata=a.tags.nodata))

        parallel_map(write, pairs, advance)
    notes = [*listing_notes([matched.a, matched.b]), *note_on_written_pairs(output)]
    return PairingResult(len(pairs), notes)


def _matched(folder_a: Path, folder_b: Path) -> Matched:
    for option, folder in (("--a", folder_a), ("--b", folder_b)):
        if not folder.is_dir():
            raise UserError(f"{option} {folder}: there is no such folder")
    if folder_a.resolve() == folder_b.resolve():
        raise UserError(f"--a and --b are both {folder_a}: expected two folders")
    matched = match(folder_a, folder_b)
    raise_problems(matched.problems())
    if not matched.pairs:
        raise UserError(no_images([matched.a, matched.b]))
    return matched


class _Kind(NamedTuple):
    """What the header of a file says, by which two of them fit into one file.

    Attributes:
        bands: The number of bands that are no colours; None for colours.
        dtype: The type of the values.
        nodata: The value that stands for no data, as text; None if there is none.
    """

    bands: int | None
    dtype: np.dtype
    nodata: str | None

    def __str__(self) -> str:
        name = pluralize(self.bands, "band") if self.bands else "colours"
        nodata = "" if self.nodata is None else f" (no data: {self.nodata})"
        return f"{name} of {self.dtype}{nodata}"


def _unfit(pair: PairFiles, resize: bool, axes: Axes | None) -> list[str]:
    """Returns sentences about the errors that the headers of two files show."""
    assert pair.b is not None
    problems, sizes, kinds = [], [], []
    for path in (pair.a, pair.b):
        try:
            with open_image_file(path, Reading(axes=axes)) as opened:
                sizes.append((opened.height, opened.width))
                nodata = opened.tags.nodata
                is_bands = opened.colour_mode == "bands" or nodata is not None
                bands = opened.bands if is_bands else None
                kinds.append(_Kind(bands, opened.dtype, None if nodata is None else str(nodata)))
        except UserError as error:
            problems.append(str(error))
    if len(sizes) == 2 and sizes[0] != sizes[1] and not resize:
        (height_a, width_a), (height_b, width_b) = sizes
        problems.append(
            f"{pair.a} is {width_a}×{height_a} (width×height) and its mate {pair.b} is "
            f"{width_b}×{height_b}: give --resize to resize B"
        )
    if len(kinds) == 2 and kinds[0] != kinds[1] and any(kind.bands for kind in kinds):
        problems.append(
            f"{pair.a} has {kinds[0]} and its mate {pair.b} {kinds[1]}, which one file cannot "
            "hold: leave them in two folders (A/ and B/), which training reads as they are"
        )
    return problems


def _side_by_side(a: DecodedImage, b: DecodedImage) -> tuple[np.ndarray, str]:
    """Combines a pair to one image, [H, 2 W, C], and chooses the suffix of its file.

    Colours get channels and bits that are enough for both sides.
    """
    left, right = a.pixels, b.pixels
    if a.colour_mode == "bands" or a.tags.nodata is not None:
        return np.concatenate([left, resize_image(right, *left.shape[:2])], axis=1), ".tif"
    colour = 3 if max(left.shape[2], right.shape[2]) > 2 else 1
    alpha = 1 if left.shape[2] in (2, 4) or right.shape[2] in (2, 4) else 0
    left, right = to_channels(left, colour + alpha), to_channels(right, colour + alpha)
    if np.uint16 in (left.dtype, right.dtype):
        left, right = to_16bit(left), to_16bit(right)
    return np.concatenate([left, resize_image(right, *left.shape[:2])], axis=1), ".png"
