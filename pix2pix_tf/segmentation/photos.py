"""Labelled photos, and the batches that a segmenter is trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from pix2pix_tf.data.augment import geometric_draws, orient
from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.data.pipeline import epoch_orders
from pix2pix_tf.images.convert import to_8bit
from pix2pix_tf.segmentation.config import SegmenterConfig
from pix2pix_tf.segmentation.labels import label_map
from pix2pix_tf.segmentation.palette import Palette
from pix2pix_tf.utils.errors import UserError

LabelledPhoto = tuple[np.ndarray, np.ndarray]


class LabelledPhotos(Sequence[LabelledPhoto]):
    """A sequence of photos, uint8 [H, W, 3], with their classes, uint8 [H, W], see `label_map`.

    Attributes:
        failure: The error of a read that failed inside a tf.data pipeline, which itself passes on
            only a text.
    """

    def __init__(self, pairs: Pairs, config: SegmenterConfig, palette: Palette) -> None:
        self.failure: UserError | None = None
        self._pairs, self._config, self._palette = pairs, config, palette
        self._kept: dict[int, LabelledPhoto] = {}
        # Kept here, where labels are classes already, and not as pairs too.
        self._keep, pairs.keep = pairs.keep, 0

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> LabelledPhoto:  # type: ignore[override]  # no slices
        photo = self._kept.get(index)
        if photo is None:
            photo = self._load(index)
            if len(self._kept) < self._keep:
                self._kept[index] = photo
        return photo

    def _load(self, index: int) -> LabelledPhoto:
        try:
            index = self._pairs.sound_index(index)
            photo, _ = self._pairs[index]
            classes = label_map(
                *(self._pairs, index, 1, self._palette, self._config.data),
                self._config.label_ids,
            )
        except UserError as error:
            self.failure = error
            raise
        return to_8bit(photo), classes


def steps_per_epoch(photos: LabelledPhotos, config: SegmenterConfig) -> int:
    """Returns the number of batches of an epoch; the last is filled up from the next epoch."""
    return -(-len(photos) // config.training.batch_size)


def training_batches(
    photos: LabelledPhotos, config: SegmenterConfig, first_epoch: int
) -> tf.data.Dataset:
    """Makes the batches from epoch `first_epoch` (counted from 0) to the last.

    The position and augmentation of image number i are functions of the seed and of i alone, so
    that a resumed training gets the same batches as one that was never stopped.

    Args:
        photos: The labelled photos.
        config: The config of the training.
        first_epoch: Number of epochs trained before.

    Returns:
        Batches of photos, float32 [N, h, w, 3] in 0..255, and their classes, uint8 [N, h, w].
    """
    height, width = config.data.crop_size
    count = steps_per_epoch(photos, config) * config.training.batch_size
    order = epoch_orders(len(photos), config.training.seed)

    def read(number: np.int64) -> LabelledPhoto:
        epoch, position = divmod(int(number), len(photos))
        return photos[order(epoch)[position]]

    def load(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        photo, classes = tf.numpy_function(read, [number], [tf.uint8] * 2, stateful=False)
        photo.set_shape([height, width, 3])
        classes.set_shape([height, width])
        draws = geometric_draws(tf.stack([config.training.seed, tf.cast(number, tf.int32)]))
        photo, classes = (
            orient(image, draws, config.data.augment) for image in (photo, classes[..., tf.newaxis])
        )
        return tf.cast(photo, tf.float32), classes[..., 0]

    numbers = tf.data.Dataset.range(first_epoch * count, config.training.epochs * count)
    images = numbers.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    batches = images.batch(config.training.batch_size, drop_remainder=True)
    return batches.prefetch(tf.data.AUTOTUNE)
