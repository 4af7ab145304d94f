"""ONNX models of a generator, for ONNX Runtime and other runtimes.

They map `image`, [N, H, W, C], to `translation`, [N, H, W, D], in the types and with the values of
the files that the run was trained on: uint8 for files of 8 bits, float32 for floats of 32. Batch,
height and width are open, unless a size is given. Dropout is off; models with dropout have a second
input, `seed`, int32 [N], and translate as `translate --seed`. Each image is normalised by its own
statistics, so that batches do not change the results.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from pix2pix_tf.config.schema import format_range
from pix2pix_tf.exporters.parity import EXACT, Limit, Translate, Variant
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.models.philox import portable_random_bits
from pix2pix_tf.models.subpixel import subpixel_convolutions
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.version import __version__

if TYPE_CHECKING:
    import onnx

LIMITS = {
    "float32": EXACT,
    "float16": Limit(max_error=2, ssim=0.99),  # of weights that are rounded
    "int8": Limit(max_error=None, ssim=0.95),
}
PRECISIONS = tuple(LIMITS)
OPSETS = range(13, 19)  # 13 quantises by channel; tf2onnx 1.17 writes up to 18
DEFAULT_OPSET = 15  # read by runtimes of 2021 and later, such as Unity's
SEED_OPSET = 18  # the first one with the bitwise operations that draw dropout masks

_CONVOLUTIONS = ("Conv", "ConvTranspose")
# Convolutions that stay in float with precision int8. No norm follows them, so that errors of the
# first reach all layers, and those of the last the image.
_FLOAT_CONVOLUTIONS = re.compile(r"/(encoder_1|output)(_\d+)?/")


@dataclass(frozen=True)
class OnnxForm:
    """The form of an ONNX model.

    Attributes:
        precision: `float32`; `float16`: the weights of convolutions have half the size, everything
            is computed in float32; `int8`: convolutions are computed in 8 bits, calibrated.
        size: Height and width of the images in pixels, any; None leaves them open.
        opset: Version of the ONNX operators.
        dropout: Whether dropout is on, with seeds from an input `seed`.
    """

    precision: str = "float32"
    size: tuple[int, int] | None = None
    opset: int = DEFAULT_OPSET
    dropout: bool = False


def check_libraries() -> None:
    """Checks that the libraries of the extra `onnx` are installed.

    Raises:
        UserError: One is not; the error says how to install it.
    """
    missing = [name for name in ("tf2onnx", "onnx", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise UserError(
            f"format onnx: these libraries are not installed: {', '.join(missing)}; pip install "
            "'pix2pix-tf[onnx]'"
        )


def convert_to_onnx(
    translator: Translator, form: OnnxForm, calibration: Callable[[], Iterable[np.ndarray]]
) -> bytes:
    """Converts the generator of a translation to ONNX.

    Args:
        translator: The translation of a run.
        form: The form of the model.
        calibration: Returns typical inputs of the form's size, [H, W, C]; called for `int8` only.

    Returns:
        The content of the ONNX file.

    Raises:
        UserError: The generator has operations that the opset lacks.
    """
    model = _convert(translator, form)
    if form.precision == "float16":
        _halve_weights(model)
    elif form.precision == "int8":
        model = _quantised(model, lambda: (_feed(translator, form, x) for x in calibration()))
    _describe(model, translator, form)
    return model.SerializeToString()


def _convert(translator: Translator, form: OnnxForm) -> onnx.ModelProto:
    # Imported here because they belong to an extra.
    import onnx
    import tf2onnx

    translation = translator.translation
    shape = [None, *(form.size or (None, None)), translation.translation.channels[0]]
    signature = [tf.TensorSpec(shape, translation.values.input.dtype, "image")]
    if form.dropout:
        signature.append(tf.TensorSpec([None], tf.int32, "seed"))

    @tf.function(input_signature=signature, autograph=False)
    def translate(image: tf.Tensor, seed: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        seeds = None if seed is None else tf.stack([seed, tf.zeros_like(seed)], axis=1)
        with ExitStack() as scopes:
            if form.dropout:
                scopes.enter_context(portable_random_bits())
            # ONNX Runtime has transposed convolutions, but none of 8 bits.
            if form.precision == "int8":
                scopes.enter_context(subpixel_convolutions())
            return {"translation": translation.translate_values(image, seeds)}

    model, _ = tf2onnx.convert.from_function(translate, signature, opset=form.opset)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        # tf2onnx only logs operations that it cannot convert.
        raise UserError(
            f"opset {form.opset}: lacks an operation of this run's generator "
            f"({str(error).splitlines()[0]}); a larger --opset may have it, up to {OPSETS[-1]}"
        ) from error
    return model


def _halve_weights(model: onnx.ModelProto) -> None:
    """Stores the weights of convolutions as float16, with a cast to float32 behind each.

    Runtimes make the casts when they load a model. The converters of onnxruntime and of
    onnxconverter-common would compute in float16 too, which rounds activations, and write invalid
    models of these graphs: several nodes of one name.
    """
    from onnx import TensorProto, helper, numpy_helper

    weights = {node.input[1] for node in model.graph.node if node.op_type in _CONVOLUTIONS}
    casts = []
    for tensor in model.graph.initializer:
        if tensor.name not in weights:
            continue
        name, half = tensor.name, f"{tensor.name}_float16"
        values = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(values, half))
        casts.append(helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT, name=half))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _quantised(
    model: onnx.ModelProto, samples: Callable[[], Iterable[Mapping[str, np.ndarray]]]
) -> onnx.ModelProto:
    """Returns the model with convolutions in 8 bits, calibrated by the samples."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._samples = iter(samples())

        def get_next(self) -> dict[str, np.ndarray] | None:
            sample = next(self._samples, None)
            return None if sample is None else dict(sample)

    names = [node.name for node in model.graph.node if node.op_type == "Conv"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "int8.onnx"
        quantize_static(
            model,
            file,
            Reader(),
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=[name for name in names if _FLOAT_CONVOLUTIONS.search(name)],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return onnx.load(file)


def _describe(model: onnx.ModelProto, translator: Translator, form: OnnxForm) -> None:
    """Names the open axes, and writes what the model is into its metadata."""
    from onnx import helper

    axes = ("batch", "height", "width")
    for value in (*model.graph.input, *model.graph.output):
        for axis, dimension in zip(axes, value.type.tensor_type.shape.dim, strict=False):
            if not dimension.HasField("dim_value"):
                dimension.dim_param = axis
    del model.graph.value_info[:]  # shapes in terms of other names; runtimes infer them
    data = translator.config.data
    properties = {
        "pix2pix_tf": __version__,
        "direction": translator.direction,
        "step": translator.step,
        "precision": form.precision,
        "fingerprint": translator.fingerprint,
        "input_range": format_range(data.input_range),
        "target_range": format_range(data.target_range),
    }
    helper.set_model_props(model, {name: str(value) for name, value in properties.items()})


_SEED = 1  # of the comparison


def _feed(translator: Translator, form: OnnxForm, *images: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the inputs of a model for images of one size, [H, W, C]."""
    feed = {"image": np.stack([translator.values.input.unify(image) for image in images])}
    if form.dropout:
        feed["seed"] = np.full(len(images), _SEED, np.int32)
    return feed


def onnx_variants(translator: Translator, model: bytes, form: OnnxForm) -> list[Variant]:
    """Returns the variants of an ONNX model, run by ONNX Runtime on the CPU.

    Args:
        translator: The translation to compare with.
        model: The content of the ONNX file.
        form: The form of the model.

    Returns:
        Each image by itself; in a batch behind another one; and, if height and width are open, a
        part of it that has other, odd sides.
    """
    session = _session(model)
    inputs, targets = translator.values.input, translator.values.target

    def run(*images: np.ndarray) -> np.ndarray:
        (outputs,) = session.run(["translation"], _feed(translator, form, *images))
        return outputs[-1]

    def reference(image: np.ndarray) -> np.ndarray:
        image = inputs.unify(image)
        return translator(image, dropout=form.dropout, seed=_SEED)

    def variant(name: str, exported: Translate, reference: Translate) -> Variant:
        limit = LIMITS[form.precision].for_values(targets)
        return Variant(name, exported, reference, limit, targets)

    variants = [
        variant("image", run, reference),
        variant("batch of 2", lambda image: run(image[::-1], image), reference),
    ]
    if form.size is None:
        variants.append(
            variant("odd size", lambda image: run(_part(image)), lambda x: reference(_part(x)))
        )
    return variants


def _session(model: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _part(image: np.ndarray) -> np.ndarray:
    """Returns the upper left part of an image, 3/4 of its height and 5/8 of its width, both odd."""
    height, width = image.shape[:2]
    return image[: height * 3 // 4 | 1, : width * 5 // 8 | 1]
