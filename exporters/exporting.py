"""Export of a run, which is moved to its output path only if it agrees with `translate`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pix2pix_tf.exporters.inputs import Inputs, run_inputs, spread_inputs, typical_images
from pix2pix_tf.exporters.onnx import (
    DEFAULT_OPSET,
    OPSETS,
    SEED_OPSET,
    OnnxForm,
    check_libraries,
    convert_to_onnx,
    onnx_variants,
)
from pix2pix_tf.exporters.onnx import PRECISIONS as ONNX_PRECISIONS
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

FORMATS = ("saved_model", "tflite", "onnx", "web")
REPORT = "export.json"
CALIBRATION_IMAGES = 100
# Visitors of a page wait for its model; float16 halves the download without a visible difference.
_DEFAULT_PRECISION = {"web": "float16"}
# The options that each format takes.
_OPTIONS: dict[str, tuple[str, ...]] = {
    "saved_model": (),
    "tflite": ("precision", "size", "resizable", "uint8"),
    "onnx": ("precision", "size", "opset", "dropout"),
    "web": ("precision", "size"),
}


@dataclass(frozen=True)
class Exported:
    """Result of an export.

    Attributes:
        folder: The artefact: a version of a served model, or the folder that holds the TFLite
            or ONNX file or the page.
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
    onnx: OnnxForm


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
    opset: int | None = None,
    dropout: bool = False,
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
            `tflite`: OUTPUT/NAME.tflite; `onnx`: OUTPUT/NAME.onnx; `web`: a folder OUTPUT for any
            static web server.
        output: The output folder, which must not exist yet, except for `saved_model`.
        name: Name of the model; by default that of the run.
        precision: For `tflite` and `onnx` (default `float32`) and `web` (default `float16`):
            `float32`, `float16`, `dynamic` (not for `onnx`) or `int8`.
        size: Height and width of the images in pixels, or one number for both; by default those of
            training for `tflite` and `web`, and any for `onnx`.
        resizable: For `tflite`: whether the model takes images of any size.
        uint8: For `tflite`: whether input and output are uint8 instead of
            float32 with the numbers of the data; they span the range of the data.
        opset: For `onnx`: version of the operators, 13 to 18; by default 15, or 18 with dropout.
        dropout: For `onnx`: whether dropout is on, with seeds from an input `seed`.
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
    chosen = {
        "precision": precision,
        "size": size,
        "resizable": resizable,
        "uint8": uint8,
        "opset": opset,
        "dropout": dropout,
    }
    options = _checked_options(format, name or run.absolute().name, chosen)
    target = _target(output, options)
    translator = Translator(run, direction=direction, checkpoint=checkpoint)
    if options.size is None and format in ("tflite", "web") and not resizable:
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


def _checked_options(format: str, name: str, chosen: dict[str, Any]) -> _Options:
    if format not in FORMATS:
        raise UserError(f"format {format}: expected {_either(FORMATS)}")
    if not name or name.startswith(".") or "/" in name or "\\" in name:
        raise UserError(f"name {name!r}: cannot be a file's name; give another with --name")
    for option, value in chosen.items():
        if value not in (None, False) and option not in _OPTIONS[format]:
            raise UserError(f"--{option}: is not for format {format}")
    precision = chosen["precision"] or _DEFAULT_PRECISION.get(format, "float32")
    precisions = ONNX_PRECISIONS if format == "onnx" else PRECISIONS
    if precision not in precisions:
        raise UserError(f"precision {precision}: expected {_either(precisions)}")
    size = chosen["size"]
    if size is not None and chosen["resizable"]:
        raise UserError("--size and --resizable: give one of them; a resizable model has no size")
    sides = (size, size) if isinstance(size, int) else size
    if sides is not None and min(sides) < 1:
        raise UserError(f"size {sides[0]}×{sides[1]}: expected at least one pixel a side")
    opset = _checked_opset(chosen["opset"], chosen["dropout"])
    form = OnnxForm(precision, sides, opset, chosen["dropout"])
    return _Options(format, name, precision, sides, chosen["uint8"], form)


def _checked_opset(opset: int | None, dropout: bool) -> int:
    if opset is None:
        return SEED_OPSET if dropout else DEFAULT_OPSET
    if opset not in OPSETS:
        raise UserError(f"opset {opset}: expected {OPSETS[0]} to {OPSETS[-1]}")
    if dropout and opset < SEED_OPSET:
        raise UserError(
            f"opset {opset}: has no bitwise operations, which draw the dropout's masks; leave out "
            f"--dropout, or give --opset {SEED_OPSET}"
        )
    return opset


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
    if options.format == "onnx":
        check_libraries()
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

    def calibration() -> list[np.ndarray]:
        return spread_inputs(typical, CALIBRATION_IMAGES)

    if options.format == "onnx":
        model = convert_to_onnx(translator, options.onnx, calibration)
        (folder / f"{options.name}.onnx").write_bytes(model)
        return onnx_variants(translator, model, options.onnx)
    model = convert_to_tflite(
        translator,
        options.precision,
        size=options.size,
        uint8=options.uint8,
        calibration=calibration,
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
        "opset": options.onnx.opset if options.format == "onnx" else None,
        "dropout": options.onnx.dropout,
        "direction": translator.direction,
        "step": translator.step,
        "fingerprint": translator.fingerprint,
        "bytes": exported.bytes,
        "parity": [parity.as_dict() for parity in exported.parity],
        "versions": {"pix2pix_tf": __version__, "tensorflow": tf.__version__},
        "config": translator.config.model_dump(mode="json"),
    }
