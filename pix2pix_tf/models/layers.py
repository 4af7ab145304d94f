"""Custom Keras layers: normalisation by batch statistics, seeded dropout, convolutions.

The first two depend on how a network is called rather than on how it was built, so that one
functional model serves training, validation and export: `batch_groups` tells the normalisation that
its batch is several batches in a row, `fixed_moments` that its statistics are known,
`collected_moments` notes those of a batch; `dropout_seeds` gives the dropout its randomness. All
are dynamic scopes, like `tf.name_scope`.
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

EPSILON = 1e-5  # of the published programs; Keras' default is 1e-3

_groups: ContextVar[int] = ContextVar("groups", default=1)
_seeds: ContextVar[tf.Tensor | None] = ContextVar("seeds", default=None)
_moments: ContextVar[Mapping[str, tf.Tensor]] = ContextVar("moments", default=MappingProxyType({}))
_collected: ContextVar[dict[str, tf.Tensor] | None] = ContextVar("collected", default=None)


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
def dropout_seeds(seeds: tf.Tensor | None) -> Iterator[None]:
    """Within it, `SeededDropout` is active, each image's mask being a function of its seed alone.

    Args:
        seeds: int32 [N, 2], one seed an image. The same seed gives the same mask in whatever batch,
            order or replica. None gives none, as outside.
    """
    token = _seeds.set(seeds)
    try:
        yield
    finally:
        _seeds.reset(token)


@contextmanager
def fixed_moments(moments: Mapping[str, tf.Tensor]) -> Iterator[None]:
    """Within it, `BatchStatisticsNorm` layers normalise by given statistics instead of their own.

    Args:
        moments: Mean and variance, float32 [2, C], by the layers' names; layers not named go on as
            usual.
    """
    token = _moments.set(moments)
    try:
        yield
    finally:
        _moments.reset(token)


@contextmanager
def collected_moments() -> Iterator[dict[str, tf.Tensor]]:
    """Within it, `BatchStatisticsNorm` layers normalise by their batch's statistics and note them.

    Whatever `training` is and wherever it is computed: the batch is the one they are given.

    Yields:
        Mean and variance, float32 [2, C], by the names of the layers called so far: what
        `fixed_moments` takes.
    """
    collected: dict[str, tf.Tensor] = {}
    token = _collected.set(collected)
    try:
        yield collected
    finally:
        _collected.reset(token)


@keras.saving.register_keras_serializable("pix2pix_tf")
class BatchStatisticsNorm(keras.layers.Layer):
    """Batch normalisation that never keeps running averages (paper, section 3.3 and appendix 6.1).

    In training, each channel is normalised by the mean and variance of the batch, over all
    replicas; otherwise (`training=False`) by those of each image by itself, so that an image's
    translation cannot depend on its neighbours in a batch. At batch size 1 the two are the same.
    Scale and offset are learnt.

    Input and output: float [N, H, W, C]. Statistics, scale and offset are float32 in any precision.

    Args:
        epsilon: Added to the variance.
        per_sample: Normalises each image by itself in training too: instance normalisation.
        seed: Of the initial scale, drawn from N(1, 0.02).
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
        # (x - mean) first: where one pixel is its own mean the result is the offset, exactly.
        return (x - mean) * (tf.math.rsqrt(variance + self.epsilon) * self.scale) + self.offset

    def get_config(self) -> dict[str, Any]:
        own = {"epsilon": self.epsilon, "per_sample": self.per_sample, "seed": self.seed}
        return {**super().get_config(), **own}


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
    """The numbers of `tf.random.stateless_uniform` in [0, 1), also where XLA compiles.

    XLA draws the same bits but makes other numbers of them.
    """
    bits = tf.random.stateless_uniform(shape, seed, None, None, tf.uint32, alg="philox")
    return tf.cast(tf.bitwise.bitwise_and(bits, 2**23 - 1), tf.float32) * 2.0**-23


@keras.saving.register_keras_serializable("pix2pix_tf")
class Convolution(keras.layers.Conv2D):
    """Keras' own, computed as `pix2pix_tf.models.cpu_convolutions` does where that is turned on."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        (stride, _), kernel = self.strides, tf.convert_to_tensor(kernel)
        pad = 1 if self.padding == "same" else 0
        # At stride 1 "same" pads a 4×4 kernel by different amounts before and after.
        if (stride == 2 or not pad) and cpu.fits(inputs, kernel, stride, pad):
            return cpu.convolve(inputs, kernel, stride, pad)
        if cpu.fits_bands(inputs):
            return cpu.convolve_in_bands(inputs, kernel, stride, self.padding)
        return super().convolution_op(inputs, kernel)


@keras.saving.register_keras_serializable("pix2pix_tf")
class TransposedConvolution(keras.layers.Conv2DTranspose):
    """Keras' own, computed as `cpu_convolutions` or `subpixel` do where they are turned on."""

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
    """A convolution by its kernels divided by their largest singular value (Miyato et al. 2018).

    The singular value is that of the kernels as a matrix [height · width · channels, filters],
    found by one power iteration a training step; `vector_u`, [1, filters], is its estimate of the
    singular vector so far. Unlike Keras' wrapper it leaves the stored kernels alone, so that the
    gradient and what optimizers and replicas do to them stay plain. Kernels are divided in float32
    in any precision.

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
        if training:
            # On this replica's own copy: every replica finds the same.
            tf.raw_ops.AssignVariableOp(resource=self.vector_u.value.handle, value=right)
        return tf.matmul(tf.matmul(left, matrix), right, transpose_b=True)[0, 0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable("pix2pix_tf")
class ReflectionPadding2D(keras.layers.Layer):
    """Pads [N, H, W, C] by mirroring at the borders, without repeating them.

    Args:
        padding: Pixels on every side, fewer than the image has.
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

    As one rearrangement of four copies: deterministic on every device, and unlike Keras' own it
    keeps the number of channels known where height and width are open.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.nn.depth_to_space(tf.concat([x] * 4, -1), 2)
