"""Combination of two folders of images into side-by-side pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.data.layout.errors import no_images
from pix2pix_tf.data.layout.layout import note_on_written_pairs
from pix2pix_tf.data.layout.matching import Matched, match
from pix2pix_tf.data.layout.pair_files import PairFiles
from pix2pix_tf.images.convert import resize_image, to_channels
from pix2pix_tf.images.io import decode_image, image_dtype, image_size, write_image
from pix2pix_tf.images.listing import listing_notes
from pix2pix_tf.images.unreadable import report_all_unreadable
from pix2pix_tf.utils.errors import UserError, raise_problems
from pix2pix_tf.utils.files import atomic_directory, check_new_directory
from pix2pix_tf.utils.parallel import parallel_map


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
    advance: Callable[[int], None] = lambda total: None,
) -> PairingResult:
    """Writes PNG files with A in the left half and B in the right half.

    An image of A is combined with the image of B that has the same path without suffix;
    sub-folders, such as splits, are kept. The files have 8 bits, grey or RGB, with alpha if either
    side has it. The output appears only when it is complete.

    Args:
        folder_a: A folder of images, at any depth.
        folder_b: A folder with the same number of images of the same names.
        output: A folder that does not exist yet or is empty.
        resize: Whether B is resized to A's size, bicubically; if not, sizes must be equal.
        advance: Called after each pair with the total number.

    Returns:
        The number of pairs that were written, and notes for the user.

    Raises:
        UserError: A folder is missing or has no images; images have no counterpart, another size or
            16 bits, or cannot be read (all of them are named); or the output exists already or
            cannot be written.
    """
    folder_a, folder_b, output = Path(folder_a), Path(folder_b), Path(output)
    check_new_directory(output)
    matched = _matched(folder_a, folder_b)
    pairs = matched.pairs
    raise_problems(
        [problem for found in parallel_map(lambda p: _unfit(p, resize), pairs) for problem in found]
    )
    files = [path for pair in pairs for path in (pair.a, pair.b) if path is not None]
    with report_all_unreadable(files), atomic_directory(output) as aside:

        def write(pair: PairFiles) -> None:
            path = aside / f"{pair.name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, _side_by_side(pair))

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


def _unfit(pair: PairFiles, resize: bool) -> list[str]:
    """Returns sentences about the errors that the headers of two files show."""
    assert pair.b is not None
    problems = []
    sizes = []
    for path in (pair.a, pair.b):
        try:
            if image_dtype(path) == np.uint16:
                problems.append(f"{path} has 16 bits, and pairs are written with 8: convert it")
            sizes.append(image_size(path))
        except UserError as error:
            problems.append(str(error))
    if len(sizes) == 2 and sizes[0] != sizes[1] and not resize:
        (height_a, width_a), (height_b, width_b) = sizes
        problems.append(
            f"{pair.a} is {width_a}×{height_a} (width×height) and its mate {pair.b} is "
            f"{width_b}×{height_b}: give --resize to resize B"
        )
    return problems


def _side_by_side(pair: PairFiles) -> np.ndarray:
    """Combines a pair to uint8 [H, 2 W, 1..4], with channels that are enough for both sides."""
    assert pair.b is not None
    a, b = decode_image(pair.a), decode_image(pair.b)
    colour = 3 if max(a.shape[2], b.shape[2]) > 2 else 1
    alpha = 1 if a.shape[2] in (2, 4) or b.shape[2] in (2, 4) else 0
    a, b = to_channels(a, colour + alpha), to_channels(b, colour + alpha)
    return np.concatenate([a, resize_image(b, *a.shape[:2])], axis=1)
