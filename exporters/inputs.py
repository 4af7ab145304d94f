"""Input pictures of a run: to compare and calibrate exports on, and for a page to open with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf.config import Config
from pix2pix_tf.data.files import list_images
from pix2pix_tf.data.images import read_image, resize_image
from pix2pix_tf.data.pairs import Pairs, open_pairs
from pix2pix_tf.errors import UserError


class Inputs(Sequence[np.ndarray]):
    """Input pictures by number, read when they are asked for."""

    def __init__(self, count: int, read: Callable[[int], np.ndarray]) -> None:
        self._count, self._read = count, read

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> np.ndarray:  # type: ignore[override]  # no slices
        return self._read(index)


def run_inputs(config: Config, folder: str | Path | None) -> tuple[Inputs, Inputs]:
    """The inputs of the training and of the validation pairs, or twice those of a folder.

    Raises:
        UserError: The run's data is not there, or the folder holds no pictures.
    """
    if folder is None:
        try:
            pairs = open_pairs(config)
        except UserError as error:
            raise UserError(f"{error} Or give input pictures: --pictures FOLDER.") from error
        return _inputs_of(pairs.train), _inputs_of(pairs.val)
    paths = list_images(Path(folder))
    if not paths:
        raise UserError(f"--pictures {folder}: holds no pictures")

    def read(index: int) -> np.ndarray:
        picture = read_image(paths[index], config.data.picture_channels[0])
        return resize_image(picture, *config.data.crop_size)

    inputs = Inputs(len(paths), read)
    return inputs, inputs


def _inputs_of(pairs: Pairs) -> Inputs:
    return Inputs(len(pairs), lambda index: pairs[index][0])


def spread_inputs(
    inputs: Inputs, count: int, size: tuple[int, int] | None = None
) -> list[np.ndarray]:
    """At most `count` of the inputs, spread evenly, at `size` where one is given."""
    chosen = np.linspace(0, len(inputs) - 1, min(count, len(inputs))).round().astype(int).tolist()
    pictures = [inputs[index] for index in chosen]
    return pictures if size is None else [resize_image(picture, *size) for picture in pictures]
