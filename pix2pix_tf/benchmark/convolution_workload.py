"""The fastest convolution of this machine, for comparison with the training step."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf

from pix2pix_tf.benchmark.worker import WorkloadFunction

_MIN_FLOPS = 4e9  # smallest number of operations of a call, so that its overhead is negligible
_MIN_GPU_FLOPS = 4e11


@dataclass(frozen=True)
class Convolution:
    """A convolution of square images with square kernels and zero padding.

    Attributes:
        side: Height and width of the images, in pixels; a multiple of the stride.
        channels: Channels of the images.
        filters: Number of filters.
        kernel: Height and width of the kernels, in pixels.
        stride: Stride in both directions, in pixels.
        batch: Images of a call.
    """

    side: int
    channels: int
    filters: int
    kernel: int
    stride: int
    batch: int = 1

    @property
    def flops(self) -> int:
        """Floating-point operations of a call; a multiply-add counts as two."""
        pixels = self.batch * (self.side // self.stride) ** 2
        return 2 * pixels * self.kernel**2 * self.channels * self.filters

    def __str__(self) -> str:
        shape = f"{self.batch}×{self.side}×{self.side}×{self.channels}"
        return f"{self.kernel}×{self.kernel}/{self.stride} {shape} → {self.filters}"


# Shapes of the networks' layers, and shapes for which libraries are fastest.
CONVOLUTIONS = (
    Convolution(128, 64, 128, 4, 2),
    Convolution(64, 128, 256, 4, 2),
    Convolution(32, 256, 512, 4, 1),
    Convolution(64, 128, 128, 3, 1),
    Convolution(32, 512, 512, 3, 1),
    Convolution(32, 512, 512, 1, 1),
)


def fastest_convolution(precision: str) -> tuple[WorkloadFunction, Convolution]:
    """Finds the convolution of `CONVOLUTIONS` that this machine computes at the highest rate.

    Args:
        precision: `training.precision` of the config.

    Returns:
        The workload, and the convolution with its batch.
    """
    dtype = tf.float32
    for half in ("bfloat16", "float16"):
        if half in precision:
            dtype = tf.as_dtype(half)
            break
    min_flops = _MIN_GPU_FLOPS if tf.config.list_logical_devices("GPU") else _MIN_FLOPS
    rates = {}
    for single in CONVOLUTIONS:
        batch = max(1, round(min_flops / single.flops))
        convolution = dataclasses.replace(single, batch=batch)
        workload = _convolution_workload(convolution, dtype)
        workload(1)
        start = time.perf_counter()
        workload(2)
        rates[convolution] = convolution.flops / (time.perf_counter() - start)
    fastest = max(rates, key=lambda convolution: rates[convolution])
    return _convolution_workload(fastest, dtype), fastest


def _convolution_workload(convolution: Convolution, dtype: tf.DType) -> WorkloadFunction:
    side, kernel, channels = convolution.side, convolution.kernel, convolution.channels
    images = tf.random.stateless_normal([convolution.batch, side, side, channels], [0, 1])
    kernels = tf.random.stateless_normal([kernel, kernel, channels, convolution.filters], [0, 2])
    images, kernels = tf.cast(images, dtype), tf.cast(kernels, dtype)

    @tf.function(autograph=False)
    def convolve(images: tf.Tensor, kernels: tf.Tensor) -> tf.Tensor:
        return tf.nn.conv2d(images, kernels, convolution.stride, "SAME")

    def workload(repetitions: int) -> Mapping[str, float]:
        for _ in range(repetitions):
            output = convolve(images, kernels)
        return {"pixel": float(output[0, 0, 0, 0])}

    return workload
