"""Exports of a run's generator: SavedModel, TFLite model, ONNX model and web page."""

from pix2pix_tf.exporters.exporting import FORMATS, Exported, export
from pix2pix_tf.exporters.parity import Parity
from pix2pix_tf.exporters.tflite import PRECISIONS

__all__ = ["FORMATS", "PRECISIONS", "Exported", "Parity", "export"]
