"""Translation of image files into a folder, with existing translations kept or replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pix2pix_tf.images.io import PIXELS_AT_MOST, write_image
from pix2pix_tf.images.png_writer import png_holds
from pix2pix_tf.images.row_writers import ROW_SUFFIXES, rows_written
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
from pix2pix_tf.utils.files import WriteError, check_output_directory, is_special, writing
from pix2pix_tf.utils.text import pluralize

OutputFormat = Literal["png", "tiff", "npy"]
_WRITTEN_AS_TIFF = (".tif", ".tiff", ".dcm", ".nii", ".gz")  # no medical images are written
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

    @property
    def text(self) -> dict[str, str] | None:
        """What the file says of how it was made; None for NumPy files, which have no place for it.

        Existing files without it are kept as they are.
        """
        return None if self.target.suffix == ".npy" else self.record.text()


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
            training were such, TIFF for DICOM and NIfTI, else PNG files, or TIFF where PNG cannot
            hold the translations.
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
            _translate(
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
        except WriteError as error:
            done = f"{len(written)} of {len(targets)} are translated"
            lines = [*problems, f"{error}; {done}, the same command goes on from there"]
            raise UserError("\n".join(lines)) from error
        except UserError as error:
            problems.append(str(error))
            continue
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
    if translator.target_suffix in _WRITTEN_AS_TIFF or not png_holds(dtype, channels):
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


def _translate(
    translator: Translator,
    inputs: Inputs,
    job: _Job,
    over: CarriedOver,
    dropout: bool,
    seed: int | None,
    tile: int | None,
    max_pixels: int,
    advance: Callable[[int], None],
) -> None:
    """Translates an input and writes its translation; on return, the memory of both is free again.

    Raises:
        UserError: The input cannot be read.
        WriteError: The translation cannot be written.
    """
    path, form, source = inputs.paths[job.index], inputs.form, translator.source
    with writing(job.target):
        job.target.parent.mkdir(parents=True, exist_ok=True)
    if tile is not None and (windows := source.windows_of(path, form, max_pixels=max_pixels)):
        with windows:
            _refuse_type(path, windows.dtype, translator)
            bands = translator.tiled_bands(
                windows, tile, dropout=dropout, seed=seed, advance=advance
            )
            marked = (
                over.mark(rows, windows.empty(slice(first, first + len(rows))))
                for first, rows in bands
            )
            _write_rows(translator, job, windows.shape[:2], marked, over)
        return
    image, empty = source.read(path, form, name=inputs.names[job.index], max_pixels=max_pixels)
    _refuse_type(path, image.dtype, translator)
    if tile is not None:
        translation = translator.tiled(image, tile, dropout=dropout, seed=seed, advance=advance)
    else:
        translation = translator(image, dropout=dropout, seed=seed)
        advance(1)
    write_image(job.target, over.mark(translation, empty), text=job.text, tags=over.tags)


def _write_rows(
    translator: Translator,
    job: _Job,
    size: tuple[int, int],
    bands: Iterable[np.ndarray],
    over: CarriedOver,
) -> None:
    """Writes a translation while it is computed; PNG files when it is complete."""
    shape, dtype = (
        (*size, translator.translation.translation.channels[1]),
        translator.values.target.dtype,
    )
    if job.target.suffix in ROW_SUFFIXES:
        with rows_written(job.target, shape, dtype, text=job.text, tags=over.tags) as write:
            for rows in bands:
                write(rows)
        return
    whole, written = np.empty(shape, dtype), 0
    for rows in bands:
        whole[written : written + len(rows)] = rows
        written += len(rows)
    write_image(job.target, whole, text=job.text, tags=over.tags)


def _refuse_type(path: Path, dtype: np.dtype, translator: Translator) -> None:
    values = translator.values.input
    if not values.takes(dtype):
        raise UserError(
            f"{path} holds {dtype} values, and the inputs of this run are {values.types}: give it "
            "as one of these, or train with data.input_range, which takes every type"
        )


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
