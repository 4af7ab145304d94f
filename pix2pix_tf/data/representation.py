"""How a picture becomes what a network sees, and back: in training, translating and export.
Written in TensorFlow operations, so that an exported graph carries them.
"""

from __future__ import annotations

import tensorflow as tf


def encode(image: tf.Tensor) -> tf.Tensor:
    """Scales integers by their type's range to [-1, 1]: 255 of uint8 and 65535 of uint16 are 1."""
    return tf.cast(image, tf.float32) / (image.dtype.max / 2) - 1.0


def decode(prediction: tf.Tensor) -> tf.Tensor:
    """Turns [-1, 1] into uint8: rounds to the nearest grey level and clips what lies outside."""
    levels = tf.round((tf.cast(prediction, tf.float32) + 1.0) * 127.5)
    return tf.cast(tf.clip_by_value(levels, 0.0, 255.0), tf.uint8)
