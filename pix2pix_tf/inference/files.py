"""Files translated into a folder, one after another: what is missing there, or all anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.images.io import PIXELS_AT_MOST, image_size, write_image
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


@dataclass(frozen=True)
class TranslatedFiles:
    """What came of a folder.

    Attributes:
        written: Translations that were made.
        kept: Translations that already existed and were kept.
        problems: A sentence about each input that could not be translated.
        notes: Sentences about outputs that already existed.
    """

    written: list[Path]
    kept: list[Path]
    problems: list[str]
    notes: list[str]


@dataclass(frozen=True)
class _Job:
    """One input to translate."""

    place: int
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
    max_pixels: int = PIXELS_AT_MOST,
    advance: Callable[[int], None] = lambda total: None,
) -> TranslatedFiles:
    """Translates every input into `output`/NAME.png, NAME being its own.

    An input that cannot be translated does not keep the others from it. A translation that
    already exists is kept, unless it says itself that it was made of another input or otherwise.

    Args:
        translator: The trained generator.
        inputs: See `find_inputs`.
        output: The folder to write to, made if it is not there.
        dropout: See `Translator`.
        seed: See `Translator`; every image is translated with it.
        tile: The side of tiles, for images larger than that: see `Translator.tiled`.
        overwrite: Whether all are translated anew.
        max_pixels: How many pixels may be decoded at once: all of an image, but of a TIFF that is
            translated in tiles those of a strip or tile.
        advance: Called after each image, or each step of one that is translated in tiles, with
            the number of all.

    Raises:
        UserError: An output would replace its own input or is no file; `tile` is no side of tiles;
            an output cannot be written; no input at all can be translated.
    """
    if tile is not None:
        check_side(tile)
    targets = [Path(output) / f"{name}.png" for name in inputs.names]
    _refuse_unfit(inputs, targets)
    jobs: list[_Job] = []
    kept: list[Path] = []
    problems: list[str] = []
    states: Counter[State] = Counter()
    for place, target in enumerate(targets):
        try:
            job = _job(translator, inputs, place, target, dropout, seed, tile)
        except UserError as error:
            problems.append(str(error))
            continue
        if not overwrite and job.before in ("same", "unknown"):
            kept.append(target)
            states[job.before] += 1
        else:
            jobs.append(job)
    if jobs:  # where all exist already nothing has to be written
        check_output_directory(Path(output))
    total = sum(job.steps for job in jobs)
    written: list[Path] = []
    for job in jobs:
        try:
            image = _translated(
                translator, inputs, job, dropout, seed, tile, max_pixels, lambda _: advance(total)
            )
        except UserError as error:
            problems.append(str(error))
            continue
        _write(job, image, problems, f"{len(written)} of {len(targets)} are translated")
        written.append(job.target)
        if not overwrite:
            states[job.before] += 1
    if not written and not kept:
        raise_problems(problems)
    return TranslatedFiles(written, kept, problems, _notes(states, len(targets)))


def _refuse_unfit(inputs: Inputs, targets: list[Path]) -> None:
    """What would end all of it later, or lose an input."""
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
    place: int,
    target: Path,
    dropout: bool,
    seed: int | None,
    tile: int | None,
) -> _Job:
    """What there is to do for an input, as far as its header shows.

    Raises:
        UserError: It is no image, or too large.
    """
    path = inputs.paths[place]
    height, width = image_size(path)
    if inputs.form.half is not None:
        width //= 2
    if tile is not None and max(height, width) <= tile:
        tile = None  # it is translated whole
    if tile is None:
        refuse_too_large(path, height, width, translator.config.generator)
    record = TranslationRecord(
        translator.fingerprint, file_digest(path), form_text(inputs.form), dropout, seed, tile
    )
    steps = 1 if tile is None else translator.steps(height, width, tile)
    return _Job(place, target, record, steps, state_of(target, record))


def _translated(
    translator: Translator,
    inputs: Inputs,
    job: _Job,
    dropout: bool,
    seed: int | None,
    tile: int | None,
    max_pixels: int,
    advance: Callable[[int], None],
) -> np.ndarray:
    """A translation; its input's memory is free again when it is written."""
    path, form, source = inputs.paths[job.place], inputs.form, translator.source
    if tile is not None and (windows := source.windows_of(path, form, max_pixels=max_pixels)):
        with windows:
            return translator.tiled(windows, tile, dropout=dropout, seed=seed, advance=advance)
    image = source.input_of(path, form, name=inputs.names[job.place], max_pixels=max_pixels)
    if tile is not None:
        return translator.tiled(image, tile, dropout=dropout, seed=seed, advance=advance)
    translation = translator(image, dropout=dropout, seed=seed)
    advance(1)
    return translation


def _write(job: _Job, image: np.ndarray, problems: list[str], done: str) -> None:
    try:
        with writing(job.target):
            job.target.parent.mkdir(parents=True, exist_ok=True)
        write_image(job.target, image, text=job.record.text())
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
