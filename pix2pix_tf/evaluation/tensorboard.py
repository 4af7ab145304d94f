"""Evaluations in TensorBoard, as a run of their own beside the training's."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from pix2pix_tf.evaluation.metrics import Scores


def write_scores(folder: Path, step: int, scores: Scores) -> None:
    """Writes `evaluation/NAME` for every score at a training step."""
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default(step):
        for name, value in scores.items():
            tf.summary.scalar(f"evaluation/{name}", value)
    writer.close()
