"""Training: the loop, its schedule, resuming, monitoring and distribution."""

from pix2pix_tf.training.distributed.cluster import Cluster, find_cluster
from pix2pix_tf.training.loop import TrainingResult, train

__all__ = ["Cluster", "TrainingResult", "find_cluster", "train"]
