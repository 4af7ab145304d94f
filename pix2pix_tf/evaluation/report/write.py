"""Writing of a report as an HTML page, from the templates in `page/`."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pix2pix_tf.evaluation.metrics.compute import RESAMPLES
from pix2pix_tf.evaluation.metrics.descriptions import DESCRIPTIONS
from pix2pix_tf.evaluation.metrics.metric import is_channel_score
from pix2pix_tf.evaluation.plots import score_title
from pix2pix_tf.evaluation.report.examples import embed_examples
from pix2pix_tf.evaluation.report.figures import lab_plots, spread_plots, training_plots
from pix2pix_tf.evaluation.report.images import LONGEST_SIDE
from pix2pix_tf.evaluation.report.tables import (
    MAX_OPEN_ROWS,
    MAX_ROWS,
    class_tables,
    format_score,
    infinite_counts,
)
from pix2pix_tf.segmentation.palette import Palette
from pix2pix_tf.utils.files import atomic_directory, check_new_directory
from pix2pix_tf.utils.text import readable
from pix2pix_tf.version import __version__

if TYPE_CHECKING:
    from pix2pix_tf.evaluation.result import Evaluation

_PAGE = Path(__file__).with_name("page")


def write_report(
    evaluation: Evaluation,
    folder: str | Path,
    *,
    history: Sequence[Mapping[str, Any]] | None = None,
    palette: Palette | None = None,
    advance: Callable[[int], None] = lambda total: None,
) -> Path:
    """Writes `index.html`: scores, curves, and the best, median and worst images.

    The file contains everything it shows and loads no other file, so it can be sent by itself.

    Args:
        evaluation: The evaluation to show; some of its images are read again.
        folder: Folder to write, new or empty; it is created only if no error occurs.
        history: Entries of `metrics.json` of the run, for curves over the training.
        palette: Palette that names the classes of segmentation scores.
        advance: Called after each image of the page with the number of these images.

    Returns:
        The path of the file.

    Raises:
        UserError: The folder exists and is not empty.
    """
    folder = Path(folder)
    check_new_directory(folder)
    with atomic_directory(folder) as partial:
        page = _render(evaluation, history or [], palette, advance)
        (partial / "index.html").write_text(readable(page), encoding="utf-8")
    return folder / "index.html"


def _render(
    evaluation: Evaluation,
    history: Sequence[Mapping[str, Any]],
    palette: Palette | None,
    advance: Callable[[int], None],
) -> str:
    script = _asset("page.js")
    results = evaluation.metric_results
    return (
        _environment()
        .get_template("page.html")
        .render(
            style=_asset("page.css"),
            script=script,
            # The Content-Security-Policy of the page allows browsers to run only this script.
            digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            version=__version__,
            today=date.today().isoformat(),
            evaluation=evaluation,
            descriptions=DESCRIPTIONS,
            estimates={
                name: estimate
                for name, estimate in evaluation.estimates.items()
                if not is_channel_score(name)
            },
            channels=evaluation.channel_scores(),
            results=results,
            resamples=RESAMPLES,
            examples=embed_examples(evaluation, advance),
            longest_side=LONGEST_SIDE,
            spread=spread_plots(results),
            infinite=infinite_counts(results),
            class_tables=class_tables(results.sums, palette),
            lab=lab_plots(results.sums),
            training=training_plots(history),
            max_rows=MAX_ROWS,
            max_open_rows=MAX_OPEN_ROWS,
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {}  # keeps the order of keys instead of sorting
    environment.filters |= {
        "score": format_score,
        "score_title": score_title,
        "thousands": "{:,}".format,
        "percent": "{:.1%}".format,
    }
    return environment


def _asset(name: str) -> Markup:
    return Markup((_PAGE / name).read_text(encoding="utf-8"))
