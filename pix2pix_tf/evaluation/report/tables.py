"""The tables of a report page: scores, classes, images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from pix2pix_tf.evaluation.metrics.compute import RESAMPLES, MetricResults
from pix2pix_tf.evaluation.metrics.descriptions import DESCRIPTIONS
from pix2pix_tf.evaluation.plots import score_title
from pix2pix_tf.evaluation.report.markup import Markup, fill, joined
from pix2pix_tf.segmentation.palette import Palette
from pix2pix_tf.segmentation.scores import per_class_scores

if TYPE_CHECKING:
    from pix2pix_tf.evaluation.evaluate import Evaluation

ROWS_AT_MOST = 2000  # of images
_OPEN_AT_MOST = 50  # rows with which the table of images is unfolded, and so printed


def score_table(evaluation: Evaluation) -> Markup:
    """Scores, intervals, meanings, and the notes below them."""
    rows = []
    for name, estimate in evaluation.estimates.items():
        known = not np.isnan(estimate.low)
        interval = f"{number(estimate.low)} to {number(estimate.high)}" if known else ""
        rows.append(
            fill(
                '<tr><th scope="row">$title</th><td>$score</td>'
                '<td class="interval">$interval</td><td class="words">$meaning</td></tr>',
                title=score_title(name),
                score=number(estimate.value),
                interval=interval,
                meaning=DESCRIPTIONS.get(name, ""),
            )
        )
    head = fill(
        '<th scope="col"></th><th scope="col">score</th><th scope="col">95% interval</th>'
        '<th scope="col" class="words"></th>'
    )
    notes = joined(fill("<li>$note</li>", note=note) for note in evaluation.notes)
    return fill(
        '$table\n<p class="remark">Intervals: bootstrap over images, $resamples resamples.</p>\n'
        '<ul class="notes">$notes</ul>',
        table=_table("scores", head, rows),
        resamples=f"{RESAMPLES:,}",
        notes=notes,
    )


def class_tables(sums: Mapping[str, np.ndarray], palette: Palette | None) -> Markup:
    """Accuracy and IoU of each class, of the label maps and of what a segmenter sees.

    Args:
        sums: Sums of `MetricResults`: `segmentation` is [K, K], `fcn_score` [2, K, K], of outputs
            and of targets.
        palette: Names the K classes, which else have numbers.
    """
    tables = []
    if "segmentation" in sums:
        columns = {"outputs": sums["segmentation"]}
        tables.append(_class_table("Classes of the label maps", columns, palette))
    if "fcn_score" in sums:
        outputs, targets = sums["fcn_score"]
        columns = {"in outputs": outputs, "in true photographs": targets}
        tables.append(_class_table("Classes that the segmenter sees", columns, palette))
    return joined(tables)


def image_table(results: MetricResults) -> Markup:
    """The scores of every image."""
    if not results.per_image:
        return Markup("")
    if len(results.names) > ROWS_AT_MOST:
        return fill(
            "<h2>All images</h2>\n<p>The scores of each of the $count images are in the file that "
            "<code>--json FILE</code> writes.</p>",
            count=f"{len(results.names):,}",
        )
    head = joined(
        fill('<th scope="col" class="$kind"><button type="button">$title</button></th>', **words)
        for words in (
            {"kind": "words", "title": "image"},
            *({"kind": "", "title": score_title(name)} for name in results.per_image),
        )
    )
    rows = (
        fill(
            '<tr><th scope="row" class="words">$name</th>$cells</tr>',
            name=name,
            cells=joined(
                fill('<td data-value="$value">$shown</td>', value=value, shown=number(value))
                for value in (values[place] for values in results.per_image.values())
            ),
        )
        for place, name in enumerate(results.names)
    )
    return fill(
        _IMAGES,
        unfolded=Markup('class="short" open' if len(results.names) <= _OPEN_AT_MOST else ""),
        count=f"{len(results.names):,}",
        table=_table("images", head, rows),
    )


def number(value: float) -> str:
    """A score as the page shows it."""
    if np.isnan(value):
        return "–"
    return f"{value:.4f}" if np.isfinite(value) else ("∞" if value > 0 else "−∞")


def _class_table(
    heading: str, matrices: Mapping[str, np.ndarray], palette: Palette | None
) -> Markup:
    scores = [column for matrix in matrices.values() for column in per_class_scores(matrix)]
    truth = next(iter(matrices.values())).sum(axis=1)
    total = max(1, truth.sum())
    head = joined(
        fill('<th scope="col" class="$kind">$title</th>', kind=kind, title=title)
        for kind, title in (
            ("words", "class"),
            ("", "share of pixels"),
            *(("", f"{score}, {of}") for of in matrices for score in ("accuracy", "IoU")),
        )
    )
    names = palette.classes if palette is not None else [f"class {k}" for k in range(len(truth))]
    rows = (
        fill(
            '<tr><th scope="row" class="words">$swatch$name</th><td>$share</td>$cells</tr>',
            swatch=_swatch(palette, place),
            name=name,
            share=f"{count / total:.1%}",
            cells=joined(fill("<td>$value</td>", value=number(column[place])) for column in scores),
        )
        for place, (name, count) in enumerate(zip(names, truth, strict=True))
    )
    return fill("<h2>$heading</h2>\n$table", heading=heading, table=_table("classes", head, rows))


def _swatch(palette: Palette | None, place: int) -> Markup:
    if palette is None:
        return Markup("")
    colour = ", ".join(str(level) for level in palette.colours[place])
    return fill('<span class="swatch" style="background: rgb($colour)"></span>', colour=colour)


def _table(kind: str, head: Markup, rows: Iterable[Markup]) -> Markup:
    return fill(
        '<div class="scroll"><table class="$kind"><thead><tr>$head</tr></thead>'
        "<tbody>\n$rows\n</tbody></table></div>",
        kind=kind,
        head=head,
        rows=joined(rows),
    )


_IMAGES = """
<details $unfolded>
<summary><h2>All $count images</h2></summary>
<p class="controls scripted"><label>Filter by name
  <input type="search" id="filter"></label> <output id="matching" for="filter"></output></p>
$table
</details>"""
