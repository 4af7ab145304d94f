"""Edge maps of photographs by a network that the user supplies, applied like the paper's HED.

Holistically-nested edge detection (Xie & Tu 2015) is published as weights for Caffe, which others
have converted or retrained, so that the network is loaded from a file:

    NAME.onnx   run by onnxruntime: pip install 'pix2pix-tf[edges]'
    FOLDER      a SavedModel; its signature serving_default is run

It has one input, float32 [1, 3, H, W] or [1, H, W, 3] of any height and width, and one output,
[1, 1, H, W] or [1, H, W, 1] of the same size in [0, 1], where 1 is an edge: HED's fused map after
its sigmoid. The channels of the input are blue, green and red in 0..255 minus `MEAN`, padded by
reflection by `PADDING` pixels on each side; the padding is cut off from the output.

Shifted maps
    HED pads its first convolution by 35 pixels and crops each side output back to the size of its
    input. If that crop is aligned, as in the authors' own Caffe and in faithful conversions, the
    map lies exactly on the photograph, and `shift` is 0. Later versions of Caffe by default crop
    from the top left corner instead, so that the map lies about 35 pixels further down and right
    (which is why the published script cuts at its border + 35): for a network converted from such
    a version `shift` is 35.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pix2pix_tf.utils.errors import UserError

MEAN = np.array([104.00698793, 116.66876762, 122.67891434])  # blue, green, red
PADDING = 128  # pixels on each side

EdgeNetwork = Callable[[np.ndarray], np.ndarray]

_EXPECTED = (
    "expected is one float32 input [1, 3, H, W] or [1, H, W, 3] of any height and width, and one "
    "output [1, 1, H, W] or [1, H, W, 1]"
)


@dataclass(frozen=True)
class _Port:
    """An input or output as a model declares it; dimensions of any size are None in its shape."""

    name: str
    shape: tuple[int | None, ...] | None
    is_float32: bool


@dataclass(frozen=True)
class _Model:
    """A loaded model: its declared inputs and outputs, and a function that runs it."""

    inputs: list[_Port]
    outputs: list[_Port]
    run: Callable[[np.ndarray], np.ndarray]


def load_edge_network(path: str | Path, shift: int = 0) -> EdgeNetwork:
    """Load an edge network of the form that the module describes.

    Args:
        path: An .onnx file or the folder of a SavedModel.
        shift: The number of pixels by which the network's map lies too far down and right, 0 to
            `PADDING`.

    Returns:
        A function from a photograph, uint8 [H, W, 3], to its edge map, float32 [H, W] in [0, 1].
        It raises `UserError` if the network fails or its output is not an edge map.

    Raises:
        UserError: The file does not exist, cannot be loaded or is not such a network, or
            onnxruntime is not installed.
    """
    path = Path(path)
    if not 0 <= shift <= PADDING:
        raise UserError(f"The shift of an edge network is {shift}; expected is 0 to {PADDING}.")
    model = _load(path)
    channels_first = _check_declared(model, path)

    def edge_map(photo: np.ndarray) -> np.ndarray:
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
            raise ValueError(f"edge networks take uint8 [H, W, 3], not {photo.dtype} {photo.shape}")
        batch = prepare(photo)
        size = batch.shape[1:3]
        if channels_first:
            batch = np.ascontiguousarray(batch.transpose(0, 3, 1, 2))
        try:
            output = model.run(batch)
        except Exception as error:  # the two runtimes raise exceptions of any type
            raise UserError(
                f"{path} fails on a photograph padded to {_format_size(size)} (height×width): "
                f"{_reason(error)}. An edge network must take any height and width."
            ) from error
        whole = _check_output(output, size, path)
        first, (height, width) = PADDING + shift, photo.shape[:2]
        return whole[first : first + height, first : first + width]

    return edge_map


def prepare(photo: np.ndarray) -> np.ndarray:
    """Convert a photograph to the input of a network: blue, green, red minus `MEAN`, padded.

    Args:
        photo: uint8 [H, W, 3].

    Returns:
        float32 [1, H + 256, W + 256, 3].
    """
    around = ((PADDING, PADDING), (PADDING, PADDING), (0, 0))
    padded = np.pad(photo, around, "reflect")
    return (padded[np.newaxis, ..., ::-1] - MEAN).astype(np.float32)


def _load(path: Path) -> _Model:
    if path.suffix.lower() == ".onnx" and path.is_file():
        return _load_onnx(path)
    if (path / "saved_model.pb").is_file():
        return _load_saved_model(path)
    if not path.exists():
        raise UserError(
            f"{path} does not exist: the edge network was expected there, an .onnx file or the "
            "folder of a SavedModel."
        )
    lack = "a folder without saved_model.pb" if path.is_dir() else "not an .onnx file"
    raise UserError(
        f"{path} is {lack}: an edge network is an .onnx file or the folder of a SavedModel."
    )


def _load_onnx(path: Path) -> _Model:
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(
            f"{path} needs onnxruntime, which is not installed: pip install 'pix2pix-tf[edges]'"
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are raised, so that they need not be printed
    providers = ("CUDAExecutionProvider", "CPUExecutionProvider")
    available = [name for name in providers if name in onnxruntime.get_available_providers()]
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=available)
    except Exception as error:  # onnxruntime raises exceptions of any type
        raise UserError(
            f"{path} is not an ONNX model that onnxruntime {onnxruntime.__version__} can load: "
            f"{_reason(error)}."
        ) from error

    def port(declared: Any) -> _Port:
        shape = tuple(n if isinstance(n, int) else None for n in declared.shape)
        return _Port(declared.name, shape or None, declared.type == "tensor(float)")

    inputs, outputs = map(port, session.get_inputs()), map(port, session.get_outputs())
    model_inputs = list(inputs)

    def run(batch: np.ndarray) -> np.ndarray:
        return session.run(None, {model_inputs[0].name: batch})[0]

    return _Model(model_inputs, list(outputs), run)


def _load_saved_model(path: Path) -> _Model:
    import tensorflow as tf  # takes seconds

    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:  # TensorFlow raises exceptions of any type
        raise UserError(
            f"{path} is not a SavedModel that TensorFlow {tf.__version__} can load: "
            f"{_reason(error)}."
        ) from error
    if "serving_default" not in loaded.signatures:
        names = ", ".join(loaded.signatures) or "none"
        raise UserError(
            f"{path} has no signature serving_default (its signatures: {names}): save it with one."
        )
    signature = loaded.signatures["serving_default"]

    def ports(specs: dict[str, Any]) -> list[_Port]:
        return [
            _Port(
                name,
                None if spec.shape.rank is None else tuple(spec.shape.as_list()),
                spec.dtype == tf.float32,
            )
            for name, spec in specs.items()
        ]

    inputs = ports(signature.structured_input_signature[1])

    def run(batch: np.ndarray) -> np.ndarray:
        # `loaded` owns the variables, so that it must live as long as this function.
        answer = loaded.signatures["serving_default"](**{inputs[0].name: tf.constant(batch)})
        return next(iter(answer.values())).numpy()

    return _Model(inputs, ports(signature.structured_outputs), run)


def _check_declared(model: _Model, path: Path) -> bool:
    """Check the declaration of a model; return whether the channels of its input come first."""
    for ports, kind in ((model.inputs, "input"), (model.outputs, "output")):
        if len(ports) != 1:
            names = ", ".join(sorted(port.name for port in ports))  # SavedModels have no order
            raise UserError(f"{path} has {len(ports)} {kind}s ({names}): {_EXPECTED}.")
        if not ports[0].is_float32:
            raise UserError(f"The {kind} {ports[0].name} of {path} is not float32: {_EXPECTED}.")
    model_input, model_output = model.inputs[0], model.outputs[0]
    shape = model_input.shape or ()
    if len(shape) != 4 or 3 not in (shape[1], shape[3]):
        raise UserError(
            f"The input {model_input.name} of {path} has not three channels in second or last "
            f"place (declared shape: {_format_shape(model_input.shape)}): {_EXPECTED}."
        )
    channels_first = shape[1] == 3
    size = shape[2:] if channels_first else shape[1:3]
    if size != (None, None) or shape[0] not in (None, 1):
        raise UserError(
            f"The input {model_input.name} of {path} has a fixed size (declared shape: "
            f"{_format_shape(shape)}): export it with its height and width left open; {_EXPECTED}."
        )
    if model_output.shape is not None and not _may_be_map(model_output.shape):
        raise UserError(
            f"The output {model_output.name} of {path} has not one channel in second or last place "
            f"(declared shape: {_format_shape(model_output.shape)}): {_EXPECTED}."
        )
    return channels_first


def _may_be_map(shape: tuple[int | None, ...]) -> bool:
    """Whether a declared shape allows one channel.

    Padded heights and widths are above 256, so that a smaller dimension must be the channels.
    """
    if len(shape) != 4:
        return False
    candidates = (shape[1], shape[3])
    if 1 in candidates:
        return True
    return None in candidates and all(n is None or n > 2 * PADDING for n in candidates)


def _check_output(output: np.ndarray, size: tuple[int, ...], path: Path) -> np.ndarray:
    """Check the output of a network and return it as an edge map [H, W].

    The shape tells whether channels come first or last, since padded sizes are never 1.
    """
    if output.shape not in ((1, 1, *size), (1, *size, 1)):
        raise UserError(
            f"{path} gives {_format_shape(output.shape)} for a photograph padded to "
            f"{_format_size(size)} (height×width): expected is [1, 1, {size[0]}, {size[1]}], or "
            "the channel last."
        )
    edge_map = np.asarray(output, np.float32).reshape(size)
    low, high = edge_map.min(), edge_map.max()
    if not (low >= -1e-4 and high <= 1 + 1e-4):  # neither holds for NaN
        raise UserError(
            f"{path} gives values from {low:.4g} to {high:.4g}, where 0 to 1 was expected: export "
            "it with its last sigmoid."
        )
    return np.clip(edge_map, 0, 1)


def _format_shape(shape: Sequence[int | None] | None) -> str:
    if shape is None:
        return "none"
    return "[" + ", ".join("?" if n is None else str(n) for n in shape) + "]"


def _format_size(size: Sequence[int]) -> str:
    return "×".join(map(str, size))


def _reason(error: Exception) -> str:
    """Return the line of an error's text that gives the reason.

    TensorFlow writes a heading before it, and the node, indented, after it.
    """
    lines = [line for line in str(error).splitlines() if line.strip() and not line[0].isspace()]
    return lines[-1].rstrip(".") if lines else type(error).__name__
