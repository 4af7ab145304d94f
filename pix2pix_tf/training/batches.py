"""Input batches of a training, distributed over its devices."""

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
    """Returns the batches of steps `first_step` .. `total_steps` - 1, split over all replicas.

    Args:
        pairs: The training pairs.
        config: The experiment.
        first_step: Number of steps made before.
        total_steps: Number of steps of the whole training.
        workers: The workers that train together; the replicas of this worker get their shares.
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
    # TensorFlow gives each device a share in turn and copies it there ahead of time.
    return iter(strategy.distribute_datasets_from_function(lambda context: shares))
