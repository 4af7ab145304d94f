"""Warm-up requests for TensorFlow Serving, which a server runs before it serves a model.

The file holds `PredictionLog` messages. Their dozen fields are encoded here, so that an export does
not need the package `tensorflow-serving-api`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

WARMUP = Path("assets.extra") / "tf_serving_warmup_requests"  # within a SavedModel


def write_warmup(path: Path, name: str, inputs: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes one request to each signature of a model.

    Args:
        path: The file; its folder is created.
        name: Name of the model.
        inputs: For each signature, the values of its inputs by name.
    """
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, tensors in inputs.items():
            writer.write(_prediction_log(name, signature, tensors))


def _prediction_log(name: str, signature: str, tensors: Mapping[str, Any]) -> bytes:
    """Returns a serialized `PredictionLog` with one `PredictRequest`."""
    model_spec = _field(1, name.encode()) + _field(3, signature.encode())
    entries = [
        _field(1, key.encode()) + _field(2, tf.make_tensor_proto(value).SerializeToString())
        for key, value in tensors.items()
    ]
    request = _field(1, model_spec) + b"".join(_field(2, entry) for entry in entries)
    return _field(6, _field(1, request))  # field `request` of the message in `predict_log`


def _field(number: int, content: bytes) -> bytes:
    """Returns a length-delimited field of a protocol buffer: tag, length and content."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Returns an unsigned number in groups of 7 bits, the lowest first, all but the last marked."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
