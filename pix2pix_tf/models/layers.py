"""Custom Keras layers: normalisation by batch statistics, seeded dropout, convolutions.

Context managers change how normalisation and dropout work in a call of the network, so that one
functional model serves training, validation and export. For the normalisation, `batch_groups`
splits a batch into several, `fixed_moments` sets the statistics, and `collected_moments` records
those of a batch; `dropout_seeds` sets the seeds of the dropout. All are dynamic scopes, like
`tf.name_scope`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import keras
import tensorflow as tf

from pix2pix_tf.models import cpu_convolutions as cpu
from pix2pix_tf.models import subpixel

EPSILON = 1e-5  # as in the published programs; Keras' default is 1e-3

_groups: ContextVar[int] = ContextVar("groups", default=1)
_seeds: ContextVar[tf.Tensor | None] = ContextVar("seeds", default=None)
_moments: ContextVar[Mapping[str, tf.Tensor]] = ContextVar("moments", default=MappingProxyType({}))
_collected: ContextVar[dict[str, tf.Tensor] | None] = ContextVar("collected", default=None)


@contextmanager
def batch_groups(count: int) -> Iterator[None]:
    """Context manager in which a batch is normalised as `count` equal batches in a row.

    One pass of the discriminator over real and fake pairs then has the results of two passes.

    Args:
        count: Number of batches, each normalised by its own statistics.
    """
    token = _groups.set(count)
    try:
        yield
    finally:
        _groups.reset(token)


@contextmanager
def dropout_seeds(seeds: tf.Tensor | None) -> Iterator[None]:
    """Context manager in which `SeededDropout` is active, with masks that depend only on the seeds.

    Args:
        seeds: int32 [N, 2], one seed per image. The same seed gives the same mask in every batch,
            order and replica. None is the same as no context manager.
    """
    token = _seeds.set(seeds)
    try:
        yield
    finally:
        _seeds.reset(token)


@contextmanager
def fixed_moments(moments: Mapping[str, tf.Tensor]) -> Iterator[None]:
    """Context manager in which `BatchStatisticsNorm` layers normalise by fixed statistics.

    Args:
        moments: Mean and variance, float32 [2, C], by the layers' names. Other layers are not
            affected.
    """
    token = _moments.set(moments)
    try:
        yield
    finally:
        _moments.reset(token)


@contextmanager
def collected_moments() -> Iterator[dict[str, tf.Tensor]]:
    """Context manager in which `BatchStatisticsNorm` layers record their batch's statistics.

    The layers normalise by the statistics of the whole batch that they are called with, regardless
    of `training` and of other replicas.

    Yields:
        Mean and variance, float32 [2, C], by the names of the layers called so far, as
        `fixed_moments` takes them.
    """
    collected: dict[str, tf.Tensor] = {}
    token = _collected.set(collected)
    try:
        yield collected
    finally:
        _collected.reset(token)


@keras.saving.register_keras_serializable("pix2pix_tf")
class BatchStatisticsNorm(keras.layers.Layer):
    """Batch normalisation without running averages (paper, section 3.3 and appendix 6.1).

    In training, each channel is normalised by the mean and variance of the batch, over all
    replicas; otherwise (`training=False`) by those of each single image, so that an image's
    translation does not depend on the other images of its batch. At batch size 1 the two are the
    same. Scale and offset are learnt.

    Input and output are float [N, H, W, C]. Statistics, scale and offset are float32 in every
    precision.

    Args:
        epsilon: Added to the variance.
        per_sample: Whether each image is normalised by its own statistics in training too, which is
            instance normalisation.
        seed: Seed of the initial scale, which is drawn from N(1, 0.02).
    """

    def __init__(
        self,
        epsilon: float = EPSILON,
        per_sample: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.per_sample = per_sample
        self.seed = seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = input_shape[-1]
        if channels is None:
            raise ValueError(
                f"The number of channels must be known, received input_shape={input_shape}"
            )
        scale_initializer = keras.initializers.RandomNormal(1.0, 0.02, seed=self.seed)
        self.scale = self.add_weight(
            shape=(channels,), initializer=scale_initializer, autocast=False, name="scale"
        )
        self.offset = self.add_weight(
            shape=(channels,), initializer="zeros", autocast=False, name="offset"
        )

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if self.name in _moments.get():
            return self._normalise_by(x, _moments.get()[self.name])
        collected = _collected.get()
        if collected is not None:
            moments = tf.stack(tf.nn.moments(tf.cast(x, tf.float32), [0, 1, 2]))
            collected[self.name] = moments
            return self._normalise_by(x, moments)
        if self.per_sample or not training:
            whole = tf.cast(x, tf.float32)
            y = self._normalise(whole, *tf.nn.moments(whole, [1, 2], keepdims=True))
            return tf.cast(y, x.dtype)
        groups = [self._normalise_batch(group) for group in tf.split(x, _groups.get())]
        return groups[0] if len(groups) == 1 else tf.concat(groups, 0)

    def _normalise_by(self, x: tf.Tensor, moments: tf.Tensor) -> tf.Tensor:
        return tf.cast(self._normalise(tf.cast(x, tf.float32), *tf.unstack(moments)), x.dtype)

    def _normalise_batch(self, x: tf.Tensor) -> tf.Tensor:
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            whole = tf.cast(x, tf.float32)
            return tf.cast(self._normalise(whole, *_batch_moments(whole)), x.dtype)
        y, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=tf.convert_to_tensor(self.scale),
            offset=tf.convert_to_tensor(self.offset),
            mean=[],
            variance=[],
            epsilon=self.epsilon,
            is_training=True,
        )
        return y

    def _normalise(self, x: tf.Tensor, mean: tf.Tensor, variance: tf.Tensor) -> tf.Tensor:
        # Subtracting the mean first makes the result exactly the offset where x equals its mean.
        return (x - mean) * (tf.math.rsqrt(variance + self.epsilon) * self.scale) + self.offset

    def get_config(self) -> dict[str, Any]:
        own = {"epsilon": self.epsilon, "per_sample": self.per_sample, "seed": self.seed}
        return {**super().get_config(), **own}


def _batch_moments(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns mean and variance, [1, 1, 1, C], of the batch over all replicas."""
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return tf.nn.moments(x, [0, 1, 2], keepdims=True)
    replica = tf.distribute.get_replica_context()
    # All replicas have equal shares of the batch, so that the mean of their means is exact.
    mean = replica.all_reduce("MEAN", tf.reduce_mean(x, [0, 1, 2], keepdims=True))
    # The gradient through this mean is zero over the whole batch, as in tf.nn.moments.
    deviation = tf.math.squared_difference(x, tf.stop_gradient(mean))
    variance = replica.all_reduce("MEAN", tf.reduce_mean(deviation, [0, 1, 2], keepdims=True))
    return mean, variance


