"""The tf.data pipeline of training: pairs by number, decoded in parallel, jittered, batched.

Image number i of a training (counted over all epochs) is at place i mod N of epoch i div N; the
order of an epoch, the jitter and the dropout mask of an image are functions of the seed and these
numbers alone. So training resumes at any step by starting to count there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.augment import jitter, random_crop
from pix2pix_tf.data.derived.derivation import derivation
from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.data.representation import encode, representation

Batch = Mapping[str, tf.Tensor]
"""`input` and `target`, float32 [N, H, W, C] in [-1, 1] at `data.crop_size`, and `seed`, int32
[N, 2], from which whatever is random in the update of an image is drawn. `data.direction` says
which side of a pair is which."""

# What a seed is for: folded in, so that no two purposes share their randomness.
_JITTER, _DROPOUT, _TARGET_JITTER = 1, 2, 3
_TARGET_ORDER = 1  # beside seed and epoch: the target's order where sides are not paired


@dataclass(frozen=True)
class DataNeeds:
    """What a method needs of the training data.

    Attributes:
        paired: Whether input and target of a batch show the same. If not, each side has an order,
            a crop and a mirroring of its own.
        batches_per_update: How many batches of `training.batch_size` one update takes.
    """

    paired: bool = True
    batches_per_update: int = 1


def images_per_update(config: Config, needs: DataNeeds) -> int:
    """Images of each side that one update takes."""
    return config.training.batch_size * needs.batches_per_update


@dataclass(frozen=True)
class Shares:
    """Which replicas' shares of all batches one pipeline makes.

    Attributes:
        replicas: Numbers of this worker's replicas among those of all workers.
        num_replicas: Replicas of all workers.
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
    """The batches of training steps `first_step` .. `total_steps` - 1, or some replicas' shares.

    Each is a `Batch` of `images_per_update` images. Every pair comes once an epoch, in an order
    of that epoch's own; an epoch's last batch goes on into the next epoch.

    Where several replicas split the batches, the shares of `shares.replicas` come one after
    another, each of `images_per_update` / `num_replicas` images. A replica's share follows from its
    number alone, and of each batch of an update it has the same part: together they see what one
    would.
    """
    count = images_per_update(config, needs) // shares.num_replicas
    turns = count * len(shares.replicas)
    places = tf.data.Dataset.range(first_step * turns, total_steps * turns)
    numbers = places.map(_numbering(config.training.batch_size, needs.batches_per_update, shares))
    images = numbers.map(_loader(pairs, config, needs), num_parallel_calls=tf.data.AUTOTUNE)
    return images.batch(count, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def _numbering(batch_size: int, batches: int, shares: Shares) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function from a place in the order of the shares to the image's number.

    Args:
        batch_size: Images of a batch, over all replicas.
        batches: Batches of an update.
        shares: The replicas.
    """
    share = batch_size // shares.num_replicas

    def number(place: tf.Tensor) -> tf.Tensor:
        part, image = place // share, place % share
        turn, batch = part // batches, part % batches
        step = turn // len(shares.replicas)
        replica = turn % len(shares.replicas) + shares.replicas.start
        return (step * batches + batch) * batch_size + replica * share + image

    return number


def _loader(
    pairs: Pairs, config: Config, needs: DataNeeds
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """A function from an image's number to what a batch has of it."""
    data, channels = config.data, config.data.image_channels
    sides, derived = representation(data.representation), derivation(config)
    read = _reader(pairs, config.training.seed, needs.paired)

    def mask(photo: np.ndarray, number: np.int64) -> np.ndarray:
        assert derived is not None  # only called where inputs are masked
        return derived.input_of_crop(photo, int(number))

    def load(number: tf.Tensor) -> dict[str, tf.Tensor]:
        image, target = tf.numpy_function(read, [number], [pairs.dtype] * 2, stateful=False)
        image.set_shape([*pairs.size, channels[0]])
        target.set_shape([*pairs.size, channels[1]])
        seed = tf.stack([config.training.seed, tf.cast(number, tf.int32)])
        if needs.paired:
            image, target = jitter(image, target, data.crop_size, data.mirror, _fold(seed, _JITTER))
        else:
            cut = functools.partial(random_crop, size=data.crop_size, mirror=data.mirror)
            image = cut(image, seed=_fold(seed, _JITTER))
            target = cut(target, seed=_fold(seed, _TARGET_JITTER))
        if derived is not None and derived.masks:  # of the crop: its middle, or anywhere
            image = tf.numpy_function(mask, [image, number], pairs.dtype, stateful=False)
        image.set_shape([*data.crop_size, channels[0]])
        target.set_shape([*data.crop_size, channels[1]])
        return {
            "input": sides.to_input(encode(image)),
            "target": sides.to_target(encode(target)),
            "seed": _fold(seed, _DROPOUT),
        }

    return load


def _reader(
    pairs: Pairs, seed: int, paired: bool
) -> Callable[[np.int64], tuple[np.ndarray, np.ndarray]]:
    """A function from an image's number to input and target, as files hold them."""
    count = len(pairs)
    order = epoch_orders(count, seed)
    target_order = order if paired else epoch_orders(count, seed, _TARGET_ORDER)

    def read(number: np.int64) -> tuple[np.ndarray, np.ndarray]:
        epoch, place = divmod(int(number), count)
        pair = pairs[order(epoch)[place]]
        return pair if paired else (pair[0], pairs[target_order(epoch)[place]][1])

    return read


def epoch_orders(count: int, seed: int, *purpose: int) -> Callable[[int], np.ndarray]:
    """A function from an epoch's number to its order: a permutation of range(count) of its own.

    Args:
        count: How many images an epoch has.
        seed: The training's seed.
        purpose: Numbers that tell one order of an epoch from another.
    """

    @functools.lru_cache(maxsize=2)  # parallel reads straddle two epochs at most
    def order(epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, epoch, *purpose]).permutation(count)

    return order


def _fold(seed: tf.Tensor, purpose: int) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(seed, purpose)
