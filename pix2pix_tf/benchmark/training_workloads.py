"""Training steps and the input pipeline, as workloads."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

import numpy as np
import tensorflow as tf

from pix2pix_tf.benchmark.worker import WorkloadFunction
from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.data.pipeline import Batch, training_batches
from pix2pix_tf.methods import images_per_step, method_of
from pix2pix_tf.methods.update import make_update, make_updates
from pix2pix_tf.training.batches import distributed_batches
from pix2pix_tf.training.distributed.worker_group import WorkerGroup, default_strategy
from pix2pix_tf.utils.parallel import parallel_map

_MANY_STEPS = 10**8  # more steps than a benchmark runs


def training_workloads(
    config: Config, names: Iterable[str]
) -> tuple[dict[str, WorkloadFunction], int | None]:
    """Prepares training steps on one batch of noise, `training`, or on pairs, `training with data`.

    Both return the losses of the last step, and `wait_seconds`, the time spent waiting for data.

    Args:
        config: The whole config.
        names: One or both of these names.

    Returns:
        The workloads by name, and the floating-point operations of an update per image of its
        batch, None if the method does not count them.
    """
    if config.training.deterministic:
        tf.config.experimental.enable_op_determinism()
    strategy = default_strategy()
    with strategy.scope():
        method = method_of(config).build(config, _MANY_STEPS, None)
    updates = make_updates(make_update(method, config.training, strategy))
    steps_per_execution = config.training.steps_per_execution

    def train(batches: Iterator[Batch], steps: int) -> Mapping[str, float]:
        waited = 0.0
        calls = [steps_per_execution] * (steps // steps_per_execution) + [1] * (
            steps % steps_per_execution
        )
        for size in calls:
            start = time.perf_counter()
            taken = [next(batches) for _ in range(size)]
            waited += time.perf_counter() - start
            losses = updates(taken, tf.constant(0, tf.int64))
        return {**{name: float(loss[-1]) for name, loss in losses.items()}, "wait_seconds": waited}

    workloads: dict[str, WorkloadFunction] = {}
    if "training" in names:
        (batch,) = _distribute(_noise_batches(config).take(1), strategy)  # stays on the devices
        workloads["training"] = lambda repetitions: train(iter([batch] * repetitions), repetitions)
    if "training with data" in names:
        pairs = open_pairs(config).train
        workers = WorkerGroup(strategy)
        batches = distributed_batches(pairs, config, 0, _MANY_STEPS, workers)
        for _ in islice(batches, -(-len(pairs) // images_per_step(config))):  # fills the cache
            pass
        workloads["training with data"] = lambda repetitions: train(batches, repetitions)
    return workloads, method.update_flops()


def _distribute(dataset: tf.data.Dataset, strategy: tf.distribute.Strategy) -> Iterator[Batch]:
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return iter(strategy.experimental_distribute_dataset(dataset.with_options(options)))


def _noise_batches(config: Config) -> tf.data.Dataset:
    data, count = config.data, images_per_step(config)
    random = np.random.default_rng(0)

    def images(channels: int) -> np.ndarray:
        return random.uniform(-1, 1, (count, *data.crop_size, channels)).astype(np.float32)

    seeds = random.integers(2**31, size=(count, 2), dtype=np.int32)
    batch = {
        "input": images(data.input_channels),
        "target": images(data.target_channels),
        "seed": seeds,
    }
    return tf.data.Dataset.from_tensor_slices(batch).batch(count, drop_remainder=True)


def pipeline_workload(config: Config) -> WorkloadFunction:
    """Prepares the reading of training batches without training.

    Every run restarts the pipeline, so that no batch is ready before the timing starts. Pairs that
    are kept in memory are decoded beforehand.

    Args:
        config: The whole config.

    Returns:
        The workload, which returns the number of pairs that it read, `pairs`. A repetition is the
        input of an update, which may be several batches.
    """
    pairs = open_pairs(config).train
    parallel_map(pairs.__getitem__, range(pairs.keep))
    needs = method_of(config).data_needs(config)
    batches = training_batches(pairs, config, 0, _MANY_STEPS, needs)

    def read(repetitions: int) -> Mapping[str, float]:
        count = 0
        for batch in batches.take(repetitions):
            count += len(batch["input"])
        return {"pairs": count, "mean": float(tf.reduce_mean(batch["input"]))}

    return read
