"""Input images of a run, for comparing and calibrating exports and as a page's example."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.input_source import InputSource
from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.exporters.page_task import PageImages, needs_outputs
from pix2pix_tf.images.listing import image_name, list_images
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.utils.errors import UserError, raise_problems
from pix2pix_tf.utils.sampling import evenly_spaced

_TRANSLATED = 8  # inputs of a page at most, to measure how translations are shown


class Inputs(Sequence[np.ndarray]):
    """Sequence of input images of one size, which are read on access.

    Args:
        count: Number of images.
        read: Returns the image with an index, [H, W, C].
    """

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
    """Returns the inputs of the training and validation pairs, or of a folder for both.

    If the run derives its inputs from photographs, these are derived too, at their final size, also
    from a folder of photographs.

    Args:
        config: The run's config.
        source: Reads inputs of the run from files.
        folder: A folder of other input images, or of photographs from which inputs are derived.
        size: Height and width of all inputs in pixels; None for those of training and validation.

    Returns:
        The training inputs and the validation inputs.

    Raises:
        UserError: The run's data is missing, or the folder holds no images.
    """
    if folder is not None:
        inputs = _inputs_of_folder(Path(folder), config, source, size or config.data.crop_size)
        return inputs, inputs
    try:
        opened = open_pairs(config)
    except UserError as error:
        raise UserError(f"{error} Or give input images: --input FOLDER.") from error
    # This also applies masks, which training applies only when it crops.
    derive = None if source.derivation is None else source.derivation.input_of
    train, val = (
        pairs.at_size(size or pairs.size or config.data.crop_size, derive)
        for pairs in (opened.train, opened.val)
    )
    return _inputs_of(train), _inputs_of(val)


def spread_inputs(inputs: Inputs, count: int) -> list[np.ndarray]:
    """Returns at most `count` of the inputs, evenly spaced.

    Args:
        inputs: The inputs.
        count: Largest number of images.

    Returns:
        The images.

    Raises:
        UserError: Some of these inputs cannot be read; the error names all of them.
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


def typical_images(translator: Translator, inputs: Sequence[np.ndarray]) -> PageImages:
    """Returns the images that a page is made with.

    Args:
        translator: The model of the page.
        inputs: Typical inputs of the page's size.
    """
    values = translator.values
    inputs = [values.input.unify(image) for image in inputs]
    outputs = []
    if needs_outputs(translator.config.data, values):
        chosen = evenly_spaced(len(inputs), _TRANSLATED)
        outputs = [translator(inputs[index], dropout=False) for index in chosen]
    return PageImages(inputs, outputs, values)


def _inputs_of(pairs: Pairs) -> Inputs:
    return Inputs(len(pairs), lambda index: pairs[pairs.sound_index(index)][0])


def _inputs_of_folder(
    folder: Path, config: Config, source: InputSource, size: tuple[int, int]
) -> Inputs:
    paths = list_images(folder)
    if not paths:
        raise UserError(f"--input {folder}: holds no images")
    known = source.layout is not None  # otherwise files are not split into halves
    form = source.form(paths, pairs=None if known else False, derive=source.derivation is not None)

    def read(index: int) -> np.ndarray:
        path = paths[index]
        name = image_name(path, folder)
        return source.input_of(path, form, name=name, size=size)

    return Inputs(len(paths), read)
