"""Translation of one image by `translate` and by exported models, as workloads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from pix2pix_tf.benchmark.worker import WorkloadFunction
from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.pairs import OpenedPairs
from pix2pix_tf.exporters.saved_model import write_saved_model
from pix2pix_tf.exporters.tflite import convert_to_tflite, run_tflite
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.methods import method_of
from pix2pix_tf.methods.method import checkpoint_parts, translating_parts
from pix2pix_tf.models import build_generator
from pix2pix_tf.models.flops import forward_flops
from pix2pix_tf.runs.checkpoints import Checkpoints
from pix2pix_tf.runs.pairs_record import record_of
from pix2pix_tf.runs.run import Run

_CALIBRATION_IMAGES = 2  # they determine the ranges of int8, which do not affect its speed


def write_untrained_run(config: Config, folder: Path, pairs: OpenedPairs | None = None) -> None:
    """Writes a run with an untrained generator, which is as fast as a trained one.

    Args:
        config: The run's config.
        folder: The run directory, which is created.
        pairs: The pairs of the config, whose types the images of the run have; None for 8 bits.
    """
    run = Run(folder)
    run.save_config(config)
    if pairs is not None:
        record_of(pairs, config.data).write(run.pairs_file)
    method = method_of(config).build(config, 1, None)
    parts, translating = checkpoint_parts(method), translating_parts(method)
    Checkpoints(run.checkpoints, parts, translating, keep=1).save()


def inference_workloads(
    run: Path, export_dir: Path, names: Iterable[str], threads: int
) -> tuple[dict[str, WorkloadFunction], int]:
    """Prepares workloads that translate one image repeatedly.

    Args:
        run: The run directory.
        export_dir: An empty folder for exported models.
        names: Some of `TRANSLATIONS`, for an image of the run's crop size, and `translate@SIZE`,
            for a square image with sides of SIZE pixels.
        threads: Threads of the LiteRT interpreter.

    Returns:
        The workloads by name, and the floating-point operations of the generator for an image of
        the crop size.
    """
    translator = Translator(run)
    flops = forward_flops(build_generator(translator.config, initial=False))
    workloads = {name: _workload(translator, name, export_dir, threads) for name in names}
    return workloads, flops


def _workload(
    translator: Translator, name: str, export_dir: Path, threads: int
) -> WorkloadFunction:
    kind, _, detail = name.partition("@" if "@" in name else " ")
    size = (int(detail), int(detail)) if "@" in name else translator.config.data.crop_size
    translate: Callable[[np.ndarray], np.ndarray]
    if kind == "translate":
        translate = partial(translator, seed=0)
    elif kind == "saved_model":
        translate = _load_saved_model(translator, export_dir)
    else:
        translate = _load_tflite(translator, detail, threads)
    image = _noise_image(translator, size)

    def workload(repetitions: int) -> Mapping[str, float]:
        for _ in range(repetitions):
            output = translate(image)
        return {"mean": float(output.mean())}

    return workload


def _noise_image(translator: Translator, size: tuple[int, int]) -> np.ndarray:
    """Returns an input of the run's channels and type, over the whole range of its values."""
    shape, values = (*size, translator.config.data.image_channels[0]), translator.values.input
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return values.unify(values.from_full_scale(noise))


def _load_saved_model(
    translator: Translator, export_dir: Path
) -> Callable[[np.ndarray], np.ndarray]:
    write_saved_model(translator, export_dir, "measured")
    loaded = tf.saved_model.load(str(export_dir))
    signature = loaded.signatures["images"]

    def translate(image: np.ndarray) -> np.ndarray:
        assert loaded  # a signature does not keep its variables alive
        return signature(images=tf.constant(image[np.newaxis]))["images"].numpy()[0]

    return translate


def _load_tflite(
    translator: Translator, variant: str, threads: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Converts to `variant`, `float32` or `int8`, and loads it with LiteRT."""
    size = translator.config.data.crop_size
    model = convert_to_tflite(
        translator,
        variant,
        size=size,
        uint8=False,
        calibration=lambda: [_noise_image(translator, size)] * _CALIBRATION_IMAGES,
    )
    interpreter = Interpreter(model_content=model, num_threads=threads)
    return lambda image: run_tflite(interpreter, image)
