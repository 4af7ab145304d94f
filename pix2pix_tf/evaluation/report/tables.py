"""Data of the tables of a report page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pix2pix_tf.evaluation.metrics.compute import MetricResults
from pix2pix_tf.segmentation.palette import Palette
from pix2pix_tf.segmentation.scores import per_class_scores

MAX_ROWS = 2000  # largest number of images in a table; a longer table is left out
MAX_OPEN_ROWS = 50  # images; a longer table is collapsed, and therefore not printed


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
    """One row of a `ClassTable`.

    Attributes:
        name: Name of the class, or its number if there is no palette.
        colour: Red, green and blue of the class in the palette, 0..255, or None without a palette.
        share: Share of the true pixels that have the class, 0..1.
        scores: Scores of the class, one for each column.
    """

    name: str
    colour: list[int] | None
    share: float
    scores: list[float]


def class_tables(sums: Mapping[str, np.ndarray], palette: Palette | None) -> list[ClassTable]:
    """Makes the tables of class scores of label maps and of the FCN-score, if these were computed.

    Args:
        sums: `MetricResults.sums`: `segmentation` is [K, K]; `fcn_score` is [2, K, K], for outputs
            and for targets.
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
    """Returns the number of images without a finite score, for each score that has such images."""
    counts = {
        name: len(values) - int(np.isfinite(values).sum())
        for name, values in results.per_image.items()
    }
    return {name: count for name, count in counts.items() if count}


def format_score(value: float) -> str:
    """Returns a score as text for the page."""
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
    columns = [f"{score}, {images}" for images in matrices for score in ("accuracy", "IoU")]
    return ClassTable(heading, columns, rows)
