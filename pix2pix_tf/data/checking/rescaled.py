"""Notes on medical images, whose stored numbers are rescaled when they are read."""

from __future__ import annotations

from collections.abc import Iterable

from pix2pix_tf.data.layout.pair_files import PairFiles
from pix2pix_tf.images.formats import MEDICAL_SUFFIXES
from pix2pix_tf.images.io import image_rescaling


def rescaling_notes(pairs: Iterable[PairFiles]) -> list[str]:
    """Returns a sentence for each side whose first medical image is rescaled.

    Args:
        pairs: The files of the pairs, which can be read.
    """
    first: dict[str, str] = {}
    for files in pairs:
        for side, path in files.sides.items():
            if side not in first and path.name.lower().endswith(MEDICAL_SUFFIXES):
                words = image_rescaling(path)
                first[side] = (
                    words and f"{side}: values are rescaled as the files say ({path}: {words})"
                )
    return [note for note in first.values() if note]
