"""From an evaluation to its page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pix2pix_tf.evaluation.report import sections
from pix2pix_tf.evaluation.report.markup import Markup, fill
from pix2pix_tf.segmentation.palette import Palette
from pix2pix_tf.staging import refuse_existing, written_aside

if TYPE_CHECKING:
    from pix2pix_tf.evaluation.evaluate import Evaluation

_PAGE = Path(__file__).with_name("page")


def write_report(
    evaluation: Evaluation,
    folder: Path,
    *,
    history: Sequence[Mapping[str, Any]] | None = None,
    palette: Palette | None = None,
    advance: Callable[[int], None] = lambda total: None,
) -> Path:
    """Writes `index.html`: scores, curves, and the best, median and worst images.

    The file holds everything it shows and asks no network for anything: it can be sent.

    Args:
        evaluation: What was scored; some of its subjects are looked at again.
        folder: A new or empty one, which appears whole or not at all.
        history: What the run's `metrics.json` holds, for curves over the training.
        palette: Names the classes of segmentation scores.
        advance: Called after each image that the page shows with the number of them.

    Returns:
        The file.

    Raises:
        UserError: The folder is there and not empty.
    """
    refuse_existing(folder)
    with written_aside(folder) as partial:
        page = render(evaluation, date.today(), history, palette, advance)
        (partial / "index.html").write_text(page, encoding="utf-8")
    return folder / "index.html"


def render(
    evaluation: Evaluation,
    made: date,
    history: Sequence[Mapping[str, Any]] | None = None,
    palette: Palette | None = None,
    advance: Callable[[int], None] = lambda total: None,
) -> str:
    """The page's HTML; see `write_report`."""
    script = _asset("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    measured = evaluation.measured
    return fill(
        _asset("page.html"),
        title=evaluation.of,
        style=_asset("page.css"),
        script=script,
        digest=digest,  # the one script that browsers may run here
        headline=sections.headline(evaluation, made),
        scores=sections.score_table(evaluation),
        examples=sections.examples(evaluation, advance),
        distributions=sections.distributions(measured),
        classes=sections.class_tables(measured.sums, palette),
        lab=sections.lab_marginals(measured.sums),
        curves=sections.curves(history),
        images=sections.image_table(measured),
    )


def _asset(name: str) -> Markup:
    return Markup((_PAGE / name).read_text(encoding="utf-8"))
