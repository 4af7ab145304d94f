"""The scores of a run's generator on a split of its data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf.data.pairs import open_split
from pix2pix_tf.evaluation.metrics import Scores, score_pairs
from pix2pix_tf.runs import Run
from pix2pix_tf.translate import Translator


@dataclass(frozen=True)
class Evaluation:
    """Mean `scores` over the `images` of a `split`, by the generator of training step `step`."""

    step: int
    split: str
    images: int
    scores: Scores


def evaluate(
    run_dir: str | Path,
    split: str = "val",
    *,
    checkpoint: str = "newest",
    dropout: bool = True,
    advance: Callable[[int], None] = lambda total: None,
) -> Evaluation:
    """Scores a run on every pair of a split, at the size it was trained on, and records the scores.

    The dropout seed is the config's: the scores are those that training printed at the same step.

    Args:
        run_dir: The run directory.
        split: `val`, or another folder of the dataset.
        checkpoint: `newest` or `best`.
        dropout: Whether the paper's noise is on, as it is by default. Scores without it are not
            recorded.
        advance: Called after each image with the number of all.

    Raises:
        UserError: No such run, checkpoint or split, or images that cannot be read.
    """
    translator = Translator(run_dir, checkpoint=checkpoint)
    pairs = open_split(translator.config, split)
    scores = score_pairs(
        lambda image: translator(image, dropout=dropout, seed=translator.config.training.seed),
        pairs,
        advance,
    )
    evaluation = Evaluation(translator.step, split, len(pairs), scores)
    if dropout:
        Run(Path(run_dir)).add_metrics(evaluation.step, split, len(pairs), scores)
    return evaluation
