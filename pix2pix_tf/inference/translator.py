"""A run's translation as a function of image arrays of any size."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.input_source import InputSource
from pix2pix_tf.images.value_range import EIGHT_BIT
from pix2pix_tf.images.windows import ImageWindows
from pix2pix_tf.inference.reference_batch import reference_moments
from pix2pix_tf.inference.tile_grid import Bands
from pix2pix_tf.inference.tiling import TiledTranslation, check_side, scoring_side, stacked
from pix2pix_tf.inference.translation import (
    AnySizeTranslation,
    compile_translation,
    image_seeds,
)
from pix2pix_tf.methods import method_of
from pix2pix_tf.methods.method import Translation
from pix2pix_tf.runs.checkpoints import restore_networks
from pix2pix_tf.runs.run import Run
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.memory_errors import out_of_memory


class Translator:
    """A run's translation, as a function from images to images.

    Attributes:
        direction: Direction of the translation, `AtoB` or `BtoA`.
        config: The run's config in that direction: its inputs are the images to translate.
        source: Reads inputs of the run from files.
        step: The training step of the weights.
        values: The types and the meaning of the values of inputs and translations.
        target_suffix: The suffix of the files of the training's targets, None if they have several.
        target_tags: What all files of the training's targets say beside values.
        translation: The translation as a function of tensors, which the exporters take.

    Example:
        >>> from pix2pix_tf import Translator
        >>> translator = Translator("runs/sample")
        >>> photo = translator(np.zeros((48, 40, 3), np.uint8), seed=1)
        >>> photo.shape, photo.dtype
        ((48, 40, 3), dtype('uint8'))
    """

    def __init__(
        self, run_dir: str | Path, *, direction: str | None = None, checkpoint: str = "newest"
    ) -> None:
        """Loads the translating networks of a run.

        Args:
            run_dir: The run directory.
            direction: `AtoB` or `BtoA`, a direction that the run was trained for; by default from
                the inputs of its training to their targets.
            checkpoint: `newest`, or `best`: the checkpoint with the lowest validation L1.

        Raises:
            UserError: The directory holds no run, the run has no checkpoint or a damaged one, or
                it was not trained for this direction.
        """
        run = Run(Path(run_dir))
        config = run.load_config()
        self.direction, translation = _chosen(
            run, method_of(config).translations(config), direction
        )
        self.config: Config = config.in_direction(self.direction)
        self.source = InputSource(self.config, run.layout(), run.proportions())
        self.step = restore_networks(translation.networks, run.checkpoints, checkpoint)
        self._reference_file = run.reference_file if config.reference_statistics else None
        moments = reference_moments(translation, run, config, self.direction)
        self.values = run.values(self.config)
        self.target_suffix = run.target_suffix(self.config)
        self.target_tags = run.target_tags(self.config)
        self.translation = AnySizeTranslation(translation, moments, self.values)
        self._translate = compile_translation(self.translation)

    @property
    def networks(self) -> Mapping[str, keras.Model]:
        """The translating networks, by their names in checkpoints."""
        return self.translation.translation.networks

    def __call__(
        self, images: np.ndarray, *, dropout: bool = True, seed: int | None = None
    ) -> np.ndarray:
        """Translates one image or a batch.

        Each image is normalised by its own statistics (or all by those of the run's reference
        batch) and every image of a call has the same dropout mask, so that an image's translation
        does not depend on its neighbours.

        Args:
            images: [H, W, C] or [N, H, W, C], with the channels of the run's input images. With
                `data.input_range` they have any real type and the values of the run's files;
                without it, they have the type of those files, or uint8 or uint16, and span its full
                range.
            dropout: Whether dropout, the paper's noise, is on as in training (section 3.1).
            seed: Seed that makes the dropout repeatable; None draws a random one.

        Returns:
            Images of the same height and width, with the channels, the type and the values of the
            run's target images: uint8, unless its files have another type.

        Raises:
            UserError: The images have another type or shape, or do not fit into memory.
        """
        images = np.asarray(images)
        self._check(images)
        batch = images if images.ndim == 4 else images[np.newaxis]
        seeds = image_seeds(_seed_or_random(seed), len(batch)) if dropout else None
        try:
            outputs = self._translate(tf.constant(batch), seeds).numpy()
        except Exception as error:
            if not out_of_memory(error):
                raise
            raise UserError(
                f"images: {batch.shape} are more than fit into memory at once; translate fewer, or "
                "each of them in tiles"
            ) from error
        return outputs if images.ndim == 4 else outputs[0]

    def for_scoring(
        self, image: np.ndarray, *, dropout: bool = True, seed: int | None = None
    ) -> np.ndarray:
        """Translates one image as the validation of its training does: a large one in tiles.

        Args:
            image: [H, W, C], see `__call__`.
            dropout: Whether dropout is on.
            seed: Seed of the dropout.

        Returns:
            [H, W, D], as of `__call__`.

        Raises:
            UserError: The image has another type or shape, or does not fit into memory.
        """
        side = scoring_side(self.translation, self.config.data, image.shape[:2])
        if side is None:
            return self(image, dropout=dropout, seed=seed)
        return self.tiled(image, side, dropout=dropout, seed=seed)

    def tiled(
        self,
        image: np.ndarray | ImageWindows,
        side: int,
        *,
        dropout: bool = True,
        seed: int | None = None,
        advance: Callable[[int], None] = lambda total: None,
    ) -> np.ndarray:
        """Translates one image of any size in overlapping tiles, with less memory and more time.

        With `dropout=False` the result equals that of the whole image, except for rounding. So
        does the result with a `seed` if all dropout is in the inner layers, as in a U-Net for
        256×256 (see `inference.tiling`). An image no larger than a tile is translated whole.

        Args:
            image: [H, W, C] as for whole images, or a file that is read in parts.
            side: Side of a tile in pixels: a multiple of 64, 256 or more.
            dropout: Whether dropout is on, as for whole images.
            seed: Seed of the dropout, as for whole images.
            advance: Called after each step with the total number of steps, see `steps`.

        Returns:
            [H, W, D], as of whole images.

        Raises:
            UserError: The image has another type or shape, or `side` another value.
        """
        image = self._checked_for_tiles(image, side)
        return stacked(self._bands(image, side, dropout, seed, advance), image.shape[0])

    def tiled_bands(
        self,
        image: np.ndarray | ImageWindows,
        side: int,
        *,
        dropout: bool = True,
        seed: int | None = None,
        advance: Callable[[int], None] = lambda total: None,
    ) -> Bands:
        """Translates one image in tiles, see `tiled`, and returns an iterator over bands of it.

        Neither a file that is read in parts nor its translation is in memory as a whole.

        Args:
            image: [H, W, C] as for whole images, or a file that is read in parts.
            side: Side of a tile in pixels: a multiple of 64, 256 or more.
            dropout: Whether dropout is on, as for whole images.
            seed: Seed of the dropout, as for whole images.
            advance: Called after each step with the total number of steps, see `steps`.

        Returns:
            An iterator over the bands, from the top: the index of the first row, and the rows,
            [rows, W, D]. They are computed when they are asked for.

        Raises:
            UserError: As of `tiled`.
        """
        return self._bands(self._checked_for_tiles(image, side), side, dropout, seed, advance)

    def steps(self, height: int, width: int, side: int) -> int:
        """Number of steps that `tiled` takes for an image.

        Args:
            height: Height of the image in pixels.
            width: Width of the image in pixels.
            side: Side of a tile in pixels.

        Returns:
            1 if the image fits into one tile, otherwise how often `tiled` calls its `advance`.
        """
        return 1 if max(height, width) <= side else self._tiles.steps(height, width, side)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of everything that determines a translation except input, dropout and tiles."""
        digest = hashlib.sha256()
        data, seed = self.config.data, self.config.training.seed
        digest.update(repr((data.derive, data.representation, data.image_channels, seed)).encode())
        digest.update(self.config.generator.model_dump_json().encode())
        if self.values != EIGHT_BIT:
            digest.update(repr(self.values).encode())
        for network in self.networks.values():
            for variable in network.weights:
                digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
        if self._reference_file is not None:
            digest.update(self._reference_file.read_bytes())
        return digest.hexdigest()

    @cached_property
    def _tiles(self) -> TiledTranslation:
        return TiledTranslation(self.translation)

    def _checked_for_tiles(
        self, image: np.ndarray | ImageWindows, side: int
    ) -> np.ndarray | ImageWindows:
        if not isinstance(image, ImageWindows):
            image = np.asarray(image)
        self._check(image)
        if image.ndim != 3:
            raise UserError(f"image: has shape {image.shape}; tiles are of one image, [H, W, C]")
        check_side(side)
        return image

    def _bands(
        self,
        image: np.ndarray | ImageWindows,
        side: int,
        dropout: bool,
        seed: int | None,
        advance: Callable[[int], None],
    ) -> Bands:
        if max(image.shape[:2]) <= side:
            yield 0, self(image[:, :], dropout=dropout, seed=seed)
            advance(1)
            return
        tile_seed = _seed_or_random(seed) if dropout else None
        yield from self._tiles.bands(image, side, tile_seed, advance)

    def _check(self, images: np.ndarray | ImageWindows) -> None:
        channels, _ = self.translation.translation.channels
        values = self.values.input
        if not values.takes(images.dtype):
            raise UserError(f"images: are of type {images.dtype}; expected {values.types}")
        if images.ndim not in (3, 4) or images.shape[-1] != channels or 0 in images.shape:
            raise UserError(
                f"images: have shape {images.shape}; expected [H, W, {channels}] or [N, H, W, "
                f"{channels}]"
            )


def _chosen(
    run: Run, translations: Mapping[str, Translation], direction: str | None
) -> tuple[str, Translation]:
    """Returns the translation in a direction; for None, the method's first.

    Raises:
        UserError: The run does not translate in this direction.
    """
    if direction is None:
        return next(iter(translations.items()))
    if direction not in translations:
        raise UserError(
            f"direction {direction}: run {run.path} translates {' and '.join(translations)} only"
        )
    return direction, translations[direction]


def _seed_or_random(seed: int | None) -> int:
    return secrets.randbelow(2**31) if seed is None else seed
