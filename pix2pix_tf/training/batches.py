"""Training's input, distributed over the devices that train: for the loop and the benchmark."""

from __future__ import annotations

from collections.abc import Iterator

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.data.pipeline import Batch, Shares, training_batches
from pix2pix_tf.methods import method_of
from pix2pix_tf.training.distributed.worker_group import WorkerGroup


def distributed_batches(
    pairs: Pairs, config: Config, first_step: int, total_steps: int, workers: WorkerGroup
) -> Iterator[Batch]:
    """The batches of steps `first_step` .. `total_steps` - 1, each split over all replicas.

    Args:
        pairs: The training pairs.
        config: The experiment.
        first_step: Steps made before.
        total_steps: Steps of the whole training.
        workers: Those that train together; this worker's replicas get their shares.
    """
    strategy = workers.strategy
    shares = training_batches(
        pairs,
        config,
        first_step,
        total_steps,
        method_of(config).data_needs(config),
        Shares(workers.replicas, strategy.num_replicas_in_sync),
    )
    # Each device takes a share in turn, copied to it ahead of time, as is TensorFlow's default.
    return iter(strategy.distribute_datasets_from_function(lambda context: shares))
