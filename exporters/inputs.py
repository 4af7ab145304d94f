"""Input images of a run: to compare and calibrate exports on, and for a page to open with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.input_source import InputSource
from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.images.listing import list_images
from pix2pix_tf.utils.errors import UserError, raise_problems
from pix2pix_tf.utils.sampling import evenly_spaced


class Inputs(Sequence[np.ndarray]):
    """Input images by number, of one size, read when they are asked for."""

    def __init__(self, count: int, read: Callable[[int], np.ndarray]) -> None:
        self._count, self._read = count, read

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> np.ndarray:  # type: ignore[override]  # no slices
        return self._read(index)


def run_inputs(
    config: Config,
    source: InputSource,
    folder: str | Path | None,
    size: tuple[int, int] | None = None,
) -> tuple[Inputs, Inputs]:
    """The inputs of the training and of the validation pairs, or twice those of a folder.

    They are what the network is trained on: where inputs are made of photographs, so are these,
    at their final size, those of a folder of photographs too.

    Args:
        config: The run's.
        source: How inputs come of its files.
        folder: Where else input images are, or photographs that inputs are made of.
        size: Height and width of all; None: as training and validation have them.

    Raises:
        UserError: The run's data is not there, or the folder holds no images.
    """
    if folder is not None:
        inputs = _inputs_of_folder(Path(folder), config, source, size or config.data.crop_size)
        return inputs, inputs
    try:
        opened = open_pairs(config)
    except UserError as error:
        raise UserError(f"{error} Or give input images: --input FOLDER.") from error
    # With masks too, which training cuts into crops only.
    derive = None if source.derivation is None else source.derivation.input_of
    train, val = (pairs.at_size(size or pairs.size, derive) for pairs in (opened.train, opened.val))
    return _inputs_of(train), _inputs_of(val)


def spread_inputs(inputs: Inputs, count: int) -> list[np.ndarray]:
    """At most `count` of the inputs, spread evenly.

    Raises:
        UserError: Some of them cannot be read, which are all named.
    """
    chosen = evenly_spaced(len(inputs), count)
    images, problems = [], []
    for index in chosen:
        try:
            images.append(inputs[index])
        except UserError as error:
            problems.append(str(error))
    raise_problems(problems)
    return images


def _inputs_of(pairs: Pairs) -> Inputs:
    return Inputs(len(pairs), lambda index: pairs[index][0])


def _inputs_of_folder(
    folder: Path, config: Config, source: InputSource, size: tuple[int, int]
) -> Inputs:
    paths = list_images(folder)
    if not paths:
        raise UserError(f"--input {folder}: holds no images")
    known = source.layout is not None  # else nothing is halved
    form = source.form(paths, pairs=None if known else False, derive=source.derivation is not None)

    def read(index: int) -> np.ndarray:
        path = paths[index]
        name = path.relative_to(folder).with_suffix("").as_posix()
        return source.input_of(path, form, name=name, size=size)

    return Inputs(len(paths), read)
