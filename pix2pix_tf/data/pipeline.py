"""The tf.data pipeline of training: pairs by number, decoded in parallel, jittered, batched.

Image number i of a training (counted over all epochs) is at place i mod N of epoch i div N; the
order of an epoch, the jitter and the dropout mask of an image are functions of the seed and these
numbers alone. So training resumes at any step by starting to count there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.augment import jitter
from pix2pix_tf.data.derived.derivation import derivation
from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.data.representation import encode, representation

# What a seed is for: folded in, so that the two do not share their randomness.
_JITTER, _DROPOUT = 1, 2


def images_per_step(config: Config) -> int:
    """Pairs one training step consumes: a batch for each of the discriminator's steps."""
    return config.training.batch_size * config.training.discriminator_steps


def training_batches(
    pairs: Pairs,
    config: Config,
    first_step: int,
    total_steps: int,
    replicas: range = range(1),
    of: int = 1,
) -> tf.data.Dataset:
    """The batches of training steps `first_step` .. `total_steps` - 1, or some replicas' shares.

    Each is (input, target, seeds): float32 [N, h, w, C] in [-1, 1] at `data.crop_size`, as the
    networks see them, and the
    dropout seeds, int32 [N, 2]; N is `images_per_step`. Every pair comes once an epoch, in an order
    of that epoch's own; an epoch's last batch goes on into the next epoch.

    Where `of` replicas split the batches, the shares of `replicas`, numbers among them, come one
    after another, each of N / `of` images. A replica's share follows from its number alone, and
    from each of the discriminator's steps it has the same part: together they see what one would.
    """
    count = images_per_step(config) // of
    places = tf.data.Dataset.range(
        first_step * count * len(replicas), total_steps * count * len(replicas)
    )
    numbers = places.map(_numbering(config, replicas, of))
    images = numbers.map(_loader(pairs, config), num_parallel_calls=tf.data.AUTOTUNE)
    return images.batch(count, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def _numbering(config: Config, replicas: range, of: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function from a place in the order of the shares to the image's number."""
    batch, steps = config.training.batch_size, config.training.discriminator_steps
    share = batch // of  # of one of the discriminator's steps

    def number(place: tf.Tensor) -> tf.Tensor:
        part, image = place // share, place % share
        turn, d_step = part // steps, part % steps
        step, replica = turn // len(replicas), turn % len(replicas) + replicas.start
        return (step * steps + d_step) * batch + replica * share + image

    return number


def _loader(pairs: Pairs, config: Config) -> Callable[[tf.Tensor], tuple[tf.Tensor, ...]]:
    order = epoch_orders(len(pairs), config.training.seed)

    def read(number: np.int64) -> tuple[np.ndarray, np.ndarray]:
        epoch, place = divmod(int(number), len(pairs))
        return pairs[order(epoch)[place]]

    data, channels = config.data, config.data.image_channels
    between, derived = representation(data.representation), derivation(config)

    def mask(photo: np.ndarray, number: np.int64) -> np.ndarray:
        assert derived is not None  # only called where inputs are masked
        return derived.input_of_crop(photo, int(number))

    def load(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        image, target = tf.numpy_function(read, [number], [pairs.dtype] * 2, stateful=False)
        image.set_shape([*pairs.size, channels[0]])
        target.set_shape([*pairs.size, channels[1]])
        seed = tf.stack([config.training.seed, tf.cast(number, tf.int32)])
        image, target = jitter(image, target, data.crop_size, data.mirror, _fold(seed, _JITTER))
        if (
            derived is not None and derived.masks
        ):  # of the crop: what is missing lies in its middle, or anywhere
            image = tf.numpy_function(mask, [image, number], pairs.dtype, stateful=False)
        image.set_shape([*data.crop_size, channels[0]])
        target.set_shape([*data.crop_size, channels[1]])
        seen, wanted = between.to_input(encode(image)), between.to_target(encode(target))
        return seen, wanted, _fold(seed, _DROPOUT)

    return load


def epoch_orders(count: int, seed: int) -> Callable[[int], np.ndarray]:
    """A function from an epoch's number to its order: a permutation of range(count) of its own."""

    @functools.lru_cache(maxsize=2)  # parallel reads straddle two epochs at most
    def order(epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, epoch]).permutation(count)

    return order


def _fold(seed: tf.Tensor, purpose: int) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(seed, purpose)
