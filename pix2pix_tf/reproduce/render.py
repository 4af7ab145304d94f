"""A reproduction as a table beside the paper's, as a sheet of pictures, and as plain values."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from pix2pix_tf.evaluation.metrics.descriptions import DESCRIPTIONS
from pix2pix_tf.images.convert import for_display
from pix2pix_tf.images.io import write_image
from pix2pix_tf.images.sheets import make_sheet
from pix2pix_tf.reproduce.runner import Experiment, Reproduction, Row
from pix2pix_tf.reproduce.tables import FCN, order_agreement
from pix2pix_tf.utils.console import format_number
from pix2pix_tf.utils.files import write_text, writing
from pix2pix_tf.utils.strict_json import strict_json


def comparison_table(experiment: Experiment, result: Reproduction) -> Table:
    """The paper's table with ours beside it: `ours (paper)`."""
    paper_table = experiment.table
    table = Table(
        "",
        *paper_table.headings,
        title=f"{paper_table.title}; {experiment.config}, {result.images} images: ours (the "
        "paper's)",
        title_justify="left",
        caption=_fcn_size(result) if paper_table.scores == FCN else None,
        caption_justify="left",
    )
    for row in result.rows:
        table.add_row(row.variant.name, *_cells(paper_table.scores, row))
    if paper_table.truth is not None and result.truth:
        cells = [
            f"{_spread(result.truth[name])} ({paper:.2f})"
            for name, paper in zip(paper_table.scores, paper_table.truth, strict=True)
        ]
        table.add_row("Ground truth", *cells)
    table.add_section()
    table.add_row("pairs in the paper's order", *_agreements(experiment, result))
    return table


def _fcn_size(result: Reproduction) -> str:
    size = "the training size"
    if result.targets:
        height, width = result.targets[0].shape[:2]
        size += f", {height}×{width} (height×width)"
    return f"FCN-scores are read at {size}; the authors enlarge photos to 1024×2048 first"


def other_scores_table(experiment: Experiment, result: Reproduction) -> Table:
    """Every other score of the variants: what tells blur, grey and noise apart."""
    names = [name for name in result.rows[0].scores if name not in experiment.table.scores]
    names = [name for name in names if "truth" not in name]
    table = Table("", *names, title="besides", title_justify="left")
    for row in result.rows:
        table.add_row(row.variant.name, *(_spread(row.scores[name]) for name in names))
    return table


def other_scores_descriptions(experiment: Experiment, result: Reproduction) -> list[str]:
    """A line about each column of `other_scores_table`."""
    names = [name for name in result.rows[0].scores if name not in experiment.table.scores]
    return [f"{name}: {DESCRIPTIONS[name]}" for name in names if "truth" not in name]


def rename_results_of_other_runs(
    experiment: Experiment, result: Reproduction, name: str
) -> list[Path]:
    """Renames a `NAME.json` and `NAME.png` of other runs, which `write_results` would replace.

    Those of the same runs, of which there may be more now, are no others. The names they get have
    digits of the runs in them. Returns the new names.
    """
    data = experiment.folder / f"{name}.json"
    if not data.is_file():
        return []
    content = data.read_bytes()
    with contextlib.suppress(ValueError, KeyError, TypeError):  # not as `write_results` leaves it
        there = {run for row in json.loads(content)["variants"] for run in row["runs"]}
        if there <= {str(run) for row in result.rows for run in row.runs}:
            return []
    digits = hashlib.sha256(content).hexdigest()[:8]
    kept = []
    with writing(data):
        for file in (data.with_suffix(".png"), data):
            if file.is_file():
                kept.append(file.replace(file.with_stem(f"{name}-{digits}")))
    return kept


def write_results(experiment: Experiment, result: Reproduction, name: str) -> list[Path]:
    """Writes `NAME.json`, and `NAME.png`: input, every variant's output, target."""
    data = experiment.folder / f"{name}.json"
    write_text(data, strict_json(_plain(experiment, result)) + "\n")
    sheet = experiment.folder / f"{name}.png"
    headings = ("input", *(row.variant.name for row in result.rows), "target")
    columns = [result.inputs, *(row.images for row in result.rows), result.targets]
    pictures = [[for_display(image) for image in line] for line in zip(*columns, strict=True)]
    write_image(sheet, make_sheet(headings, pictures))
    return [data, sheet]


def _cells(names: tuple[str, str, str], row: Row) -> list[str]:
    return [
        f"{_spread(row.scores[name])} ({paper:.2f})"
        for name, paper in zip(names, row.variant.paper, strict=True)
    ]


def _spread(scores: list[float]) -> str:
    mean = format_number(float(np.mean(scores)), ".3f")
    return (
        mean
        if len(scores) == 1
        else f"{mean} ± {format_number(float(np.std(scores, ddof=1)), '.3f')}"
    )


def _agreements(experiment: Experiment, result: Reproduction) -> list[str]:
    cells = []
    for column, name in enumerate(experiment.table.scores):
        paper = [row.variant.paper[column] for row in result.rows]
        ours = [float(np.mean(row.scores[name])) for row in result.rows]
        agreement = order_agreement(paper, ours)
        cells.append(f"{agreement.agreeing} of {agreement.pairs}")
    return cells


def _plain(experiment: Experiment, result: Reproduction) -> dict[str, Any]:
    return {
        "table": experiment.table.title,
        "config": experiment.config,
        "overrides": list(experiment.overrides),
        "images": result.images,
        "truth": result.truth,
        "variants": [
            {
                "name": row.variant.name,
                "settings": dict(row.variant.settings),
                "runs": [str(run) for run in row.runs],
                "scores": row.scores,
                "paper": dict(zip(experiment.table.scores, row.variant.paper, strict=True)),
            }
            for row in result.rows
        ],
    }