@keras.saving.register_keras_serializable("pix2pix_tf")
class SeededDropout(keras.layers.Layer):
    """Dropout with masks that depend on each image's seed: the noise z of the paper's section 3.1.

    It is active within `dropout_seeds`, both in training and when translating, as in the paper.
    Without seeds it behaves like Keras' own: new random masks if `training` is true, otherwise no
    dropout.

    Args:
        rate: Fraction of the activations set to zero; the others are scaled by 1 / (1 - rate).
        index: Number that is folded into the seeds, so that every layer has different masks.
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
            lambda seed: _uniform(
                shape, tf.random.experimental.stateless_fold_in(seed, self.index, alg="philox")
            ),
            seeds,
            fn_output_signature=tf.TensorSpec(x.shape[1:], tf.float32),
        )
        kept = tf.cast(noise >= self.rate, x.dtype)
        return x * kept * (1 / (1 - self.rate))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "index": self.index}


def _uniform(shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Returns the numbers of `tf.random.stateless_uniform` in [0, 1), with and without XLA.

    XLA draws the same bits but converts them to other numbers.
    """
    bits = tf.random.stateless_uniform(shape, seed, None, None, tf.uint32, alg="philox")
    return tf.cast(tf.bitwise.bitwise_and(bits, 2**23 - 1), tf.float32) * 2.0**-23


