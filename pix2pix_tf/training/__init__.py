"""Training: the alternating update, the loop around it, and what it shows."""

from pix2pix_tf.training.loop import TrainingResult, train

__all__ = ["TrainingResult", "train"]
