"""Validation during training: scores of the validation pairs and sheets of samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from pix2pix_tf.data.augment import Window, cut
from pix2pix_tf.evaluation.metrics.pixel import METRICS, Scores, score_pairs
from pix2pix_tf.images.display import display_setting
from pix2pix_tf.images.io import write_image
from pix2pix_tf.images.sheets import pairs_sheet
from pix2pix_tf.inference.reference_batch import ReferenceStatistics, load_reference_batch
from pix2pix_tf.inference.tiling import scoring_function
from pix2pix_tf.inference.translation import OWN_STATISTICS, AnySizeTranslation
from pix2pix_tf.methods import method_of
from pix2pix_tf.methods.method import Method
from pix2pix_tf.methods.translation import GeneratorTranslation
from pix2pix_tf.runs.run import Measurement
from pix2pix_tf.training.monitoring.health import ValidationImages
from pix2pix_tf.training.prepare import PreparedRun
from pix2pix_tf.utils.files import writing

_LARGEST_ON_SHEET = 512  # pixels; of whole images that may have any size


class Validated(NamedTuple):
    """Result of one validation.

    Attributes:
        scores: Mean scores over the validation pairs.
        images: Statistics of the images that were scored.
    """

    scores: Scores
    images: ValidationImages


class Validation:
    """Translates the validation pairs with the current weights of a method and writes the results.

    It translates from input to target, with the seed of the training for dropout. If pairs have
    sizes of their own (`data.scale`), they are translated whole, by copies of the networks that
    take images of any size.
    """

    def __init__(self, prepared: PreparedRun, method: Method) -> None:
        """Builds the translation function.

        Args:
            prepared: The run that is trained; this worker must be its chief.
            method: The method whose networks translate.
        """
        config, self._run = prepared.config, prepared.run
        self._pairs, self._values = prepared.pairs.val, prepared.pairs.train.values
        self._digest = prepared.record.val.digest()
        self._rows, self._display = config.logging.sheet_rows, display_setting(config.data)
        self._crop_size = config.data.crop_size
        self._trained = method.networks
        self._copies: Mapping[str, keras.Model] = {}
        translations = method.translations()
        if self._pairs.size is None:  # the networks of the training take crops alone
            translations = method_of(config).translations(config)
        translation = translations[config.data.direction]
        if self._pairs.size is None:
            self._copies = translation.networks
        self._statistics: ReferenceStatistics | None = None
        moments = OWN_STATISTICS
        if config.reference_statistics and isinstance(translation, GeneratorTranslation):
            batch = load_reference_batch(prepared.run, config)
            self._statistics = ReferenceStatistics(translation, batch)
            moments = self._statistics.moments
        self._translate = scoring_function(
            AnySizeTranslation(translation, moments, self._values), config
        )

    def update_weights(self) -> None:
        """Takes over the current weights, and computes the reference batch's statistics with them.

        It comes before `score` and `sample`.
        """
        for part, network in self._copies.items():
            trained = self._trained[part].variables
            for own, current in zip(network.variables, trained, strict=True):
                own.assign(tf.convert_to_tensor(current.value))
        if self._statistics is not None:
            self._statistics.measure()

    def score(self, step: int) -> Validated:
        """Scores all validation pairs and adds the scores to `metrics.json` of the run."""
        images = ValidationImages()

        def add(*of_pair: np.ndarray) -> None:
            images.add(*(of_pair if self._pairs.size else map(self._centre, of_pair)))

        scores = score_pairs(self._translate, self._pairs, add, self._values)
        measurement = Measurement(step, "val", data=self._digest)
        self._run.add_metrics(measurement, len(self._pairs), scores)
        return Validated(scores, images)

    def sample(self, step: int) -> np.ndarray:
        """Writes a sheet of inputs, outputs and targets to `samples/`.

        Returns:
            The sheet, uint8 [H, W, 3].
        """
        largest = None if self._pairs.size else _LARGEST_ON_SHEET
        sheet = pairs_sheet(
            self._translate, self._pairs, self._rows, self._values, self._display, largest
        )
        with writing(self._run.samples):
            self._run.samples.mkdir(parents=True, exist_ok=True)
        write_image(self._run.samples / f"step-{step:07d}.png", sheet)
        return sheet

    def _centre(self, image: np.ndarray) -> np.ndarray:
        """Returns the part in the middle of an image that has the size of a crop."""
        height, width = self._crop_size
        top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
        return cut(image, Window(top, left, height, width))


def recorded_scores(prepared: PreparedRun, step: int) -> Scores | None:
    """Returns the recorded scores of the validation after `step` on the same pairs, if any."""
    measurement = Measurement(step, "val", data=prepared.record.val.digest())
    scores = prepared.run.scores_of(measurement)
    if scores is None or scores.get("l1") is None:
        return None
    return {name: scores[name] for name in METRICS if scores.get(name) is not None}
