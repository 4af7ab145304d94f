"""TensorBoard logs of an evaluation, a TensorBoard run besides that of the training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from pix2pix_tf.evaluation.metrics.compute import MetricResults
from pix2pix_tf.evaluation.plots import lab_figure, rgb_array
from pix2pix_tf.utils.event_files import EventFile


def write_evaluation(folder: Path, step: int, results: MetricResults) -> None:
    """Writes every finite score as `evaluation/NAME`, and a plot of the Lab histograms.

    Args:
        folder: Folder of the event files.
        step: Training step of the generator that was scored.
        results: The scores.
    """
    file = EventFile(folder)
    with file.at(step):
        for name, value in results.scores.items():
            if np.isfinite(value):
                tf.summary.scalar(f"evaluation/{name}", value)
        if "lab_histogram" in results.sums:
            figure = rgb_array(lab_figure(results.sums["lab_histogram"], log=True))
            tf.summary.image("evaluation/lab_histogram", figure[np.newaxis])
    file.close()
