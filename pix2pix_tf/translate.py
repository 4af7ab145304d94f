"""A trained generator applied to pictures: arrays, files, folders, patterns, of any size."""

from __future__ import annotations

import glob
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import tensorflow as tf

from pix2pix_tf.checkpoints import restore_generator
from pix2pix_tf.config import Config, DataConfig
from pix2pix_tf.data.files import PairFiles, read_pair
from pix2pix_tf.data.images import IMAGE_SUFFIXES, image_size, read_image, write_image
from pix2pix_tf.data.listing import list_images
from pix2pix_tf.data.source import PairSource
from pix2pix_tf.errors import UserError
from pix2pix_tf.inference import compile_translation, image_seeds, picture_translation
from pix2pix_tf.memory import refuse_too_large
from pix2pix_tf.models import build_generator
from pix2pix_tf.runs import Run
from pix2pix_tf.tiling import TiledTranslation, check_side


class Translator:
    """The generator of a run, as a function from pictures to pictures.

        translator = Translator("runs/maps")
        aerial = translator(street_map)  # uint8 [H, W, 3], any height and width

    Attributes:
        config: The run's config.
        source: How its inputs come of files.
        step: The training step the generator is from.
        generator: The network itself, for images of any size that is a multiple of
            `config.size_multiple`.
        translation: It with what lies between it and pictures, as the exporters take it.
    """

    def __init__(self, run_dir: str | Path, *, checkpoint: str = "newest") -> None:
        """Loads a run's generator.

        Args:
            run_dir: The run directory.
            checkpoint: `newest`, or `best`: the one with the lowest validation L1.

        Raises:
            UserError: No run there, no checkpoint, or a damaged one.
        """
        run = Run(Path(run_dir))
        self.config: Config = run.load_config()
        self.source = PairSource(self.config, run.layout(), run.proportions())
        self.generator = build_generator(self.config, any_size=True, initial=False)
        averaged = self.config.training.generator_average is not None
        self.step = restore_generator(self.generator, run.checkpoints, checkpoint, averaged)
        self.translation = picture_translation(self.generator, self.config)
        self._translate = compile_translation(self.translation)

    def __call__(
        self, images: np.ndarray, *, dropout: bool = True, seed: int | None = None
    ) -> np.ndarray:
        """Translates one picture or a batch.

        Each image is normalised by its own statistics and every image of a call has the same
        dropout mask, so that a picture's translation does not depend on its neighbours.

        Args:
            images: uint8 or uint16, [H, W, C] or [N, H, W, C], with the channels of the run's
                input pictures.
            dropout: The paper's noise: on when translating as in training (section 3.1).
            seed: Makes the dropout repeatable; None draws one.

        Returns:
            uint8 of the same height and width, with the channels of the run's target pictures.
        """
        images = np.asarray(images)
        self._check(images)
        batch = images if images.ndim == 4 else images[np.newaxis]
        seeds = image_seeds(_given(seed), len(batch)) if dropout else None
        try:
            outputs = self._translate(tf.constant(batch), seeds).numpy()
        except tf.errors.ResourceExhaustedError as error:
            raise UserError(
                f"images: {batch.shape} are more than fit into memory at once; translate fewer, or "
                "each of them in tiles"
            ) from error
        return outputs if images.ndim == 4 else outputs[0]

    def tiled(
        self,
        image: np.ndarray,
        side: int,
        *,
        dropout: bool = True,
        seed: int | None = None,
        advance: Callable[[int], None] = lambda total: None,
    ) -> np.ndarray:
        """Translates one picture of any size in overlapping tiles: in less memory and more time.

        With `dropout=False` the result is that of the whole picture, but for rounding; so it is
        with a `seed` where dropout has its place in the inner layers only, as in a U-Net for
        256×256 (see `pix2pix_tf.tiling`). A picture not larger than a tile is translated whole.

        Args:
            image: uint8 or uint16 [H, W, C].
            side: What the network sees at a time, in pixels: a multiple of 64, 256 or more.
            dropout: As in translating whole pictures.
            seed: Likewise.
            advance: Called after each step with the number of all, which is `steps`.

        Returns:
            uint8 [H, W, D].

        Raises:
            UserError: Another array, or another side.
        """
        image = np.asarray(image)
        self._check(image)
        if image.ndim != 3:
            raise UserError(f"image: has shape {image.shape}; tiles are of one picture, [H, W, C]")
        check_side(side)
        if max(image.shape[:2]) <= side:
            output = self(image, dropout=dropout, seed=seed)
            advance(1)
            return output
        return self._tiles(image, side, _given(seed) if dropout else None, advance)

    def steps(self, height: int, width: int, side: int) -> int:
        """How many steps `tiled` takes for a picture of this size."""
        return 1 if max(height, width) <= side else self._tiles.steps(height, width, side)

    @cached_property
    def _tiles(self) -> TiledTranslation:
        return TiledTranslation(self.translation, self.config)

    def _check(self, images: np.ndarray) -> None:
        channels, _ = self.config.data.picture_channels
        if images.dtype not in (np.uint8, np.uint16):
            raise UserError(f"images: are of type {images.dtype}; expected uint8 or uint16")
        if images.ndim not in (3, 4) or images.shape[-1] != channels or 0 in images.shape:
            raise UserError(
                f"images: have shape {images.shape}; expected [H, W, {channels}] or [N, H, W, "
                f"{channels}]"
            )