@keras.saving.register_keras_serializable("pix2pix_tf")
class Convolution(keras.layers.Conv2D):
    """Keras' convolution, computed by `pix2pix_tf.models.cpu_convolutions` if that is turned on."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        (stride, _), kernel = self.strides, tf.convert_to_tensor(kernel)
        pad = 1 if self.padding == "same" else 0
        # At stride 1, "same" pads different numbers of pixels before and after for a 4×4 kernel.
        if (stride == 2 or not pad) and cpu.fits(inputs, kernel, stride, pad):
            return cpu.convolve(inputs, kernel, stride, pad)
        if cpu.fits_bands(inputs):
            return cpu.convolve_in_bands(inputs, kernel, stride, self.padding)
        return super().convolution_op(inputs, kernel)


@keras.saving.register_keras_serializable("pix2pix_tf")
class TransposedConvolution(keras.layers.Conv2DTranspose):
    """Keras' transposed convolution, computed by `cpu_convolutions` or `subpixel` if turned on."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        (stride, _), kernel = self.strides, tf.convert_to_tensor(self.kernel)
        if self.padding == "same" and cpu.fits_transposed(inputs, kernel, stride):
            outputs = cpu.convolve_transposed(inputs, kernel)
        elif self.padding == "same" and subpixel.fits(kernel, stride):
            outputs = subpixel.convolve_transposed(inputs, kernel)
        else:
            return super().call(inputs)
        return outputs + self.bias if self.use_bias else outputs


@keras.saving.register_keras_serializable("pix2pix_tf")
class SpectralConv2D(Convolution):
    """Convolution with kernels divided by their largest singular value (Miyato et al. 2018).

    The singular value is that of the kernels as a matrix [height · width · channels, filters],
    estimated by one power iteration per training step; `vector_u`, [1, filters], is the current
    estimate of the singular vector. Unlike Keras' wrapper, this layer does not change the stored
    kernels, so that gradients, optimizers and replicas work as with any other layer. Kernels are
    divided in float32 in every precision.

    Args:
        seed: Seed of the initial `vector_u`.
    """

    def __init__(self, *args: Any, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, autocast=False, **kwargs)
        self.seed = seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        initial = keras.initializers.TruncatedNormal(stddev=0.02, seed=self.seed)
        self.vector_u = self.add_weight(
            shape=(1, self.filters), initializer=initial, trainable=False, name="vector_u"
        )

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        kernel = tf.convert_to_tensor(self.kernel)
        kernel = kernel / self._largest_singular_value(kernel, training)
        x, kernel = (tf.cast(each, self.compute_dtype) for each in (x, kernel))
        y = self.convolution_op(x, kernel)
        return y + tf.cast(self.bias, y.dtype) if self.use_bias else y

    def _largest_singular_value(self, kernel: tf.Tensor, training: bool | None) -> tf.Tensor:
        matrix = tf.reshape(kernel, [-1, self.filters])
        right = tf.convert_to_tensor(self.vector_u)
        left = tf.math.l2_normalize(tf.matmul(right, tf.stop_gradient(matrix), transpose_b=True))
        right = tf.math.l2_normalize(tf.matmul(left, tf.stop_gradient(matrix)))
        if training and self.trainable:
            # Assigned to this replica's own copy, because every replica computes the same value.
            tf.raw_ops.AssignVariableOp(resource=self.vector_u.value.handle, value=right)
        return tf.matmul(tf.matmul(left, matrix), right, transpose_b=True)[0, 0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable("pix2pix_tf")
class ReflectionPadding2D(keras.layers.Layer):
    """Pads [N, H, W, C] by reflection, without repeating the pixels at the borders.

    Args:
        padding: Pixels on every side; less than height and width of the image.
    """

    def __init__(self, padding: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.padding = padding

    def call(self, x: tf.Tensor) -> tf.Tensor:
        sides = [self.padding, self.padding]
        return tf.pad(x, [[0, 0], sides, sides, [0, 0]], mode="REFLECT")

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        more = 2 * self.padding
        return (batch, height and height + more, width and width + more, channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "padding": self.padding}


@keras.saving.register_keras_serializable("pix2pix_tf")
class NearestUpsampling2D(keras.layers.Layer):
    """Doubles height and width of [N, H, W, C] by repeating pixels.

    It is one rearrangement of four copies, which is deterministic on every device. Unlike in Keras'
    own layer, the number of channels stays known if height and width are unknown.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.nn.depth_to_space(tf.concat([x] * 4, -1), 2)
