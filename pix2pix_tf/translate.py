"""A trained generator applied to pictures: arrays, files, folders, patterns, of any size."""

from __future__ import annotations

import glob
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from pix2pix_tf.checkpoints import restore_generator
from pix2pix_tf.config import Config, DataConfig
from pix2pix_tf.data.files import PairFiles, list_images, read_pair
from pix2pix_tf.data.images import IMAGE_SUFFIXES, image_size, read_image, write_image
from pix2pix_tf.errors import UserError
from pix2pix_tf.inference import compile_translation, image_seeds, picture_translation
from pix2pix_tf.models import build_generator
from pix2pix_tf.runs import Run


class Translator:
    """The generator of a run, as a function from pictures to pictures.

        translator = Translator("runs/maps")
        aerial = translator(street_map)  # uint8 [H, W, 3], any height and width

    Attributes:
        config: The run's config.
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
        self.generator = build_generator(self.config, any_size=True)
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
        if seed is None:
            seed = secrets.randbelow(2**31)
        seeds = image_seeds(seed, len(batch)) if dropout else None
        outputs = self._translate(tf.constant(batch), seeds).numpy()
        return outputs if images.ndim == 4 else outputs[0]

    def _check(self, images: np.ndarray) -> None:
        channels, _ = self.config.data.picture_channels
        if images.dtype not in (np.uint8, np.uint16):
            raise UserError(f"images: are of type {images.dtype}; expected uint8 or uint16")
        if images.ndim not in (3, 4) or images.shape[-1] != channels or 0 in images.shape:
            raise UserError(
                f"images: have shape {images.shape}; expected [H, W, {channels}] or [N, H, W, "
                f"{channels}]"
            )


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
    advance: Callable[[int], None] = lambda total: None,
) -> list[Path]:
    """Translates every input into `output`/NAME.png, NAME being its own; returns the files written.

    Args:
        translator: The trained generator.
        inputs: See `find_inputs`.
        output: The folder to write to, made if it is not there.
        dropout: See `Translator`.
        seed: See `Translator`; every picture is translated with it.
        advance: Called after each picture with the number of all.

    Raises:
        UserError: An input cannot be read, or an output would replace its own input.
    """
    targets = [Path(output) / f"{name}.png" for name in inputs.names]
    for source, target in zip(inputs.paths, targets, strict=True):
        if target.exists() and target.samefile(source):
            raise UserError(
                f"{source}: would be replaced by its own translation; choose another --output"
            )
    for image, target in zip(_read(inputs, translator.config.data), targets, strict=True):
        target.parent.mkdir(parents=True, exist_ok=True)
        write_image(target, translator(image, dropout=dropout, seed=seed))
        advance(len(targets))
    return targets


def _read(inputs: Inputs, data: DataConfig) -> Iterable[np.ndarray]:
    channels, _ = data.picture_channels
    for path in inputs.paths:
        if not inputs.pairs:
            yield read_image(path, channels)
            continue
        # Both halves are read in the input's channels: the target's half is not looked at.
        a, b = read_pair(PairFiles(path.stem, path, None), channels, channels)
        yield a if data.direction == "AtoB" else b
