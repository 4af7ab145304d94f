"""The sections of a report page, each from what it shows to HTML."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from pix2pix_tf.evaluation.meanings import MEANINGS
from pix2pix_tf.evaluation.measuring import RESAMPLES, Measured
from pix2pix_tf.evaluation.plots import (
    Panel,
    curve_panels,
    distribution_panels,
    lab_panels,
    row_figure,
    score_title,
    svg_markup,
)
from pix2pix_tf.evaluation.report.examples import choose_examples
from pix2pix_tf.evaluation.report.markup import Markup, fill, joined
from pix2pix_tf.evaluation.report.pictures import LONGEST_SIDE, data_uri, reduced
from pix2pix_tf.segmentation.palette import Palette
from pix2pix_tf.segmentation.scores import class_rows
from pix2pix_tf.version import __version__

if TYPE_CHECKING:
    from pix2pix_tf.evaluation.evaluate import Evaluation

ROWS_AT_MOST = 2000  # of images in the table
_OPEN_AT_MOST = 50  # rows with which the table is unfolded, and so printed
_WIDE = 1.4  # width / height from which pictures lie below each other
_NOTHING = Markup("")


def headline(evaluation: Evaluation, made: date) -> Markup:
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
        of=evaluation.of,
        facts=joined(
            fill("<div><dt>$name</dt><dd>$value</dd></div>", name=name, value=value)
            for name, value in facts.items()
        ),
    )


def score_table(evaluation: Evaluation) -> Markup:
    """Scores, intervals, meanings, and the notes below them."""
    rows = []
    for name, estimate in evaluation.estimates.items():
        known = not np.isnan(estimate.low)
        interval = f"{number(estimate.low)} to {number(estimate.high)}" if known else ""
        rows.append(
            fill(
                '<tr data-score="$name"><th scope="row">$title</th><td>$score</td>'
                '<td class="interval">$interval</td><td class="words">$meaning</td></tr>',
                name=name,
                title=score_title(name),
                score=number(estimate.value),
                interval=interval,
                meaning=MEANINGS.get(name, ""),
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
        sums: Of `Measured`: `segmentation` is [K, K], `fcn_score` [2, K, K] of outputs and targets.
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


def examples(evaluation: Evaluation, advance: Callable[[int], None] = lambda total: None) -> Markup:
    """The best, median and worst images by each score, every picture once.

    Args:
        evaluation: Its subjects are looked at again.
        advance: Called after each image that is shown with the number of them.
    """
    rankings = choose_examples(evaluation.measured.each, evaluation.images)
    lists = (members for groups in rankings.values() for members in groups.values())
    shown = list(dict.fromkeys(chain.from_iterable(lists)))
    cards, smaller = {}, False
    for index in shown:
        cards[index], scaled = _card(evaluation, index)
        smaller = smaller or scaled
        advance(len(shown))
    first = next(iter(rankings.values()))
    groups = joined(
        fill(
            '<div class="group"><h3>$heading</h3><div class="cards" data-group="$heading">$cards'
            "</div></div>",
            heading=heading,
            cards=joined(cards.pop(index) for index in members),
        )
        for heading, members in first.items()
    )
    remark = f"Pictures longer than {LONGEST_SIDE} pixels are shown scaled down to that. " * smaller
    return fill(
        _EXAMPLES,
        options=joined(
            fill('<option value="$name">$title</option>', name=name, title=score_title(name))
            for name in rankings
        ),
        choice=Markup("" if "" not in rankings else "hidden"),
        rankings=_json(rankings),
        groups=groups,
        others=joined(cards.values()),
        remark=remark,
    )


def distributions(measured: Measured) -> Markup:
    """How the images' scores are spread."""
    panels = distribution_panels(measured.each, measured.scores)
    if not panels or len(measured.names) < 2:
        return _NOTHING
    endless = {
        score_title(name): len(values) - int(np.isfinite(values).sum())
        for name, values in measured.each.items()
    }
    left_out = "".join(
        f" {count} image{'s' * (count > 1)} without a finite {name} cannot be drawn."
        for name, count in endless.items()
        if count
    )
    return fill(
        "<h2>Spread over images</h2>\n$plots\n"
        '<p class="remark">Line and band: the mean and its 95% interval.$left_out</p>',
        plots=_plots(panels, "Histogram of the images’ scores", "spread"),
        left_out=left_out,
    )


def lab_marginals(sums: Mapping[str, np.ndarray]) -> Markup:
    """Figure 7 of this evaluation, if it was measured, logarithmic or linear."""
    if "lab_histogram" not in sums:
        return _NOTHING
    label = "Colours of outputs and targets"
    log, linear = (
        _plots(lab_panels(sums["lab_histogram"], log=log), label, f"lab-{log}")
        for log in (True, False)
    )
    return fill(_LAB, log=log, linear=linear)


def curves(history: Sequence[Mapping[str, Any]] | None) -> Markup:
    """The validation's scores over the training."""
    panels = curve_panels(history or [])
    if not panels:
        return _NOTHING
    return fill(
        "<h2>Training</h2>\n$plots\n"
        '<p class="remark">Scores of the validation pairs over the training’s steps.</p>',
        plots=_plots(panels, "Scores over the training’s steps", "curves"),
    )


