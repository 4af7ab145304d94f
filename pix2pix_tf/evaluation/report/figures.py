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
    """Histograms of the images' scores, none of a single image."""
    if len(results.names) < 2:
        return []
    return _svgs(distribution_panels(results.per_image, results.estimates), "spread")


def lab_plots(sums: Mapping[str, np.ndarray]) -> dict[str, list[Markup]]:
    """Figure 7 of this evaluation by the scale of its axis, nothing where it was not computed.

    Args:
        sums: Sums of `MetricResults`.
    """
    if "lab_histogram" not in sums:
        return {}
    return {
        scale: _svgs(lab_panels(sums["lab_histogram"], log=scale == "log"), f"lab-{scale}")
        for scale in ("log", "linear")
    }


def training_plots(history: Sequence[Mapping[str, Any]]) -> list[Markup]:
    """The validation's scores over the training's steps.

    Args:
        history: Entries of a run's `metrics.json`.
    """
    return _svgs(curve_panels(history), "curves")


def _svgs(panels: Sequence[Panel], salt: str) -> list[Markup]:
    return [
        Markup(svg_markup(row_figure([panel]), f"{salt}-{number}"))
        for number, panel in enumerate(panels)
    ]
