"""Export of a run, which is moved to its output path only if it agrees with `translate`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pix2pix_tf.exporters.inputs import Inputs, run_inputs, spread_inputs, typical_images
from pix2pix_tf.exporters.parity import Parity, Variant, compare, refuse_failures
from pix2pix_tf.exporters.saved_model import saved_model_variants, write_saved_model
from pix2pix_tf.exporters.tflite import (
    LIMITS,
    PRECISIONS,
    convert_to_tflite,
    tflite_variant,
)
from pix2pix_tf.exporters.versions import next_version
from pix2pix_tf.exporters.web import check_runtime, write_page
from pix2pix_tf.images.value_range import EIGHT_BIT, ImageValues
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.runs.checkpoint_files import check_path
from pix2pix_tf.runs.data import run_config
from pix2pix_tf.runs.run import Run
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import atomic_directory, check_new_directory, writing
from pix2pix_tf.utils.runtime import captured_native_stderr
from pix2pix_tf.utils.strict_json import strict_json
from pix2pix_tf.version import __version__

FORMATS = ("saved_model", "tflite", "web")
REPORT = "export.json"
CALIBRATION_IMAGES = 100
# Visitors of a page wait for its model; float16 halves the download without a visible difference.
_DEFAULT_PRECISION = {"tflite": "float32", "web": "float16"}


@dataclass(frozen=True)
class Exported:
    """Result of an export.

    Attributes:
        folder: The artefact: a version of a served model, or the folder that holds the TFLite
            file or the page.
        bytes: Size of the artefact in bytes, without the report.
        parity: Comparison of each variant of the artefact with `translate`.
        targets: The type and the meaning of the values of translations, for differences.

    Example:
        >>> from pix2pix_tf import export
        >>> exported = export("runs/sample", "saved_model", "models")
        >>> exported.folder.as_posix(), [parity.variant for parity in exported.parity]
        ('models/sample/1', ['serving_default', 'images', 'sample'])
    """

    folder: Path
    bytes: int
    parity: list[Parity]
    targets: ImageValues = EIGHT_BIT.target


@dataclass(frozen=True)
class _Options:
    """Options of an export, with defaults resolved."""

    format: str
    name: str
    precision: str
    size: tuple[int, int] | None
    uint8: bool


def export(
    run_dir: str | Path,
    format: str,
    output: str | Path,
    *,
    name: str | None = None,
    precision: str | None = None,
    size: int | tuple[int, int] | None = None,
    resizable: bool = False,
    uint8: bool = False,
    direction: str | None = None,
    checkpoint: str = "newest",
    images: int = 20,
    inputs: str | Path | None = None,
    overrides: Sequence[str] = (),
    advance: Callable[[int], None] = lambda total: None,
) -> Exported:
    """Exports a run's generator and compares the export with `translate` on validation images.

    The report is written beside the artefact as `export.json`, with the run's config. An export
    that fails leaves no files.

    Args:
        run_dir: The run directory.
        format: `saved_model`: a version of a model for TensorFlow Serving, OUTPUT/NAME/1 at first;
            `tflite`: OUTPUT/NAME.tflite; `web`: a folder OUTPUT for any static web server.
        output: The output folder, which must not exist yet for `tflite` and `web`.
        name: Name of the model; by default that of the run.
        precision: For `tflite` (default `float32`) and `web` (default `float16`): `float32`,
            `float16`, `dynamic` or `int8`.
        size: For `tflite` and `web`: height and width of the images in pixels, or one number for
            both; by default those of training.
        resizable: For `tflite`: whether the model takes images of any size.
        uint8: For `tflite`: whether input and output are uint8 instead of
            float32 with the numbers of the data; they span the range of the data.
        direction: `AtoB` or `BtoA`, see `Translator`; by default as in training.
        checkpoint: `newest` or `best`.
        images: Largest number of images to compare, which are evenly spaced in the data.
        inputs: A folder of input images for comparison and calibration, if the run's own data is
            not available; of photographs if the run derives its inputs from photographs. By
            default the run's validation and training pairs are used.
        overrides: Overrides for data that was moved, such as `data.root=DIR`, see
            `run_data.run_config`.
        advance: Called after each compared image with the total number of comparisons.

    Returns:
        The artefact and the comparison of each of its variants with `translate`.

    Raises:
        UserError: The run, checkpoint or direction does not exist, the format or precision is
            unknown, options cannot be combined, the output already exists, or the export differs
            from `translate`.

    Example:
        >>> from pix2pix_tf import export
        >>> exported = export("runs/sample", "tflite", "phone")
        >>> sorted(file.name for file in Path("phone").iterdir())
        [...'sample.tflite'...]
    """
    run, output = Path(run_dir), Path(output)
    options = _checked_options(
        format, name or run.absolute().name, precision, size, resizable, uint8
    )
    target = _target(output, options)
    translator = Translator(run, direction=direction, checkpoint=checkpoint)
    if options.size is None and format != "saved_model" and not resizable:
        options = replace(options, size=translator.config.data.crop_size)
    config = run_config(Run(run), overrides, translator.direction)
    typical, compared = run_inputs(config, translator.source, inputs, options.size)
    full = writing(target, write_only=False)
    # The converters' native code writes many messages to standard error.
    with atomic_directory(target) as folder, captured_native_stderr(), full:
        shown = spread_inputs(compared, images)
        variants = _write(translator, options, folder, typical, shown)
        parities = [
            compare(variant, shown, lambda: advance(len(shown) * len(variants)))
            for variant in variants
        ]
        refuse_failures(parities)
        exported = Exported(target, _bytes(folder), parities, translator.values.target)
        report = _report(translator, options, exported)
        (folder / REPORT).write_text(strict_json(report) + "\n", encoding="utf-8")
    return exported


def _checked_options(
    format: str,
    name: str,
    precision: str | None,
    size: int | tuple[int, int] | None,
    resizable: bool,
    uint8: bool,
) -> _Options:
    if format not in FORMATS:
        raise UserError(f"format {format}: expected {_either(FORMATS)}")
    if not name or name.startswith(".") or "/" in name or "\\" in name:
        raise UserError(f"name {name!r}: cannot be a file's name; give another with --name")
    options = {
        "precision": precision is not None,
        "size": size is not None,
        "resizable": resizable,
        "uint8": uint8,
    }
    allowed = {"saved_model": (), "tflite": tuple(options), "web": ("precision", "size")}[format]
    for option, used in options.items():
        if used and option not in allowed:
            raise UserError(f"--{option}: is not for format {format}")
    precision = precision or _DEFAULT_PRECISION.get(format, "float32")
    if precision not in PRECISIONS:
        raise UserError(f"precision {precision}: expected {_either(PRECISIONS)}")
    if size is not None and resizable:
        raise UserError("--size and --resizable: give one of them; a resizable model has no size")
    sides = (size, size) if isinstance(size, int) else size
    if sides is not None and min(sides) < 1:
        raise UserError(f"size {sides[0]}×{sides[1]}: expected at least one pixel a side")
    return _Options(format, name, precision, sides, uint8)


def _either(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _target(output: Path, options: _Options) -> Path:
    """Returns the output directory, after checking that it can be written."""
    if options.format == "saved_model":
        check_path(output / options.name)
        version = next_version(output / options.name)
        check_new_directory(version)
        return version
    check_new_directory(output)
    if options.format == "web":
        check_runtime()
    return output


def _write(
    translator: Translator,
    options: _Options,
    folder: Path,
    typical: Inputs,
    shown: Sequence[np.ndarray],
) -> list[Variant]:
    """Writes the artefact into `folder` and returns its variants to compare."""
    if options.format == "saved_model":
        write_saved_model(translator, folder, options.name)
        return saved_model_variants(translator, folder)
    model = convert_to_tflite(
        translator,
        options.precision,
        size=options.size,
        uint8=options.uint8,
        calibration=lambda: spread_inputs(typical, CALIBRATION_IMAGES),
    )
    if options.format == "tflite":
        (folder / f"{options.name}.tflite").write_bytes(model)
    else:
        images = typical_images(translator, shown)
        write_page(folder, options.name, model, translator.config.data, images)
    limit = LIMITS[options.precision]
    return [tflite_variant(translator, model, options.precision, options.size, limit)]


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _report(translator: Translator, options: _Options, exported: Exported) -> dict[str, Any]:
    return {
        "format": options.format,
        "name": options.name,
        "precision": options.precision,
        "size": options.size and list(options.size),
        "uint8": options.uint8,
        "direction": translator.direction,
        "step": translator.step,
        "bytes": exported.bytes,
        "parity": [parity.as_dict() for parity in exported.parity],
        "versions": {"pix2pix_tf": __version__, "tensorflow": tf.__version__},
        "config": translator.config.model_dump(mode="json"),
    }
