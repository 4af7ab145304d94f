"""Plots of an evaluation: colour histograms as Figure 7 has them, scores over training and images.

A plot is a row of panels; a panel draws on axes it is given, so that the same panels make a file
for a paper and the pieces of a page that folds on a phone.
"""

from __future__ import annotations

import contextlib
import io
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pix2pix_tf.evaluation.metrics.compute import Estimate
from pix2pix_tf.evaluation.metrics.lab_histogram import BINS, RANGES, intersection
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import write_error_message

Panel = Callable[[Axes], None]

OUTPUTS, TARGETS = "#0072b2", "#d55e00"  # blue and vermilion: apart for colour-blind eyes too
INK, FAINT = "#222222", "#8a8a8a"

# How a file is written the same every time: no date, no names of programs.
_METADATA: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
_PANEL_INCHES = (3.4, 2.6)
_CURVES = ("l1", "psnr", "ssim")
_LAB_TITLES = {"l": "L, lightness", "a": "a, green to red", "b": "b, blue to yellow"}
_INITIALS = ("l1", "psnr", "ssim", "kid", "fid", "fcn", "iou")
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "font.size": 9,
    "text.color": INK,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
}


def lab_figure(sums: np.ndarray, *, log: bool) -> Figure:
    """The marginal distributions of L, a and b (the paper's Figure 7).

    Args:
        sums: Counts of pixels [2, 3, 100]: of outputs and of targets, of L, a and b, over
            `lab_histogram.RANGES`.
        log: Whether the vertical axis is logarithmic, as in the paper: it shows rare colours.
    """
    return row_figure(lab_panels(sums, log=log))


def lab_panels(sums: np.ndarray, *, log: bool) -> list[Panel]:
    """The panels of `lab_figure`."""

    def panel(place: int, channel: str) -> Panel:
        def draw(axes: Axes) -> None:
            low, high = RANGES[channel]
            middles = low + (np.arange(BINS) + 0.5) * (high - low) / BINS
            counts = sums[:, place]
            shares = counts / counts.sum(axis=-1, keepdims=True)
            if log:
                shares = np.where(shares > 0, shares, np.nan)  # what has no logarithm is a gap
                axes.set_yscale("log")
            line = partial(axes.plot, middles, lw=1.3, drawstyle="steps-mid")
            line(shares[0], color=OUTPUTS, label="outputs")
            line(shares[1], color=TARGETS, label="targets", ls=(0, (4, 1.5)))
            axes.set_xlim(low, high)
            axes.set_title(f"{_LAB_TITLES[channel]}: {intersection(*counts):.3f} shared")
            if place == 0:
                axes.set_ylabel("share of pixels, log" if log else "share of pixels")

        return draw

    return [panel(place, channel) for place, channel in enumerate(RANGES)]


def curves_figure(history: Sequence[Mapping[str, Any]], *, split: str = "val") -> Figure:
    """L1, PSNR and SSIM over the training's steps.

    Args:
        history: Entries of a run's `metrics.json`, in any order.
        split: Of the data: entries of other splits are left out.
    """
    return row_figure(curve_panels(history, split=split))


def curve_panels(history: Sequence[Mapping[str, Any]], *, split: str = "val") -> list[Panel]:
    """The panels of `curves_figure`: of those scores that were taken at two steps at least."""

    def panel(name: str, points: Sequence[tuple[int, float]]) -> Panel:
        def draw(axes: Axes) -> None:
            axes.plot(*zip(*points, strict=True), color=OUTPUTS, lw=1.4, marker="o", ms=2.5)
            axes.set_title(_with_unit(name))
            axes.set_xlabel("step")

        return draw

    entries = [entry for entry in history if entry["split"] == split]
    panels = []
    for name in _CURVES:
        points = sorted(
            (entry["step"], entry["scores"][name])
            for entry in entries
            if np.isfinite(entry["scores"].get(name, np.nan))
        )
        if len(points) > 1:
            panels.append(panel(name, points))
    return panels