def image_table(measured: Measured) -> Markup:
    """The scores of every image."""
    if not measured.each:
        return _NOTHING
    if len(measured.names) > ROWS_AT_MOST:
        return fill(
            "<h2>All images</h2>\n<p>The scores of each of the $count images are in the file that "
            "<code>--json FILE</code> writes.</p>",
            count=f"{len(measured.names):,}",
        )
    head = joined(
        fill('<th scope="col" class="$kind"><button type="button">$title</button></th>', **words)
        for words in (
            {"kind": "words", "title": "image"},
            *({"kind": "", "title": score_title(name)} for name in measured.each),
        )
    )
    rows = (
        fill(
            '<tr><th scope="row" class="words">$name</th>$cells</tr>',
            name=name,
            cells=joined(
                fill('<td data-value="$value">$shown</td>', value=value, shown=number(value))
                for value in (values[place] for values in measured.each.values())
            ),
        )
        for place, name in enumerate(measured.names)
    )
    return fill(
        _IMAGES,
        unfolded=Markup('class="short" open' if len(measured.names) <= _OPEN_AT_MOST else ""),
        count=f"{len(measured.names):,}",
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
    scores = [column for matrix in matrices.values() for column in class_rows(matrix)]
    truth = next(iter(matrices.values())).sum(axis=1)
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
            share=f"{count / truth.sum():.1%}",
            cells=joined(fill("<td>$value</td>", value=number(column[place])) for column in scores),
        )
        for place, (name, count) in enumerate(zip(names, truth, strict=True))
    )
    return fill("<h2>$heading</h2>\n$table", heading=heading, table=_table("classes", head, rows))


def _swatch(palette: Palette | None, place: int) -> Markup:
    if palette is None:
        return _NOTHING
    colour = ", ".join(str(level) for level in palette.colours[place])
    return fill('<span class="swatch" style="background: rgb($colour)"></span>', colour=colour)


def _card(evaluation: Evaluation, index: int) -> tuple[Markup, bool]:
    """The pictures and scores of one image, and whether pictures were scaled down."""
    subject, source = evaluation.subjects[index], evaluation.subjects.source(index)
    pictures = {"output": subject.output, "target": subject.target}
    if source is not None:
        pictures["input"] = source
    figures = {kind: _figure(kind, picture, subject.name) for kind, picture in pictures.items()}
    height, width = subject.output.shape[:2]
    card = fill(
        _CARD,
        index=index,
        shape="wide" if width > _WIDE * height else "",
        input=figures.get("input", _NOTHING),
        output=figures["output"],
        target=figures["target"],
        name=subject.name,
        scores=joined(
            fill(
                '<span data-score="$name">$title $value</span>',
                name=name,
                title=score_title(name),
                value=number(values[index]),
            )
            for name, values in evaluation.measured.each.items()
        ),
    )
    return card, any(max(picture.shape[:2]) > LONGEST_SIDE for picture in pictures.values())


def _figure(kind: str, picture: np.ndarray, name: str) -> Markup:
    shown = reduced(picture)
    return fill(
        '<figure class="$kind"><img src="$address" width="$width" height="$height" '
        'alt="$kind of $name" draggable="false"><figcaption>$kind</figcaption></figure>',
        kind=kind,
        address=data_uri(shown),
        width=shown.shape[1],
        height=shown.shape[0],
        name=name,
    )


def _plots(panels: Sequence[Panel], label: str, salt: str) -> Markup:
    return fill(
        '<div class="plots" role="img" aria-label="$label">$plots</div>',
        label=label,
        plots=joined(
            Markup(svg_markup(row_figure([panel]), f"{salt}-{place}"))
            for place, panel in enumerate(panels)
        ),
    )


def _table(kind: str, head: Markup, rows: Iterable[Markup]) -> Markup:
    return fill(
        '<div class="scroll"><table class="$kind"><thead><tr>$head</tr></thead>'
        "<tbody>\n$rows\n</tbody></table></div>",
        kind=kind,
        head=head,
        rows=joined(rows),
    )


def _json(value: object) -> Markup:
    """Data for the page's script; a name cannot end the element that holds it."""
    return Markup(json.dumps(value).replace("<", "\\u003c"))


_EXAMPLES = """
<h2 id="examples">Images</h2>
<div class="controls scripted">
  <label $choice>Best, median and worst by
    <select id="ranking">$options</select></label>
  <fieldset><legend>Output and target</legend>
    <label><input type="radio" name="view" value="slider" checked> one over the other</label>
    <label><input type="radio" name="view" value="sides"> side by side</label>
  </fieldset>
</div>
<script type="application/json" id="rankings">$rankings</script>
<div class="groups">
$groups
</div>
<div id="others" hidden>
$others
</div>
<p class="remark">${remark}Photographs are embedded as JPEG of quality 90.</p>"""

_CARD = """
<article class="card $shape" data-image="$index">
  <div class="pictures">
    $input
    <div class="comparison">
      $output
      $target
      <input type="range" min="0" max="100" value="50" aria-label="Output to target: $name">
    </div>
  </div>
  <h4>$name</h4>
  <p class="values">$scores</p>
</article>"""

_LAB = """
<h2>Colours</h2>
<input type="radio" name="scale" id="scale-log" checked><label for="scale-log">logarithmic</label>
<input type="radio" name="scale" id="scale-linear"><label for="scale-linear">linear</label>
<p class="key"><span class="outputs">outputs</span> <span class="targets">targets</span></p>
<div class="log">$log</div>
<div class="linear">$linear</div>
<p class="remark">How often each value of L, a and b occurs in all pixels of all images, in 100
bins, and the part that the two histograms share.</p>"""

_IMAGES = """
<details $unfolded>
<summary><h2>All $count images</h2></summary>
<p class="controls scripted"><label>Filter by name
  <input type="search" id="filter"></label> <output id="matching" for="filter"></output></p>
$table
</details>"""
