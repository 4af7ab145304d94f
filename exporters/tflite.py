"""TFLite models of a generator, without dropout, for one image at a time.

They have one signature, `serving_default`, which maps `images`, [1, H, W, C], to `images`,
[1, H, W, D]: float32 in 0..255 (the output is neither rounded nor clipped), or uint8. 0 and 255
stand for the smallest and the largest value of the data: of the full range of its type, or of
`data.input_range` and `data.target_range`. No operation needs Flex.
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
from pix2pix_tf.images.value_range import EIGHT_BIT, ImageValues
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.models.subpixel import subpixel_convolutions

# float16 rounds the weights. Models of 8 bits are judged by visual similarity only.
LIMITS = {
    "float32": EXACT,
    "float16": Limit(max_error=2, ssim=0.99),
    "dynamic": Limit(max_error=None, ssim=0.95),
    "int8": Limit(max_error=None, ssim=0.95),
}
PRECISIONS = tuple(LIMITS)

# With precision int8, all convolutions except the first are computed in 8 bits. The first one would
# cause most of the loss of quality (mean error 10 grey levels instead of 1 on the trained sample):
# no norm follows it, so that channels of very different ranges share one scale. Statistics, skips
# and activations in 8 bits would cause the rest, and take more time, as they are many small steps.
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
    """Converts the generator of a translation to TFLite.

    Args:
        translator: The translation of a run.
        precision: `float32`; `float16`: weights of half the size; `dynamic`: weights of 8 bits,
            computed in float where that is better; `int8`: convolutions in 8 bits, calibrated.
        size: Any height and width of the images in pixels; None leaves them open, and users of the
            model resize its input.
        uint8: Whether input and output are uint8 instead of float32.
        calibration: Returns typical inputs of this size, [H, W, C]; called for `int8` only.

    Returns:
        The content of the TFLite file.
    """
    module, function = _translating_function(translator, size, uint8)

    def converter() -> tf.lite.TFLiteConverter:  # a converter can be used only once
        return tf.lite.TFLiteConverter.from_concrete_functions([function], module)

    def samples() -> Iterable[list[np.ndarray]]:
        for image in calibration():
            shown = translator.values.input.full_scale(image)
            yield [_as_input(shown, uint8)[np.newaxis]]

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
    specification = tf.TensorSpec([1, *(size or (None, None)), channels], dtype, "images")

    @tf.function(input_signature=[specification], autograph=False)
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
        warnings.simplefilter("ignore", UserWarning)  # TensorFlow warns about its own calls
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=calibrated, debug_dataset=samples, debug_options=options
        )
    return debugger.get_nondebug_quantized_model()


def tflite_variant(
    translator: Translator, model: bytes, name: str, size: tuple[int, int] | None, limit: Limit
) -> Variant:
    """Returns the variant of a TFLite model, run by the LiteRT interpreter as on a device.

    Args:
        translator: The translation to compare with, without dropout.
        model: The content of the TFLite file.
        name: Name of the variant.
        size: Height and width of the model's images in pixels; None if its input is resized to each
            image.
        limit: Largest accepted difference.

    Returns:
        The variant.
    """
    interpreter = Interpreter(model_content=model, num_threads=os.cpu_count())
    resized: list[tuple[int, ...]] = []
    inputs, targets = translator.values.input, translator.values.target

    def exported(image: np.ndarray) -> np.ndarray:
        if size is None and resized[-1:] != [image.shape]:
            resized.append(image.shape)
            interpreter.resize_tensor_input(_input(interpreter)["index"], [1, *image.shape])
        levels = run_tflite(interpreter, inputs.full_scale(image))
        return targets.full_scale(_as_image(levels, targets))

    uint8 = _input(interpreter)["dtype"] == np.uint8

    def reference(image: np.ndarray) -> np.ndarray:
        if uint8:
            image = inputs.from_full_scale(to_8bit(inputs.full_scale(image)))
        return targets.full_scale(translator(image, dropout=False))

    return Variant(name, exported, reference, limit.for_values(targets))


def run_tflite(interpreter: Interpreter, image: np.ndarray) -> np.ndarray:
    """Translates one image with a TFLite interpreter.

    Args:
        interpreter: The interpreter.
        image: [H, W, C] of the size of the interpreter's input: uint8 or uint16 in full scale, or
            fractions of the range of the inputs, floats in 0..1.

    Returns:
        [H, W, D] in 0..255, uint8 or float32 like the model.
    """
    interpreter.allocate_tensors()
    details = _input(interpreter)
    uint8 = details["dtype"] == np.uint8
    interpreter.set_tensor(details["index"], _as_input(image, uint8)[np.newaxis])
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]


def _input(interpreter: Interpreter) -> dict[str, Any]:
    return interpreter.get_input_details()[0]


def _as_input(image: np.ndarray, uint8: bool) -> np.ndarray:
    top = 1 if image.dtype.kind == "f" else np.iinfo(image.dtype).max
    levels = image.astype(np.float32) * np.float32(255 / top)
    return np.rint(levels).astype(np.uint8) if uint8 else levels


def _as_image(levels: np.ndarray, targets: ImageValues) -> np.ndarray:
    """Returns the output of a model, uint8 or floats in 0..255, with the values of targets."""
    if levels.dtype == np.uint8:
        return targets.from_full_scale(levels)
    if targets == EIGHT_BIT.target:
        return np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return targets.of(targets.dtype).values(np.clip(levels / 255, 0, 1), targets.dtype)
