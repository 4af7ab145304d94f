"""TFLite models: the generator alone, images in and out, dropout off, one image at a time.

One signature, `serving_default`, from `images` to `images`, [1, H, W, C] to [1, H, W, D]: float32
in 0..255 (the output neither rounded nor clipped), or uint8. No operation needs Flex.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from pix2pix_tf.data.representation import decode
from pix2pix_tf.exporters.parity import EXACT, Limit, Variant
from pix2pix_tf.images.convert import to_8bit
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.models.subpixel import subpixel_convolutions

# What a float model may lose: float16 rounds weights; 8 bits are judged by looks.
LIMITS = {
    "float32": EXACT,
    "float16": Limit(max_error=2, ssim=0.99),
    "dynamic": Limit(max_error=None, ssim=0.95),
    "int8": Limit(max_error=None, ssim=0.95),
}
PRECISIONS = tuple(LIMITS)

# With precision int8 the convolutions are computed in 8 bits, all but the first. That one costs
# most of the quality (mean error 10 grey levels against 1 on the trained sample): no norm follows
# it, so that channels of very different ranges share one scale. Statistics, skips and activations
# in 8 bits cost the rest, and time too, for they are many small steps.
_FLOAT_OPERATIONS = [
    *("MEAN", "SQUARED_DIFFERENCE", "RSQRT", "ADD", "SUB", "MUL"),
    *("LEAKY_RELU", "RELU", "CONCATENATION", "DEPTH_TO_SPACE", "TANH"),
]
_FIRST_CONVOLUTION = re.compile(r"/encoder_1(_\d+)?/")


def convert_to_tflite(
    translator: Translator,
    precision: str,
    *,
    size: tuple[int, int] | None,
    uint8: bool,
    calibration: Callable[[], Iterable[np.ndarray]],
) -> bytes:
    """Converts the generator.

    Args:
        translator: The trained generator.
        precision: `float32`; `float16`: weights of half the size; `dynamic`: weights of 8 bits,
            computed in float where that is better; `int8`: convolutions in 8 bits, calibrated.
        size: Height and width of the images, any; None leaves them open: the user of the model
            resizes its input.
        uint8: Images are uint8, in and out, instead of float32.
        calibration: Gives typical images, [H, W, C] of any type of the size above; for int8.
    """
    module, function = _translating_function(translator, size, uint8)

    def converter() -> tf.lite.TFLiteConverter:  # good for one conversion each
        return tf.lite.TFLiteConverter.from_concrete_functions([function], module)

    def samples() -> Iterable[list[np.ndarray]]:
        for image in calibration():
            yield [_as_input(image, uint8)[np.newaxis]]

    if precision == "int8":
        return _convert_to_int8(converter, samples)
    chosen = converter()
    if precision != "float32":
        chosen.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        chosen.target_spec.supported_types = [tf.float16]
    return chosen.convert()


def _translating_function(
    translator: Translator, size: tuple[int, int] | None, uint8: bool
) -> tuple[tf.Module, tf.types.experimental.ConcreteFunction]:
    channels, _ = translator.translation.translation.channels
    dtype = tf.uint8 if uint8 else tf.float32
    picture = tf.TensorSpec([1, *(size or (None, None)), channels], dtype, "images")

    @tf.function(input_signature=[picture], autograph=False)
    def translate(images: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels = tf.cast(images, tf.float32) / 127.5 - 1.0
        with subpixel_convolutions():
            output = translator.translation(pixels, None)
        return {"images": decode(output) if uint8 else (output + 1.0) * 127.5}

    module = tf.Module()
    networks = translator.networks.values()
    module.weights = [variable.value for network in networks for variable in network.variables]
    return module, translate.get_concrete_function()


def _convert_to_int8(
    converter: Callable[[], tf.lite.TFLiteConverter],
    samples: Callable[[], Iterable[list[np.ndarray]]],
) -> bytes:
    in_float = Interpreter(model_content=converter().convert())
    names = [tensor["name"] for tensor in in_float.get_tensor_details()]
    calibrated = converter()
    calibrated.optimizations = [tf.lite.Optimize.DEFAULT]
    calibrated.representative_dataset = samples
    options = tf.lite.experimental.QuantizationDebugOptions(
        denylisted_ops=_FLOAT_OPERATIONS,
        denylisted_nodes=[name for name in names if _FIRST_CONVOLUTION.search(name)],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of TensorFlow about what it calls itself
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=calibrated, debug_dataset=samples, debug_options=options
        )
    return debugger.get_nondebug_quantized_model()


def tflite_variant(
    translator: Translator, model: bytes, name: str, size: tuple[int, int] | None, limit: Limit
) -> Variant:
    """A TFLite model as it runs on a device: by the LiteRT interpreter.

    Args:
        translator: What it must agree with, its dropout off.
        model: The file's content.
        name: What to call it.
        size: Of the images it takes; None where its input is resized to each.
        limit: How far it may be off.
    """
    interpreter = Interpreter(model_content=model, num_threads=os.cpu_count())
    resized: list[tuple[int, ...]] = []

    def exported(image: np.ndarray) -> np.ndarray:
        if size is None and resized[-1:] != [image.shape]:
            resized.append(image.shape)
            interpreter.resize_tensor_input(_input(interpreter)["index"], [1, *image.shape])
        return run_tflite(interpreter, image)

    uint8 = _input(interpreter)["dtype"] == np.uint8

    def reference(image: np.ndarray) -> np.ndarray:
        return translator(to_8bit(image) if uint8 else image, dropout=False)

    return Variant(name, exported, reference, limit)


def run_tflite(interpreter: Interpreter, image: np.ndarray) -> np.ndarray:
    """Translates one image, uint8 or uint16 [H, W, C] of the interpreter's size, to uint8."""
    interpreter.allocate_tensors()
    place = _input(interpreter)
    uint8 = place["dtype"] == np.uint8
    interpreter.set_tensor(place["index"], _as_input(image, uint8)[np.newaxis])
    interpreter.invoke()
    output = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
    return output if uint8 else np.clip(np.rint(output), 0, 255).astype(np.uint8)


def _input(interpreter: Interpreter) -> dict[str, Any]:
    return interpreter.get_input_details()[0]


def _as_input(image: np.ndarray, uint8: bool) -> np.ndarray:
    levels = image.astype(np.float32) * np.float32(255 / np.iinfo(image.dtype).max)
    return np.rint(levels).astype(np.uint8) if uint8 else levels
