"""What the tables of a report page are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pix2pix_tf.evaluation.metrics.compute import MetricResults
from pix2pix_tf.segmentation.palette import Palette
from pix2pix_tf.segmentation.scores import per_class_scores

MAX_ROWS = 2000  # images; a table of more is left out
MAX_OPEN_ROWS = 50  # images; a longer table is folded, and so not printed


@dataclass(frozen=True)
class ClassTable:
    """Accuracy and IoU of each class.

    Attributes:
        heading: Heading of the table.
        columns: Titles of the scores.
        rows: The classes, in the order of their numbers.
    """

    heading: str
    columns: list[str]
    rows: list[ClassRow]


@dataclass(frozen=True)
class ClassRow:
    """One class.

    Attributes:
        name: Name of the class, its number where there is no palette.
        colour: Red, green and blue of the class in the palette, 0..255.
        share: Share of the true pixels that have the class, 0..1.
        scores: Its scores, one of each column.
    """

    name: str
    colour: list[int] | None
    share: float
    scores: list[float]


def class_tables(sums: Mapping[str, np.ndarray], palette: Palette | None) -> list[ClassTable]:
    """Makes the tables of classes: of the label maps and of what a segmenter sees.

    Args:
        sums: Sums of `MetricResults`: `segmentation` is [K, K], `fcn_score` [2, K, K], of outputs
            and of targets.
        palette: Palette that names the K classes.
    """
    tables = []
    if "segmentation" in sums:
        matrices = {"outputs": sums["segmentation"]}
        tables.append(_class_table("Classes of the label maps", matrices, palette))
    if "fcn_score" in sums:
        outputs, targets = sums["fcn_score"]
        matrices = {"in outputs": outputs, "in true photographs": targets}
        tables.append(_class_table("Classes that the segmenter sees", matrices, palette))
    return tables


def infinite_counts(results: MetricResults) -> dict[str, int]:
    """Numbers of images without a finite score, by the score; those with all finite left out."""
    counts = {
        name: len(values) - int(np.isfinite(values).sum())
        for name, values in results.per_image.items()
    }
    return {name: count for name, count in counts.items() if count}


def format_score(value: float) -> str:
    """A score as the page shows it."""
    if np.isnan(value):
        return "–"
    return f"{value:.4f}" if np.isfinite(value) else ("∞" if value > 0 else "−∞")


def _class_table(
    heading: str, matrices: Mapping[str, np.ndarray], palette: Palette | None
) -> ClassTable:
    scores = [column for matrix in matrices.values() for column in per_class_scores(matrix)]
    truth = next(iter(matrices.values())).sum(axis=1)
    total = max(1, truth.sum())
    rows = [
        ClassRow(
            palette.classes[number] if palette is not None else f"class {number}",
            palette.colours[number].tolist() if palette is not None else None,
            share=pixels / total,
            scores=[float(column[number]) for column in scores],
        )
        for number, pixels in enumerate(truth)
    ]
    columns = [f"{score}, {of}" for of in matrices for score in ("accuracy", "IoU")]
    return ClassTable(heading, columns, rows)
