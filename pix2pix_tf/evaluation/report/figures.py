"""The plots of a report page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pix2pix_tf.evaluation.metrics.compute import MetricResults
from pix2pix_tf.evaluation.plots import (
    Panel,
    curve_panels,
    distribution_panels,
    lab_panels,
    row_figure,
    score_title,
    svg_markup,
)
from pix2pix_tf.evaluation.report.markup import Markup, fill, joined

_NOTHING = Markup("")


def distributions(results: MetricResults) -> Markup:
    """How the images' scores are spread."""
    panels = distribution_panels(results.per_image, results.estimates)
    if not panels or len(results.names) < 2:
        return _NOTHING
    endless = {
        score_title(name): len(values) - int(np.isfinite(values).sum())
        for name, values in results.per_image.items()
    }
    left_out = "".join(
        f" {count} image{'s' * (count > 1)} without a finite {name} cannot be drawn."
        for name, count in endless.items()
        if count
    )
    return fill(
        "<h2>Spread over images</h2>\n$plots\n"
        '<p class="remark">Line and band: the score of all images, its 95% interval.$left_out</p>',
        plots=_plots(panels, "Histogram of the images’ scores", "spread"),
        left_out=left_out,
    )


def lab_marginals(sums: Mapping[str, np.ndarray]) -> Markup:
    """Figure 7 of this evaluation, if it was results, logarithmic or linear."""
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


def _plots(panels: Sequence[Panel], label: str, salt: str) -> Markup:
    return fill(
        '<div class="plots" role="img" aria-label="$label">$plots</div>',
        label=label,
        plots=joined(
            Markup(svg_markup(row_figure([panel]), f"{salt}-{place}"))
            for place, panel in enumerate(panels)
        ),
    )


_LAB = """
<h2>Colours</h2>
<input type="radio" name="scale" id="scale-log" checked><label for="scale-log">logarithmic</label>
<input type="radio" name="scale" id="scale-linear"><label for="scale-linear">linear</label>
<p class="key"><span class="outputs">outputs</span> <span class="targets">targets</span></p>
<div class="log">$log</div>
<div class="linear">$linear</div>
<p class="remark">How often each value of L, a and b occurs in all pixels of all images, in 100
bins, and the part that the two histograms share.</p>"""