def distribution_panels(
    each: Mapping[str, Sequence[float]], estimates: Mapping[str, Estimate]
) -> list[Panel]:
    """How the images' scores are distributed: a panel a score, that of all images marked.

    Args:
        each: Scores of images; infinite and undefined ones are not drawn.
        estimates: The scores of all images, with their intervals.
    """

    def panel(name: str, values: np.ndarray) -> Panel:
        def draw(axes: Axes) -> None:
            overall = estimates[name]
            bins = int(np.clip(np.sqrt(len(values)) * 2, 5, 40))
            steady = np.round(values, 9)  # what differs in its last bit makes no bins
            axes.hist(steady, bins=bins, color=OUTPUTS, rwidth=0.92)
            if np.isfinite([overall.low, overall.high]).all():
                axes.axvspan(overall.low, overall.high, color=FAINT, alpha=0.4, lw=0)
            if np.isfinite(overall.value):
                axes.axvline(overall.value, color=INK, lw=1.4)
            axes.yaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_title(_with_unit(name))
            axes.set_ylabel("images")

        return draw

    finite = {name: np.array(values)[np.isfinite(values)] for name, values in each.items()}
    return [panel(name, values) for name, values in finite.items() if len(values)]


def row_figure(panels: Sequence[Panel]) -> Figure:
    """Panels side by side, under one legend if they name their lines."""
    with matplotlib.rc_context(_STYLE):
        width, height = _PANEL_INCHES
        figure = Figure(figsize=(width * max(1, len(panels)), height), layout="constrained")
        for place, panel in enumerate(panels):
            panel(figure.add_subplot(1, len(panels), place + 1))
        handles, labels = figure.axes[0].get_legend_handles_labels() if panels else ([], [])
        if handles and len(panels) > 1:
            figure.legend(
                handles, labels, loc="outside lower center", ncols=len(labels), frameon=False
            )
        return figure


def score_title(name: str) -> str:
    """A score's name as one writes it: `fcn_class_iou` is FCN class IoU."""
    if name == "lab_l":
        return "Lab L"
    words = [word.upper() if word in _INITIALS else word for word in name.split("_")]
    title = " ".join(words).replace("IOU", "IoU").replace("per ", "per-")
    return title[:1].upper() + title[1:]


def rgb_array(figure: Figure, *, dpi: int = 100) -> np.ndarray:
    """A figure as a image, uint8 [H, W, 3], as TensorBoard takes it."""
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(dpi)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def svg_markup(figure: Figure, salt: str) -> str:
    """A figure as an <svg> element to stand in a page, in the page's font and colours.

    Its text is text. It takes `currentColor` and the page's `--outputs`, `--targets` and `--faint`.

    Args:
        figure: What to draw; its background is left out.
        salt: Another one for every figure of a page, whose identifiers then differ.
    """
    with matplotlib.rc_context({"svg.hashsalt": salt, "svg.fonttype": "none"}):
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata=_METADATA[".svg"])
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*<style.*?</style>", "", svg, flags=re.DOTALL)  # would hold for the whole page
    # Names of parts that nothing refers to would be the same in every figure of a page.
    svg = re.sub(r' id="([^"]+)"', lambda found: found[0] if f"#{found[1]}" in svg else "", svg)
    svg = re.sub(r"font: ([0-9.]+px) [^;\"]+", r"font-size: \1", svg)  # as older ones write it
    svg = re.sub(r"font-family: [^;\"]+;? ?", "", svg)
    colours = {OUTPUTS: "var(--outputs)", TARGETS: "var(--targets)", FAINT: "var(--faint)"}
    for colour, name in {**colours, INK: "currentColor"}.items():
        svg = svg.replace(colour, name)
    return svg.strip()


def plot_format(file: Path) -> str:
    """The suffix of a file that `write_plot` can write, in lower case.

    Raises:
        UserError: It is of another kind.
    """
    suffix = file.suffix.lower()
    if suffix not in _METADATA:
        raise UserError(f"{file}: a plot's name must end in one of {', '.join(_METADATA)}")
    return suffix


def write_plot(figure: Figure, file: Path) -> None:
    """Writes a figure as `.png`, `.svg` or `.pdf`, whole or not at all, always the same bytes.

    Raises:
        UserError: Another suffix, or a place that cannot be written to.
    """
    suffix = plot_format(file)
    aside = file.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        with matplotlib.rc_context({"svg.hashsalt": "plot"}), aside.open("xb") as stream:
            figure.savefig(stream, format=suffix[1:], dpi=200, metadata=_METADATA[suffix])
        aside.replace(file)
    except OSError as error:
        raise UserError(write_error_message(file, error.strerror or str(error))) from error
    finally:
        with contextlib.suppress(OSError):  # mostly gone under its final name, or never there
            aside.unlink()


def _with_unit(name: str) -> str:
    return f"{score_title(name)}, dB" if name == "psnr" else score_title(name)
