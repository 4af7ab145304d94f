"""A trained segmenter: from photos to the class of every pixel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pix2pix_tf.inference.padding import image_padding
from pix2pix_tf.segmentation.config import MULTIPLE, SegmenterConfig
from pix2pix_tf.segmentation.folder import SegmenterFolder
from pix2pix_tf.segmentation.network import build_fcn8s
from pix2pix_tf.segmentation.palette import Palette
from pix2pix_tf.utils.errors import UserError


class Segmenter:
    """The network of a segmenter's folder, as a function from photos to classes.

        segmenter = Segmenter("segmenters/cityscapes")
        classes = segmenter(photo)  # uint8 [H, W] of uint8 [H, W, 3], any height and width

    Attributes:
        folder: The folder it was loaded from.
        palette: The classes, and the colours that labels show them in.
        config: What it was trained with.
    """

    def __init__(self, folder: str | Path) -> None:
        """Loads a segmenter.

        Raises:
            UserError: No such folder, no segmenter in it, or damaged weights.
        """
        self.folder = SegmenterFolder(Path(folder))
        self.config: SegmenterConfig
        self.palette: Palette
        self.config, self.palette = self.folder.load_config()
        model = build_segmenter(self.config, self.palette)
        self.folder.load_weights(model)
        self._classify = compile_segmentation(model)

    def __call__(self, photo: np.ndarray) -> np.ndarray:
        """The class of every pixel, uint8 [H, W], of a photo, uint8 [H, W, 3].

        The photo is not resized: it is padded by reflection to a multiple of 32 and cropped back.
        """
        photo = np.asarray(photo)
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or 0 in photo.shape:
            raise UserError(
                f"photo: is {photo.dtype} of shape {photo.shape}; expected uint8 [H, W, 3]"
            )
        return self._classify(tf.constant(photo[np.newaxis])).numpy()[0]


def build_segmenter(config: SegmenterConfig, palette: Palette) -> keras.Model:
    """The network of a config, untrained, for photos of any size that is a multiple of 32."""
    return build_fcn8s(
        (None, None),
        len(palette.classes),
        width=config.segmenter.width,
        head=config.segmenter.head,
        dropout=config.segmenter.dropout,
        seed=config.training.seed,
    )


def compile_segmentation(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """A network as a function from photos, uint8 [N, H, W, 3], to classes, uint8 [N, H, W]."""

    @tf.function(reduce_retracing=True, autograph=False)
    def classify(photos: tf.Tensor) -> tf.Tensor:
        padding = image_padding(photos, MULTIPLE)
        padded = padding.pad(tf.cast(photos, tf.float32))
        classes = tf.argmax(model(padded, training=False), axis=-1)
        return tf.cast(padding.crop(classes), tf.uint8)

    return classify
