"""A trained segmenter: a function from photos to classes."""

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
    """A trained FCN-8s (section 4.1): a function from photos to the class of every pixel.

    Attributes:
        folder: The folder it was loaded from.
        palette: The classes and their colours in label images.
        config: The config it was trained with.

    Example:
        >>> from pix2pix_tf import Segmenter
        >>> segmenter = Segmenter("segmenters/sample")
        >>> classes = segmenter(np.zeros((40, 50, 3), np.uint8))  # any height and width
        >>> classes.shape, classes.dtype
        ((40, 50), dtype('uint8'))
        >>> segmenter.palette.classes[:2]
        ('residential ground', 'commercial ground')
    """

    def __init__(self, folder: str | Path) -> None:
        """Loads a segmenter.

        Args:
            folder: Folder of the segmenter, made by `train_segmenter`.

        Raises:
            UserError: The folder does not exist or holds no segmenter, the segmenter was made by
                another version, or its weights are damaged.
        """
        self.folder = SegmenterFolder(Path(folder))
        self.config: SegmenterConfig
        self.palette: Palette
        self.config, self.palette = self.folder.load_config()
        model = build_segmenter(self.config, self.palette)
        self.folder.load_weights(model)
        self._classify = compile_segmentation(model)

    def __call__(self, photo: np.ndarray) -> np.ndarray:
        """Classifies every pixel of a photo.

        The photo is not resized: it is padded by reflection to a multiple of 32, and the classes
        are cropped back.

        Args:
            photo: uint8 [H, W, 3].

        Returns:
            Class numbers, uint8 [H, W]: indices into `palette.classes`.

        Raises:
            UserError: The photo has another type or shape.
        """
        photo = np.asarray(photo)
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or 0 in photo.shape:
            raise UserError(
                f"photo: is {photo.dtype} of shape {photo.shape}; expected uint8 [H, W, 3]"
            )
        return self._classify(tf.constant(photo[np.newaxis])).numpy()[0]


def build_segmenter(config: SegmenterConfig, palette: Palette) -> keras.Model:
    """Builds the untrained network of a config, for photos whose sides are multiples of 32."""
    return build_fcn8s(
        (None, None),
        len(palette.classes),
        width=config.segmenter.width,
        head=config.segmenter.head,
        dropout=config.segmenter.dropout,
        seed=config.training.seed,
    )


def compile_segmentation(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """Compiles a network to a function from photos to classes.

    Args:
        model: A network of `build_segmenter`.

    Returns:
        A function from photos, uint8 [N, H, W, 3], to class numbers, uint8 [N, H, W].
    """

    @tf.function(reduce_retracing=True, autograph=False)
    def classify(photos: tf.Tensor) -> tf.Tensor:
        padding = image_padding(photos, MULTIPLE)
        padded = padding.pad(tf.cast(photos, tf.float32))
        classes = tf.argmax(model(padded, training=False), axis=-1)
        return tf.cast(padding.crop(classes), tf.uint8)

    return classify
