"""Translation of image files into a folder, with existing translations kept or replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pix2pix_tf.images.carried_tags import CarriedTags
from pix2pix_tf.images.io import PIXELS_AT_MOST, write_image
from pix2pix_tf.images.writers import png_holds
from pix2pix_tf.inference.carried import CarriedOver, carried_notes, carried_over
from pix2pix_tf.inference.inputs import Inputs
from pix2pix_tf.inference.memory import refuse_too_large
from pix2pix_tf.inference.record import (
    State,
    TranslationRecord,
    file_digest,
    form_text,
    state_of,
)
from pix2pix_tf.inference.tiling import check_side
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.utils.errors import UserError, raise_problems
from pix2pix_tf.utils.files import check_output_directory, is_special, writing
from pix2pix_tf.utils.text import pluralize

OutputFormat = Literal["png", "tiff", "npy"]
_STRIP_ROWS = 256  # of a large image, in which no data is marked at once
_SUFFIXES: dict[OutputFormat, str] = {"png": ".png", "tiff": ".tif", "npy": ".npy"}


@dataclass(frozen=True)
class TranslatedFiles:
    """Result of `translate_files`.

    Attributes:
        written: Translations that were written.
        kept: Translations that already existed and were kept.
        problems: One sentence about each input that could not be translated.
        notes: Sentences about outputs that already existed, and about what the files that were
            written have no place for.
    """

    written: list[Path]
    kept: list[Path]
    problems: list[str]
    notes: list[str]


@dataclass(frozen=True)
class _Job:
    """One input to translate.

    Attributes:
        index: Index of the input.
        target: The file to write.
        record: Describes the translation.
        steps: Number of steps of the translation.
        before: State of the file to write, before the translation.
    """

    index: int
    target: Path
    record: TranslationRecord
    steps: int
    before: State


def translate_files(
    translator: Translator,
    inputs: Inputs,
    output: str | Path,
    *,
    dropout: bool = True,
    seed: int | None = None,
    tile: int | None = None,
    overwrite: bool = False,
    format: OutputFormat | None = None,
    max_pixels: int = PIXELS_AT_MOST,
    advance: Callable[[int], None] = lambda total: None,
) -> TranslatedFiles:
    """Translates every input into a file of `output` with the name of the input.

    The files have the kind of the training's targets (see `format`) and the type and the values of
    these, and take over what `inference.carried` says.

    If an input cannot be translated, the others still are. A translation that already exists is
    kept, unless its own record says that it was made from another input or with other settings.

    Args:
        translator: The translation of a run.
        inputs: See `find_inputs`.
        output: The folder to write to, which is created if it does not exist.
        dropout: See `Translator`.
        seed: See `Translator`; the same for every image.
        tile: The side of tiles in pixels, for images larger than that; see `Translator.tiled`.
        overwrite: Whether existing translations are replaced.
        format: `png`, `tiff` or `npy`. By default NumPy arrays or TIFF files if the targets of the
            training were such, else PNG files, or TIFF where PNG cannot hold the translations.
        max_pixels: Largest number of pixels to decode at once: those of a whole image, or of one
            strip or tile of a TIFF file that is translated in tiles.
        advance: Called with the total number of steps, after each image or, if an image is
            translated in tiles, after each of its steps.

    Returns:
        The written and kept translations, with problems and notes.

    Raises:
        UserError: An output would replace its own input or is not a regular file; `tile` is not a
            valid side; the format cannot hold the translations; an output cannot be written; no
            input could be translated.
    """
    if tile is not None:
        check_side(tile)
    suffix = _SUFFIXES[_output_format(translator, format)]
    if suffix == ".tif" and translator.target_tags.is_ome:
        suffix = ".ome.tif"
    targets = [Path(output) / f"{name}{suffix}" for name in inputs.names]
    _refuse_unfit(inputs, targets)
    jobs: list[_Job] = []
    kept: list[Path] = []
    problems: list[str] = []
    states: Counter[State] = Counter()
    for index, target in enumerate(targets):
        try:
            job = _job(translator, inputs, index, target, dropout, seed, tile)
        except UserError as error:
            problems.append(str(error))
            continue
        if not overwrite and job.before in ("same", "unknown"):
            kept.append(target)
            states[job.before] += 1
        else:
            jobs.append(job)
    if jobs:  # if all outputs exist already, the folder need not be writable
        check_output_directory(Path(output))
    total = sum(job.steps for job in jobs)
    written: list[Path] = []
    carried: list[CarriedOver] = []
    for job in jobs:
        try:
            over = carried_over(translator, inputs.paths[job.index], inputs.form, suffix)
            image = _translated(
                translator,
                inputs,
                job,
                over,
                dropout,
                seed,
                tile,
                max_pixels,
                lambda _: advance(total),
            )
        except UserError as error:
            problems.append(str(error))
            continue
        done = f"{len(written)} of {len(targets)} are translated"
        _write(job, image, over.tags, problems, done)
        written.append(job.target)
        carried.append(over)
        if not overwrite:
            states[job.before] += 1
    if not written and not kept:
        raise_problems(problems)
    notes = [*_notes(states, len(targets)), *carried_notes(carried)]
    return TranslatedFiles(written, kept, problems, notes)


def _output_format(translator: Translator, format: OutputFormat | None) -> OutputFormat:
    """Returns the format of translations: the one that is asked for, or that of the targets.

    Raises:
        UserError: PNG files cannot hold the translations.
    """
    _, channels = translator.translation.translation.channels
    dtype = translator.values.target.dtype
    if format == "png" and not png_holds(dtype, channels):
        raise UserError(
            f"--format png: holds 1 to 4 channels of 8 or 16 bits, and this run makes images of "
            f"{pluralize(channels, 'channel')} of {dtype}; use tiff or npy"
        )
    if format is not None:
        return format
    if translator.target_suffix in (".npy", ".npz"):
        return "npy"
    if translator.target_suffix in (".tif", ".tiff") or not png_holds(dtype, channels):
        return "tiff"
    return "png"


def _refuse_unfit(inputs: Inputs, targets: list[Path]) -> None:
    """Checks that no output path would stop the translation later or overwrite an input.

    Raises:
        UserError: An output path is a folder or a special file, or is the output's own input.
    """
    for source, target in zip(inputs.paths, targets, strict=True):
        if target.is_dir():
            raise UserError(f"{target}: is a folder, where the translation of {source} belongs")
        if is_special(target):
            raise UserError(
                f"{target}: is a pipe, a device or the like, where the translation of {source} "
                "belongs"
            )
        if target.exists() and source.exists() and target.samefile(source):
            raise UserError(
                f"{source}: would be replaced by its own translation; choose another --output"
            )


def _job(
    translator: Translator,
    inputs: Inputs,
    index: int,
    target: Path,
    dropout: bool,
    seed: int | None,
    tile: int | None,
) -> _Job:
    """Returns the job of an input; of the image file only the header is decoded.

    Raises:
        UserError: The file is not an image, or too large.
    """
    path = inputs.paths[index]
    height, width = translator.source.size_of(path, inputs.form)
    if inputs.form.half is not None:
        width //= 2
    if tile is not None and max(height, width) <= tile:
        tile = None  # an image no larger than a tile is translated whole
    if tile is None:
        refuse_too_large(path, height, width, translator.config.generator)
    record = TranslationRecord(
        translator.fingerprint, file_digest(path), form_text(inputs.form), dropout, seed, tile
    )
    steps = 1 if tile is None else translator.steps(height, width, tile)
    return _Job(index, target, record, steps, state_of(target, record))


def _translated(
    translator: Translator,
    inputs: Inputs,
    job: _Job,
    over: CarriedOver,
    dropout: bool,
    seed: int | None,
    tile: int | None,
    max_pixels: int,
    advance: Callable[[int], None],
) -> np.ndarray:
    """Returns a translation; on return, the memory of its input is free again."""
    path, form, source = inputs.paths[job.index], inputs.form, translator.source
    if tile is not None and (windows := source.windows_of(path, form, max_pixels=max_pixels)):
        with windows:
            _refuse_type(path, windows.dtype, translator)
            whole = translator.tiled(windows, tile, dropout=dropout, seed=seed, advance=advance)
            for start in range(0, len(whole), _STRIP_ROWS):
                rows = slice(start, start + _STRIP_ROWS)
                whole[rows] = over.mark(whole[rows], windows.empty(rows))
            return whole
    image, empty = source.read(path, form, name=inputs.names[job.index], max_pixels=max_pixels)
    _refuse_type(path, image.dtype, translator)
    if tile is not None:
        translation = translator.tiled(image, tile, dropout=dropout, seed=seed, advance=advance)
    else:
        translation = translator(image, dropout=dropout, seed=seed)
        advance(1)
    return over.mark(translation, empty)


def _refuse_type(path: Path, dtype: np.dtype, translator: Translator) -> None:
    values = translator.values.input
    if not values.takes(dtype):
        raise UserError(
            f"{path} holds {dtype} values, and the inputs of this run are {values.types}: give it "
            "as one of these, or train with data.input_range, which takes every type"
        )


def _write(job: _Job, image: np.ndarray, tags: CarriedTags, problems: list[str], done: str) -> None:
    try:
        with writing(job.target):
            job.target.parent.mkdir(parents=True, exist_ok=True)
        # NumPy files have no place for a text, so that existing ones are kept as they are.
        text = None if job.target.suffix == ".npy" else job.record.text()
        write_image(job.target, image, text=text, tags=tags)
    except UserError as error:
        raise UserError(
            "\n".join([*problems, f"{error}; {done}, the same command goes on from there"])
        ) from error


def _notes(states: Counter[State], count: int) -> list[str]:
    notes = []
    kept = states["same"] + states["unknown"]
    if kept:
        exist = "exists" if kept == 1 else "exist"
        notes.append(f"{kept} of {count} already {exist}: kept (--overwrite translates all again)")
    if states["unknown"]:
        notes.append(
            f"{pluralize(states['unknown'], 'file')} of those kept "
            f"{'does' if states['unknown'] == 1 else 'do'} not say what they were made of: this "
            "program, of this version, did not make them"
        )
    if states["other"]:
        notes.append(
            f"{states['other']} of {count} were there, made of another input, other weights or "
            "other settings: made anew"
        )
    if states["damaged"]:
        notes.append(f"{states['damaged']} of {count} were there and damaged: made anew")
    return notes
