"""Evaluations in TensorBoard, as a run of their own beside the training's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from pix2pix_tf.evaluation.metrics.compute import MetricResults
from pix2pix_tf.evaluation.metrics.pixel import Scores
from pix2pix_tf.evaluation.plots import lab_figure, rgb_array
from pix2pix_tf.utils.event_files import EventFile


def write_evaluation(folder: Path, step: int, scores: Scores, results: MetricResults) -> None:
    """Writes `evaluation/NAME` for every score at a training step, and the Lab histograms drawn."""
    file = EventFile(folder)
    with file.at(step):
        for name, value in scores.items():
            if not np.isfinite(value):
                continue
            tf.summary.scalar(f"evaluation/{name}", value)
        if "lab_histogram" in results.sums:
            figure = rgb_array(lab_figure(results.sums["lab_histogram"], log=True))
            tf.summary.image("evaluation/lab_histogram", figure[np.newaxis])
    file.close()
