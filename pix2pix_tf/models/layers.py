"""The two layers Keras does not have: normalisation by batch statistics, and seeded dropout.

Both depend on how a network is called rather than on how it was built, so that one functional model
serves training, validation and export: `batch_groups` tells the normalisation that its batch is
several batches in a row, `dropout_seeds` gives the dropout its randomness. Both are dynamic scopes,
like `tf.name_scope`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
import tensorflow as tf

EPSILON = 1e-5  # of the published programs; Keras' default is 1e-3

_groups: ContextVar[int] = ContextVar("groups", default=1)
_seeds: ContextVar[tf.Tensor | None] = ContextVar("seeds", default=None)


@contextmanager
def batch_groups(count: int) -> Iterator[None]:
    """Within it, a batch is `count` equal batches in a row, each normalised by its own statistics.

    Real and fake pairs can so go through the discriminator in one pass with the numbers of two.
    """
    token = _groups.set(count)
    try:
        yield
    finally:
        _groups.reset(token)


@contextmanager
def dropout_seeds(seeds: tf.Tensor) -> Iterator[None]:
    """Within it, `SeededDropout` is active, each image's mask being a function of its seed alone.

    Args:
        seeds: int32 [N, 2], one seed an image. The same seed gives the same mask in whatever batch,
            order or replica.
    """
    token = _seeds.set(seeds)
    try:
        yield
    finally:
        _seeds.reset(token)


@keras.saving.register_keras_serializable("pix2pix_tf")
class BatchStatisticsNorm(keras.layers.Layer):
    """Batch normalisation that never keeps running averages (paper, section 3.3 and appendix 6.1).

    In training, each channel is normalised by the mean and variance of the batch, over all
    replicas; otherwise (`training=False`) by those of each image by itself, so that a picture's
    translation cannot depend on its neighbours in a batch. At batch size 1 the two are the same.
    Scale and offset are learnt.

    Input and output: float [N, H, W, C].

    Args:
        epsilon: Added to the variance.
        seed: Of the initial scale, drawn from N(1, 0.02).
    """

    def __init__(self, epsilon: float = EPSILON, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.seed = seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = input_shape[-1]
        if channels is None:
            raise ValueError(
                f"The number of channels must be known, received input_shape={input_shape}"
            )
        scale_initializer = keras.initializers.RandomNormal(1.0, 0.02, seed=self.seed)
        self.scale = self.add_weight(shape=(channels,), initializer=scale_initializer, name="scale")
        self.offset = self.add_weight(shape=(channels,), initializer="zeros", name="offset")

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if not training:
            return self._normalise(x, *tf.nn.moments(x, [1, 2], keepdims=True))
        groups = [
            self._normalise(group, *_batch_moments(group)) for group in tf.split(x, _groups.get())
        ]
        return groups[0] if len(groups) == 1 else tf.concat(groups, 0)

    def _normalise(self, x: tf.Tensor, mean: tf.Tensor, variance: tf.Tensor) -> tf.Tensor:
        # (x - mean) first: where one pixel is its own mean the result is the offset, exactly.
        return (x - mean) * (tf.math.rsqrt(variance + self.epsilon) * self.scale) + self.offset

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon, "seed": self.seed}


def _batch_moments(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and variance, [1, 1, 1, C], of the batch of all replicas together."""
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return tf.nn.moments(x, [0, 1, 2], keepdims=True)
    replica = tf.distribute.get_replica_context()
    # Replicas have equal shares of the batch, so means average.
    mean = replica.all_reduce("MEAN", tf.reduce_mean(x, [0, 1, 2], keepdims=True))
    # The gradient through this mean is zero over the whole batch, as in tf.nn.moments.
    deviation = tf.math.squared_difference(x, tf.stop_gradient(mean))
    variance = replica.all_reduce("MEAN", tf.reduce_mean(deviation, [0, 1, 2], keepdims=True))
    return mean, variance


@keras.saving.register_keras_serializable("pix2pix_tf")
class SeededDropout(keras.layers.Layer):
    """Dropout whose masks follow from each image's seed: the noise z of the paper's section 3.1.

    Active within `dropout_seeds`, in training and when translating alike, as the paper applies it.
    Without seeds it behaves as Keras' own: fresh random masks when `training` is true, else
    nothing.

    Args:
        rate: Share of the activations set to zero; the others are scaled by 1 / (1 - rate).
        index: Folded into the seeds, so that every layer has masks of its own.
    """

    def __init__(self, rate: float, index: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"The rate must be in [0, 1), received rate={rate}")
        self.rate = rate
        self.index = index

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        seeds = _seeds.get()
        if seeds is None:
            if not training:
                return x
            seeds = tf.random.uniform([tf.shape(x)[0], 2], maxval=2**31 - 1, dtype=tf.int32)
        shape = tf.shape(x)[1:]
        noise = tf.map_fn(
            lambda seed: tf.random.stateless_uniform(
                shape, tf.random.experimental.stateless_fold_in(seed, self.index)
            ),
            seeds,
            fn_output_signature=tf.TensorSpec(x.shape[1:], tf.float32),
        )
        kept = tf.cast(noise >= self.rate, x.dtype)
        return x * kept * (1 / (1 - self.rate))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "index": self.index}
