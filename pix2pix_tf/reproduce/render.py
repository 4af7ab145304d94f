"""Output of a reproduction: tables with the paper's scores, a sheet of images and a JSON file."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from pix2pix_tf.evaluation.metrics.descriptions import DESCRIPTIONS
from pix2pix_tf.images.io import write_image
from pix2pix_tf.images.sheets import make_sheet
from pix2pix_tf.reproduce.runner import Experiment, Reproduction, Row
from pix2pix_tf.reproduce.tables import FCN, order_agreement
from pix2pix_tf.utils.console import format_number
from pix2pix_tf.utils.files import write_text, writing
from pix2pix_tf.utils.strict_json import strict_json


def comparison_table(experiment: Experiment, result: Reproduction) -> Table:
    """Returns the table of scores, with the paper's in brackets and the agreement of the orders.

    Args:
        experiment: The experiment.
        result: Its results.

    Returns:
        The table.
    """
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
            f"{_mean_and_deviation(result.truth[name])} ({paper:.2f})"
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
    """Returns the table of scores that the paper does not have, which show blur, grey and noise.

    Args:
        experiment: The experiment.
        result: Its results.

    Returns:
        The table.
    """
    names = _other_scores(experiment, result)
    table = Table("", *names, title="other scores", title_justify="left")
    for row in result.rows:
        table.add_row(row.variant.name, *(_mean_and_deviation(row.scores[name]) for name in names))
    return table


def other_scores_descriptions(experiment: Experiment, result: Reproduction) -> list[str]:
    """Returns a line of text about each column of `other_scores_table`."""
    return [f"{name}: {DESCRIPTIONS[name]}" for name in _other_scores(experiment, result)]


def _other_scores(experiment: Experiment, result: Reproduction) -> list[str]:
    return [
        name
        for name in result.rows[0].scores
        if name not in experiment.table.scores and "truth" not in name
    ]


def rename_results_of_other_runs(
    experiment: Experiment, result: Reproduction, name: str
) -> list[Path]:
    """Renames a `NAME.json` and `NAME.png` of other runs, which `write_results` would replace.

    Results of the same runs, or of some of them, are not renamed.

    Args:
        experiment: The experiment, whose folder contains the files.
        result: The results to be written.
        name: Name of the files without suffix.

    Returns:
        The renamed files, with a digest of the old results in their names.
    """
    data = experiment.folder / f"{name}.json"
    if not data.is_file():
        return []
    content = data.read_bytes()
    with contextlib.suppress(ValueError, KeyError, TypeError):  # not written by `write_results`
        runs = {run for row in json.loads(content)["variants"] for run in row["runs"]}
        if runs <= {str(run) for row in result.rows for run in row.runs}:
            return []
    digest = hashlib.sha256(content).hexdigest()[:8]
    renamed = []
    with writing(data):
        for file in (data.with_suffix(".png"), data):
            if file.is_file():
                renamed.append(file.replace(file.with_stem(f"{name}-{digest}")))
    return renamed


def write_results(experiment: Experiment, result: Reproduction, name: str) -> list[Path]:
    """Writes `NAME.json`, and `NAME.png` with input, every variant's output and target.

    Args:
        experiment: The experiment, to whose folder the files are written.
        result: Its results.
        name: Name of the files without suffix.

    Returns:
        The two files.
    """
    data = experiment.folder / f"{name}.json"
    write_text(data, strict_json(_json(experiment, result)) + "\n")
    sheet = experiment.folder / f"{name}.png"
    headings = ("input", *(row.variant.name for row in result.rows), "target")
    columns = [result.inputs, *(row.outputs for row in result.rows), result.targets]
    write_image(sheet, make_sheet(headings, list(zip(*columns, strict=True))))
    return [data, sheet]


def _cells(names: tuple[str, str, str], row: Row) -> list[str]:
    return [
        f"{_mean_and_deviation(row.scores[name])} ({paper:.2f})"
        for name, paper in zip(names, row.variant.paper, strict=True)
    ]


def _mean_and_deviation(scores: list[float]) -> str:
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


def _json(experiment: Experiment, result: Reproduction) -> dict[str, Any]:
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
