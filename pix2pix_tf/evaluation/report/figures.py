"""The plots of a report page, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from pix2pix_tf.evaluation.metrics.compute import MetricResults
from pix2pix_tf.evaluation.plots import (
    Panel,
    curve_panels,
    distribution_panels,
    lab_panels,
    row_figure,
    svg_markup,
)


def spread_plots(results: MetricResults) -> list[Markup]:
    """Returns histograms of the scores of single images, or none if there is only one image."""
    if len(results.names) < 2:
        return []
    return _svgs(distribution_panels(results.per_image, results.estimates), "spread")


def lab_plots(sums: Mapping[str, np.ndarray]) -> dict[str, list[Markup]]:
    """Returns the plots of Figure 7 of the paper for this evaluation, by the scale of their axis.

    There are none if the Lab histograms were not computed.

    Args:
        sums: `MetricResults.sums`.
    """
    if "lab_histogram" not in sums:
        return {}
    return {
        scale: _svgs(lab_panels(sums["lab_histogram"], log=scale == "log"), f"lab-{scale}")
        for scale in ("log", "linear")
    }


def training_plots(history: Sequence[Mapping[str, Any]]) -> list[Markup]:
    """Returns plots of the validation scores over the steps of the training.

    Args:
        history: Entries of `metrics.json` of a run.
    """
    return _svgs(curve_panels(history), "curves")


def _svgs(panels: Sequence[Panel], salt: str) -> list[Markup]:
    return [
        Markup(svg_markup(row_figure([panel]), f"{salt}-{number}"))
        for number, panel in enumerate(panels)
    ]
