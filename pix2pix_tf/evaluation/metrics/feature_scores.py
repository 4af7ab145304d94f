"""KID and FID: distances between the features of outputs and of targets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf.evaluation.metrics.distances import frechet_distance, frechet_note, kernel_distance
from pix2pix_tf.evaluation.metrics.inception import load_inception
from pix2pix_tf.evaluation.metrics.metric import EvaluationItem
from pix2pix_tf.images.convert import for_display


class FeatureScores:
    """Collects the features of images, 8 kB each, and compares them at the end."""

    def __init__(self, names: Sequence[str], weights: str | Path) -> None:
        """Loads the network.

        Args:
            names: `kid`, `fid` or both.
            weights: The file of its weights, see `load_inception`.

        Raises:
            UserError: The file is not one of the two that are accepted.
        """
        self._names = names
        self._network = load_inception(weights)
        self._outputs: list[np.ndarray] = []
        self._targets: list[np.ndarray] = []

    def add(self, item: EvaluationItem) -> None:
        """Takes one image in; the network sees it at its own size, whatever the others have."""
        for kept, image in ((self._outputs, item.output), (self._targets, item.target)):
            kept.append(self._network(for_display(image)[np.newaxis])[0])

    def finish(self) -> tuple[dict[str, float], list[str]]:
        """The scores, and sentences about them."""
        outputs, targets = np.stack(self._outputs), np.stack(self._targets)
        scores: dict[str, float] = {}
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
