"""TFLite models of a generator, without dropout, for one image at a time.

They have one signature, `serving_default`, which maps `images`, [1, H, W, C], to `images`,
[1, H, W, D]. Both are float32 with the numbers of the files that the run was trained on: 0 to 255
for 8 bits, 0 to 65535 for 16, and those of `data.input_range` and `data.target_range` (inputs
outside are clipped, outputs are not rounded). With `uint8` both are uint8, whose 0 and 255 stand
for the smallest and the largest of these numbers. No operation needs Flex.
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

from pix2pix_tf.data.representation import decode, decode_floats, encode, encode_floats
from pix2pix_tf.exporters.parity import EXACT, Limit, Variant
from pix2pix_tf.images.convert import to_8bit, to_dtype
from pix2pix_tf.images.value_range import ImageValues
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
    *("MEAN", "SQUARED_DIFFERENCE", "RSQRT", "ADD", "SUB", "MUL", "DIV", "MINIMUM", "MAXIMUM"),
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
        inputs, dtype = translator.values.input, np.uint8 if uint8 else np.float32
        for image in calibration():
            yield [_as_input(image, inputs, uint8).astype(dtype)[np.newaxis]]

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
    values = translator.values
    dtype = tf.uint8 if uint8 else tf.float32
    specification = tf.TensorSpec([1, *(size or (None, None)), channels], dtype, "images")

    @tf.function(input_signature=[specification], autograph=False)
    def translate(images: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels = encode(images) if uint8 else encode_floats(images, values.input)
        with subpixel_convolutions():
            output = translator.translation(pixels, None)
        return {"images": decode(output) if uint8 else decode_floats(output, values.target)}

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

    uint8 = _input(interpreter)["dtype"] == np.uint8

    def exported(image: np.ndarray) -> np.ndarray:
        if size is None and resized[-1:] != [image.shape]:
            resized.append(image.shape)
            interpreter.resize_tensor_input(_input(interpreter)["index"], [1, *image.shape])
        return _as_image(run_tflite(interpreter, _as_input(image, inputs, uint8)), targets)

    def reference(image: np.ndarray) -> np.ndarray:
        image = inputs.unify(image)
        if uint8:
            image = inputs.from_full_scale(to_8bit(inputs.full_scale(image)))
        return translator(image, dropout=False)

    return Variant(name, exported, reference, limit.for_values(targets), targets)


def run_tflite(interpreter: Interpreter, image: np.ndarray) -> np.ndarray:
    """Translates one image with a TFLite interpreter.

    Args:
        interpreter: The interpreter.
        image: [H, W, C] of the size of the interpreter's input, with the numbers that the model
            takes.

    Returns:
        [H, W, D], uint8 or float32 like the model.
    """
    interpreter.allocate_tensors()
    details = _input(interpreter)
    interpreter.set_tensor(details["index"], image[np.newaxis].astype(details["dtype"]))
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]


def _input(interpreter: Interpreter) -> dict[str, Any]:
    return interpreter.get_input_details()[0]


def _as_input(image: np.ndarray, inputs: ImageValues, uint8: bool) -> np.ndarray:
    """Returns an image of the run with the numbers that a model takes."""
    image = inputs.unify(image)
    return to_8bit(inputs.full_scale(image)) if uint8 else image


def _as_image(output: np.ndarray, targets: ImageValues) -> np.ndarray:
    """Returns the output of a model as an image of the run's targets."""
    if output.dtype == np.uint8:
        return targets.from_full_scale(output)
    span = targets.of(targets.dtype)
    return to_dtype(np.clip(output.astype(np.float64), span.low, span.high), targets.dtype)
