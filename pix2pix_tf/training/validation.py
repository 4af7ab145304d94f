"""What a generator is worth while it trains: scores over the validation pairs, and sheets of a few of them."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from pix2pix_tf.config import Config
from pix2pix_tf.data.pairs import Pairs
from pix2pix_tf.data.pipeline import validation_seeds
from pix2pix_tf.evaluation.metrics import Scores, image_scores, mean_scores
from pix2pix_tf.inference import Translate
from pix2pix_tf.sheets import make_sheet


def validate(translate: Translate, pairs: Pairs, config: Config) -> Scores:
    """Mean scores over all validation pairs, translated as `translate` does by default, with fixed dropout seeds."""
    return mean_scores(
        image_scores(_translated(translate, pairs, config, index), pairs[index][1])
        for index in range(len(pairs))
    )


def sample_sheet(translate: Translate, pairs: Pairs, config: Config) -> np.ndarray:
    """A sheet of input | output | target for validation pairs spread evenly over their names: the same ones always."""
    count = min(config.logging.sheet_rows, len(pairs))
    chosen = np.linspace(0, len(pairs) - 1, count).round().astype(int).tolist()
    rows = [
        (pairs[index][0], _translated(translate, pairs, config, index), pairs[index][1])
        for index in chosen
    ]
    return make_sheet(("input", "output", "target"), rows)


def _translated(translate: Translate, pairs: Pairs, config: Config, index: int) -> np.ndarray:
    image = tf.constant(pairs[index][0][np.newaxis])
    return translate(image, validation_seeds(config, index)).numpy()[0]
