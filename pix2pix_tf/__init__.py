"""Image-to-image translation with conditional adversarial networks: pix2pix in TensorFlow.

What the commands call, in Python:

    >>> from pix2pix_tf import Translator, export, load_config, train
    >>> train(load_config("sample.yaml"), "runs/city")
    data: sample...
    >>> photo = Translator("runs/city")(np.zeros((32, 32, 3), np.uint8))  # a street map
    >>> photo.shape, photo.dtype
    ((32, 32, 3), dtype('uint8'))
    >>> report = export("runs/city", "tflite", "phone")
"""

from __future__ import annotations

import importlib
from typing import Any

from pix2pix_tf.version import __version__

# Imported on first use: TensorFlow takes seconds, and not everything here needs it.
_PLACES = {
    "Config": "pix2pix_tf.config.schema",
    "Evaluation": "pix2pix_tf.evaluation.result",
    "Exported": "pix2pix_tf.exporters",
    "Parity": "pix2pix_tf.exporters",
    "Segmenter": "pix2pix_tf.segmentation.segmenter",
    "TrainingResult": "pix2pix_tf.training",
    "Translator": "pix2pix_tf.inference.translator",
    "UserError": "pix2pix_tf.utils.errors",
    "MetricRequest": "pix2pix_tf.evaluation.request",
    "evaluate": "pix2pix_tf.evaluation.evaluate",
    "evaluate_folders": "pix2pix_tf.evaluation.evaluate",
    "export": "pix2pix_tf.exporters",
    "load_config": "pix2pix_tf.config.schema",
    "train": "pix2pix_tf.training",
    "train_segmenter": "pix2pix_tf.segmentation.training",
}

__all__ = [
    "Config",
    "Evaluation",
    "Exported",
    "MetricRequest",
    "Parity",
    "Segmenter",
    "TrainingResult",
    "Translator",
    "UserError",
    "__version__",
    "evaluate",
    "evaluate_folders",
    "export",
    "load_config",
    "train",
    "train_segmenter",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'pix2pix_tf' has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)
