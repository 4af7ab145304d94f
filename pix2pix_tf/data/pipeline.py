"""The tf.data pipeline of training: it decodes pairs in parallel, augments and batches them.

Of N pairs, image number i of a training (counted over all epochs) is at position i mod N of epoch
i div N. The order of an epoch, the augmentation and the dropout mask of an image depend only on the
seed and these numbers, so that training can resume at any step by starting to count there. So does
the pair in the place of one that is bad, where that is found only while training goes on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.augment import crop_window, geometric_draws, orient, vary_values
from pix2pix_tf.data.derived.derivation import derivation
from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.data.representation import encode, representation
from pix2pix_tf.data.source import Pair

Batch = Mapping[str, tf.Tensor]
"""`input` and `target`, float32 [N, H, W, C] in [-1, 1] at `data.crop_size`, and `seed`, int32
[N, 2], the seed of all randomness in the update of an image. `data.direction` decides which side of
a pair is the input."""

# Purposes of a seed, folded into it so that different purposes have independent randomness.
_JITTER, _DROPOUT, _TARGET_JITTER, _VALUES = range(1, 5)
_TARGET_ORDER = 1  # added to seed and epoch for the order of targets if sides are not paired


@dataclass(frozen=True)
class DataNeeds:
    """Requirements of a method on the training data.

    Attributes:
        paired: Whether input and target of a batch belong to the same pair. If not, each side has
            its own order, crops and other geometric augmentation.
        batches_per_update: The number of batches of `training.batch_size` that one update takes.
    """

    paired: bool = True
    batches_per_update: int = 1


def images_per_update(config: Config, needs: DataNeeds) -> int:
    """Returns the number of images of each side that one update takes."""
    return config.training.batch_size * needs.batches_per_update


@dataclass(frozen=True)
class Shares:
    """The replicas whose shares of all batches one pipeline produces.

    Attributes:
        replicas: The numbers of this worker's replicas among those of all workers.
        num_replicas: The number of replicas of all workers.
    """

    replicas: range = range(1)
    num_replicas: int = 1


PAIRED = DataNeeds()
_WHOLE_BATCHES = Shares()


def training_batches(
    pairs: Pairs,
    config: Config,
    first_step: int,
    total_steps: int,
    needs: DataNeeds = PAIRED,
    shares: Shares = _WHOLE_BATCHES,
) -> tf.data.Dataset:
    """Returns the batches of training steps `first_step` .. `total_steps` - 1.

    Each is a `Batch` of `images_per_update` images. Every pair occurs once per epoch, and each
    epoch has its own order; the last batch of an epoch continues into the next epoch.

    If several replicas divide the batches, the dataset yields the shares of `shares.replicas` one
    after another, each of `images_per_update` / `num_replicas` images. A replica's share depends
    only on its number and is the same part of each batch of an update, so that all replicas
    together process the same images as a single one would.

    Args:
        pairs: The training pairs.
        config: The config of the run.
        first_step: The number of the first step.
        total_steps: The number of steps of the whole training.
        needs: The requirements of the method.
        shares: The replicas whose shares are produced; by default one replica with whole batches.

    Returns:
        A dataset of `Batch`.
    """
    count = images_per_update(config, needs) // shares.num_replicas
    per_step = count * len(shares.replicas)
    positions = tf.data.Dataset.range(first_step * per_step, total_steps * per_step)
    numbers = positions.map(
        _numbering(config.training.batch_size, needs.batches_per_update, shares)
    )
    images = numbers.map(_loader(pairs, config, needs), num_parallel_calls=tf.data.AUTOTUNE)
    return images.batch(count, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def _numbering(batch_size: int, batches: int, shares: Shares) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns a function from a position in the order of the shares to the image's number.

    Args:
        batch_size: The number of images of a batch, over all replicas.
        batches: The number of batches of an update.
        shares: The replicas.
    """
    share = batch_size // shares.num_replicas

    def number(position: tf.Tensor) -> tf.Tensor:
        part, image = position // share, position % share
        replica_step, batch = part // batches, part % batches
        step = replica_step // len(shares.replicas)
        replica = replica_step % len(shares.replicas) + shares.replicas.start
        return (step * batches + batch) * batch_size + replica * share + image

    return number


def _loader(
    pairs: Pairs, config: Config, needs: DataNeeds
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Returns a function from an image's number to its entry in a batch."""
    data, channels, values = config.data, config.data.image_channels, pairs.values
    sides, derived = representation(data.representation), derivation(config)
    read = _reader(pairs, config, needs.paired)

    def mask(photo: np.ndarray, number: np.int64) -> np.ndarray:
        assert derived is not None  # only called where inputs are masked
        return derived.input_of_crop(photo, int(number))

    def load(number: tf.Tensor) -> dict[str, tf.Tensor]:
        seed = tf.stack([config.training.seed, tf.cast(number, tf.int32)])
        draws = geometric_draws(_fold(seed, _JITTER))
        target_draws = draws if needs.paired else geometric_draws(_fold(seed, _TARGET_JITTER))
        dtypes = [values.input.dtype, values.target.dtype]
        image, target = tf.numpy_function(
            read, [number, draws, target_draws], dtypes, stateful=False
        )
        image.set_shape([*data.crop_size, channels[0]])
        target.set_shape([*data.crop_size, channels[1]])
        image = orient(image, draws, data.augment)
        target = orient(target, target_draws, data.augment)
        if derived is not None and derived.masks:  # holes are placed relative to the crop
            image = tf.numpy_function(mask, [image, number], values.input.dtype, stateful=False)
        image.set_shape([*data.crop_size, channels[0]])
        target.set_shape([*data.crop_size, channels[1]])
        encoded = vary_values(encode(image, values.input), data.augment, _fold(seed, _VALUES))
        return {
            "input": sides.to_input(encoded),
            "target": sides.to_target(encode(target, values.target)),
            "seed": _fold(seed, _DROPOUT),
        }

    return load


def _reader(pairs: Pairs, config: Config, paired: bool) -> Callable[..., Pair]:
    """Returns a function from an image's number and draws of both sides to their crops."""
    count, seed, data = len(pairs), config.training.seed, config.data
    order = epoch_orders(count, seed)
    target_order = order if paired else epoch_orders(count, seed, _TARGET_ORDER)

    def crop(index: int, draws: np.ndarray) -> Pair:
        return pairs.crop(
            index,
            lambda size: crop_window(draws, data.augment, size, data.crop_size),
            data.crop_size,
        )

    def read(number: np.int64, draws: np.ndarray, target_draws: np.ndarray) -> Pair:
        epoch, position = divmod(int(number), count)
        pair = crop(usable(order(epoch)[position], number), draws)
        if paired:
            return pair
        other = usable(target_order(epoch)[position], number, _TARGET_ORDER)
        return pair[0], crop(other, target_draws)[1]

    def usable(index: np.int64, number: np.int64, *purpose: int) -> int:
        return pairs.sound_index(int(index), seed, int(number), *purpose)

    return read


def epoch_orders(count: int, seed: int, *purpose: int) -> Callable[[int], np.ndarray]:
    """Returns a function from an epoch's number to the order of its images.

    Args:
        count: The number of images of an epoch.
        seed: The seed of the training.
        purpose: Numbers that distinguish several orders of the same epoch.

    Returns:
        A function that returns a permutation of range(count), int64 [count].
    """

    @functools.lru_cache(maxsize=2)  # parallel reads belong to two epochs at most
    def order(epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, epoch, *purpose]).permutation(count)

    return order


def _fold(seed: tf.Tensor, purpose: int) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(seed, purpose)
