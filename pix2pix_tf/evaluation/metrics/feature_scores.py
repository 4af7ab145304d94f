"""KID and FID: distances between the Inception features of outputs and of targets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pix2pix_tf.evaluation.metrics.distances import frechet_distance, frechet_note, kernel_distance
from pix2pix_tf.evaluation.metrics.inception import FeatureNetwork
from pix2pix_tf.evaluation.metrics.metric import EvaluationItem, Scores
from pix2pix_tf.images.convert import for_display


class FeatureScores:
    """Collects the features of images, 8 kB each, and compares them at the end."""

    def __init__(self, names: Sequence[str], network: FeatureNetwork) -> None:
        """Makes an empty collection.

        Args:
            names: Names of the scores to compute, `kid` or `fid` or both.
            network: The network that computes the features.
        """
        self._names = names
        self._network = network
        self._outputs: list[np.ndarray] = []
        self._targets: list[np.ndarray] = []

    def add(self, item: EvaluationItem) -> None:
        """Computes the features of one item from its images at their original size."""
        for features, image in ((self._outputs, item.output), (self._targets, item.target)):
            features.append(self._network(for_display(image)[np.newaxis])[0])

    def compute(self) -> tuple[Scores, list[str]]:
        """Computes the scores of all items.

        Returns:
            The scores by name, and notes about them, one sentence each.

        Raises:
            UserError: There are fewer than 2 items, or features that are not finite.
        """
        outputs, targets = np.stack(self._outputs), np.stack(self._targets)
        scores: Scores = {}
        notes = [f"features: {self._network.description}"]
        if "kid" in self._names:
            kernel = kernel_distance(outputs, targets)
            scores |= {"kid": kernel.mean, "kid_std": kernel.std}
            notes += [kernel.note] if kernel.note else []
        if "fid" in self._names:
            scores["fid"] = frechet_distance(outputs, targets)
            note = frechet_note(len(outputs), len(targets))
            notes += [note] if note else []
        return scores, notes
