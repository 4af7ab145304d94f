"""The embedded sample city as files: a dataset like any other, with the exact classes beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from pix2pix_tf.data.images import write_image
from pix2pix_tf.data.sample_city import render_city
from pix2pix_tf.staging import refuse_existing, written_aside

FIRST_VALIDATION_SEED = 1_000_000  # training cities are numbered from 0: the two never meet


def write_sample(
    output: str | Path,
    train: int,
    val: int,
    size: tuple[int, int],
    advance: Callable[[int], None] = lambda total: None,
) -> None:
    """Writes sample cities: side-by-side pairs (aerial photograph | street map) and class maps.

    Args:
        output: The folder; gets `train/NAME.png`, `val/NAME.png` and `classes/SPLIT/NAME.png`, the
            last a grey image whose values are indices into `pix2pix_tf.data.sample_city.CLASSES`.
        train: Training pairs.
        val: Validation pairs.
        size: Height and width of one picture.
        advance: Called after each pair with the number of all.

    Raises:
        UserError: The folder is not empty, or cannot be written.
    """
    folder = Path(output)
    refuse_existing(folder)
    with written_aside(folder) as aside:
        for split, first, count in (("train", 0, train), ("val", FIRST_VALIDATION_SEED, val)):
            (aside / split).mkdir(parents=True, exist_ok=True)
            (aside / "classes" / split).mkdir(parents=True, exist_ok=True)
            for seed in range(first, first + count):
                city = render_city(seed, *size)
                pair = np.concatenate([city.aerial, city.street_map], axis=1)
                write_image(aside / split / f"city-{seed}.png", pair)
                write_image(
                    aside / "classes" / split / f"city-{seed}.png", city.classes[..., np.newaxis]
                )
                advance(train + val)
