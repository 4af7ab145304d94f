"""Helpers for the updates of all methods: compilation, means over replicas, moving averages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from pix2pix_tf.config.schema import TrainingConfig
from pix2pix_tf.methods.method import Batch, Losses, Method
from pix2pix_tf.methods.xla import choose_xla
from pix2pix_tf.models.cpu_convolutions import cpu_convolutions

Update = Callable[[Batch, tf.Tensor], Losses]


def make_update(
    method: Method, training: TrainingConfig, strategy: tf.distribute.Strategy
) -> Update:
    """Compiles one update of a method under `strategy`.

    The returned function takes a distributed batch and the number of updates before it (int64), and
    returns the losses before the update, as means over the global batch.
    """
    replica_update: Update = method.update
    if choose_xla(training, strategy).used:
        replica_update = tf.function(replica_update, jit_compile=True, autograph=False)
    elif all("CPU" in device for device in strategy.extended.worker_devices):
        # Entered within the thread of the replica, which does not inherit scopes around it.
        replica_update = cpu_convolutions()(replica_update)

    @tf.function(autograph=False)
    def update(batch: Batch, step: tf.Tensor) -> Losses:
        losses = strategy.run(replica_update, args=(batch, step))
        return {name: strategy.reduce("SUM", loss, axis=None) for name, loss in losses.items()}

    return update


def make_updates(update: Update) -> Callable[[Sequence[Batch], tf.Tensor], Losses]:
    """Compiles a function that makes several updates in one call, each on one batch, in order.

    It is traced again for every new number of batches.

    Args:
        update: An update of `make_update`.

    Returns:
        A function from distributed batches and the number of updates before the first to the
        losses of each update, [number of batches].
    """

    @tf.function(autograph=False)
    def updates(batches: Sequence[Batch], step: tf.Tensor) -> Losses:
        losses = [update(batch, step + offset) for offset, batch in enumerate(batches)]
        return {name: tf.stack([each[name] for each in losses]) for name in losses[0]}

    return updates


def split_batch(batch: Batch, parts: int) -> list[Batch]:
    """Splits a batch into equal parts, in order."""
    split = {name: tf.split(tensor, parts) for name, tensor in batch.items()}
    return [{name: tensors[part] for name, tensors in split.items()} for part in range(parts)]


def global_mean(per_image: tf.Tensor, batch_size: int) -> tf.Tensor:
    """Returns this replica's part of a mean over the global batch: all parts add up to the mean.

    Args:
        per_image: A value for each image of this replica, float32 [N].
        batch_size: Number of images of all replicas.
    """
    return tf.reduce_sum(per_image) / batch_size


def update_ema(average: keras.Model, network: keras.Model, decay: float) -> None:
    """Moves each weight of `average` towards that of `network` by the fraction 1 - `decay`."""
    for mean, weight in zip(average.variables, network.variables, strict=True):
        mean_now = tf.convert_to_tensor(mean.value)
        step = (1.0 - decay) * (tf.convert_to_tensor(weight.value) - mean_now)
        # Assigned to this replica's own copy: every replica makes the same step.
        tf.raw_ops.AssignAddVariableOp(resource=mean.value.handle, value=step)
