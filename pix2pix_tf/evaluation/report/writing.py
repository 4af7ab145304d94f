"""From an evaluation to its page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pix2pix_tf.evaluation.report.cards import example_cards
from pix2pix_tf.evaluation.report.figures import curves, distributions, lab_marginals
from pix2pix_tf.evaluation.report.markup import Markup, fill, joined
from pix2pix_tf.evaluation.report.tables import class_tables, image_table, score_table
from pix2pix_tf.segmentation.palette import Palette
from pix2pix_tf.utils.files import atomic_directory, check_new_directory
from pix2pix_tf.utils.text import readable
from pix2pix_tf.version import __version__

if TYPE_CHECKING:
    from pix2pix_tf.evaluation.evaluate import Evaluation

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

    The file holds everything it shows and asks no network for anything: it can be sent.

    Args:
        evaluation: What was scored; some of its items are looked at again.
        folder: A new or empty one, which appears whole or not at all.
        history: What the run's `metrics.json` holds, for curves over the training.
        palette: Names the classes of segmentation scores.
        advance: Called after each image that the page shows with the number of them.

    Returns:
        The file.

    Raises:
        UserError: The folder is there and not empty.
    """
    folder = Path(folder)
    check_new_directory(folder)
    with atomic_directory(folder) as partial:
        page = _render(evaluation, history, palette, advance)
        (partial / "index.html").write_text(readable(page), encoding="utf-8")
    return folder / "index.html"


def _render(
    evaluation: Evaluation,
    history: Sequence[Mapping[str, Any]] | None,
    palette: Palette | None,
    advance: Callable[[int], None],
) -> str:
    script = _asset("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    results = evaluation.metric_results
    return fill(
        _asset("page.html"),
        title=evaluation.title,
        style=_asset("page.css"),
        script=script,
        digest=digest,  # the one script that browsers may run here
        headline=_headline(evaluation, date.today()),
        scores=score_table(evaluation),
        examples=example_cards(evaluation, advance),
        distributions=distributions(results),
        classes=class_tables(results.sums, palette),
        lab=lab_marginals(results.sums),
        curves=curves(history),
        images=image_table(results),
    )


def _asset(name: str) -> Markup:
    return Markup((_PAGE / name).read_text(encoding="utf-8"))


def _headline(evaluation: Evaluation, made: date) -> Markup:
    """What was scored, by which version and when."""
    facts = {} if evaluation.step is None else {"step": f"{evaluation.step:,}"}
    if evaluation.split is not None:
        facts["split"] = evaluation.split
    facts |= {
        "images": f"{evaluation.images:,}",
        "pix2pix-tf": __version__,
        "made on": made.isoformat(),
    }
    return fill(
        '<h1>$of</h1>\n<dl class="facts">$facts</dl>',
        of=evaluation.title,
        facts=joined(
            fill("<div><dt>$name</dt><dd>$value</dd></div>", name=name, value=value)
            for name, value in facts.items()
        ),
    )