def _given(seed: int | None) -> int:
    return secrets.randbelow(2**31) if seed is None else seed


@dataclass(frozen=True)
class Inputs:
    """Pictures to translate.

    Attributes:
        names: What each is called, without suffix: outputs take these names.
        paths: The file each is read from.
        pairs: Whether the files are side-by-side pairs, of which the input's half is translated.
    """

    names: list[str]
    paths: list[Path]
    pairs: bool


def find_inputs(patterns: Sequence[str], data: DataConfig, pairs: bool | None = None) -> Inputs:
    """Finds the pictures that files, folders and patterns name.

    Args:
        patterns: Files, folders (searched with all their sub-folders) or glob patterns.
        data: Of the run: what it was trained on.
        pairs: Whether the files are side-by-side pairs. None takes them for pairs if every one of
            them has the proportions of two training images beside each other.

    Raises:
        UserError: Nothing there, a file that is no image, two inputs of one name, some of
            them with the proportions of pairs and some not.
    """
    named: dict[str, Path] = {}
    for pattern in patterns:
        for name, path in _matches(pattern):
            other = named.setdefault(name, path)
            if other != path:
                raise UserError(
                    f"{path} and {other}: would both be written as {name}.png; translate them "
                    "into different folders"
                )
    names, paths = list(named), list(named.values())
    return Inputs(names, paths, _are_pairs(paths, data) if pairs is None else pairs)


def _matches(pattern: str) -> list[tuple[str, Path]]:
    path = Path(pattern)
    if path.is_file():
        return [(path.stem, path)]
    if path.is_dir():
        found = [
            (image.relative_to(path).with_suffix("").as_posix(), image)
            for image in list_images(path)
        ]
        if not found:
            raise UserError(
                f"{path}: holds no image; looked for {', '.join(IMAGE_SUFFIXES)}, also in "
                "sub-folders"
            )
        return found
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  Path.glob takes no absolute pattern
    files = [Path(match) for match in matches if Path(match).is_file()]
    if not files:
        raise UserError(
            f"{pattern}: no such file or folder in {Path.cwd()}, and as a pattern it matches no "
            "file"
        )
    return [(file.stem, file) for file in files]


def _are_pairs(paths: Sequence[Path], data: DataConfig) -> bool:
    height, width = data.crop_size
    double = [image_size(path) for path in paths]
    flags = [w * height == 2 * width * h for h, w in double]
    if any(flags) and not all(flags):
        pair, single = paths[flags.index(True)], paths[flags.index(False)]
        raise UserError(
            f"{pair}: looks like a side-by-side pair, {single} does not; "
            "say --pairs or --no-pairs, or translate them apart"
        )
    return all(flags)


def translate_files(
    translator: Translator,
    inputs: Inputs,
    output: str | Path,
    *,
    dropout: bool = True,
    seed: int | None = None,
    tile: int | None = None,
    advance: Callable[[int], None] = lambda total: None,
) -> list[Path]:
    """Translates every input into `output`/NAME.png, NAME being its own; returns the files written.

    Args:
        translator: The trained generator.
        inputs: See `find_inputs`.
        output: The folder to write to, made if it is not there.
        dropout: See `Translator`.
        seed: See `Translator`; every picture is translated with it.
        tile: The side of tiles, for pictures larger than that: see `Translator.tiled`.
        advance: Called after each picture, or each step of one that is translated in tiles, with
            the number of all.

    Raises:
        UserError: An input cannot be read, an output would replace its own input, `tile` is no side
            of tiles, or without it a picture is too large for the memory there is.
    """
    targets = [Path(output) / f"{name}.png" for name in inputs.names]
    for source, target in zip(inputs.paths, targets, strict=True):
        if target.exists() and target.samefile(source):
            raise UserError(
                f"{source}: would be replaced by its own translation; choose another --output"
            )
    if tile is None:
        for path, size in zip(inputs.paths, _sizes(inputs), strict=True):
            refuse_too_large(path, *size, translator.config.generator)
        total = len(targets)
    else:
        check_side(tile)
        total = sum(translator.steps(*size, tile) for size in _sizes(inputs))

    def translated(place: int) -> np.ndarray:
        """A translation; its input's memory is free again when it is written."""
        image = _read(inputs, place, translator.config.data)
        if tile is not None:
            return translator.tiled(
                image, tile, dropout=dropout, seed=seed, advance=lambda _: advance(total)
            )
        translation = translator(image, dropout=dropout, seed=seed)
        advance(total)
        return translation

    for place, target in enumerate(targets):
        target.parent.mkdir(parents=True, exist_ok=True)
        write_image(target, translated(place))
    return targets


def _sizes(inputs: Inputs) -> list[tuple[int, int]]:
    sizes = [image_size(path) for path in inputs.paths]
    return [(height, width // 2) for height, width in sizes] if inputs.pairs else sizes


def _read(inputs: Inputs, place: int, data: DataConfig) -> np.ndarray:
    channels, _ = data.picture_channels
    path = inputs.paths[place]
    if not inputs.pairs:
        return read_image(path, channels)
    # Both halves are read in the input's channels: the target's half is not looked at.
    a, b = read_pair(PairFiles(path.stem, path, None, proportions=()), channels, channels)
    return a if data.direction == "AtoB" else b
