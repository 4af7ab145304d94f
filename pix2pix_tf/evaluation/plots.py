"""Plots of an evaluation: colour histograms (Figure 7), scores over training and over images.

A plot is a row of panels. A panel draws on given axes, so that the same panels make one figure for
a paper and separate figures for a page.
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

OUTPUT_COLOUR, TARGET_COLOUR = (
    "#0072b2",
    "#d55e00",
)  # blue and vermilion, which colour-blind readers can tell apart too
TEXT_COLOUR, LINE_COLOUR = "#222222", "#8a8a8a"

# Dates and names of programs are left out, so that a plot is written as the same bytes every time.
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
    "axes.edgecolor": LINE_COLOUR,
    "axes.labelcolor": TEXT_COLOUR,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": TEXT_COLOUR,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "font.size": 9,
    "text.color": TEXT_COLOUR,
    "xtick.color": LINE_COLOUR,
    "xtick.labelcolor": TEXT_COLOUR,
    "ytick.color": LINE_COLOUR,
    "ytick.labelcolor": TEXT_COLOUR,
}


def lab_figure(sums: np.ndarray, *, log: bool) -> Figure:
    """Draws the marginal distributions of L, a and b (the paper's Figure 7).

    Args:
        sums: Numbers of pixels [2, 3, 100]: of outputs and targets, for L, a and b, over
            `lab_histogram.RANGES`.
        log: Whether the vertical axis is logarithmic, as in the paper, which shows rare colours.
    """
    return row_figure(lab_panels(sums, log=log))


def lab_panels(sums: np.ndarray, *, log: bool) -> list[Panel]:
    """Returns the panels of `lab_figure`."""

    def panel(number: int, channel: str) -> Panel:
        def draw(axes: Axes) -> None:
            low, high = RANGES[channel]
            middles = low + (np.arange(BINS) + 0.5) * (high - low) / BINS
            counts = sums[:, number]
            shares = counts / counts.sum(axis=-1, keepdims=True)
            if log:
                shares = np.where(shares > 0, shares, np.nan)  # log(0) is a gap
                axes.set_yscale("log")
            line = partial(axes.plot, middles, lw=1.3, drawstyle="steps-mid")
            line(shares[0], color=OUTPUT_COLOUR, label="outputs")
            line(shares[1], color=TARGET_COLOUR, label="targets", ls=(0, (4, 1.5)))
            axes.set_xlim(low, high)
            axes.set_title(f"{_LAB_TITLES[channel]}: {intersection(*counts):.3f} shared")
            if number == 0:
                axes.set_ylabel("share of pixels, log" if log else "share of pixels")

        return draw

    return [panel(number, channel) for number, channel in enumerate(RANGES)]


def curves_figure(history: Sequence[Mapping[str, Any]], *, split: str = "val") -> Figure:
    """Draws L1, PSNR and SSIM over the steps of a training.

    Args:
        history: Entries of `metrics.json` of a run, in any order.
        split: Split of the data; entries of other splits are left out.
    """
    return row_figure(curve_panels(history, split=split))


def curve_panels(history: Sequence[Mapping[str, Any]], *, split: str = "val") -> list[Panel]:
    """Returns the panels of `curves_figure`, one per score with values at two steps or more."""

    def panel(name: str, points: Sequence[tuple[int, float]]) -> Panel:
        def draw(axes: Axes) -> None:
            axes.plot(*zip(*points, strict=True), color=OUTPUT_COLOUR, lw=1.4, marker="o", ms=2.5)
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
    per_image: Mapping[str, Sequence[float]], estimates: Mapping[str, Estimate]
) -> list[Panel]:
    """Returns a histogram of the scores of single images for each score.

    The score of all images is marked.

    Args:
        per_image: Scores of each image; infinite and undefined scores are not drawn.
        estimates: The scores of all images, with their intervals.
    """

    def panel(name: str, values: np.ndarray) -> Panel:
        def draw(axes: Axes) -> None:
            overall = estimates[name]
            bins = int(np.clip(np.sqrt(len(values)) * 2, 5, 40))
            rounded = np.round(values, 9)  # so that rounding errors do not spread over bins
            axes.hist(rounded, bins=bins, color=OUTPUT_COLOUR, rwidth=0.92)
            if np.isfinite([overall.low, overall.high]).all():
                axes.axvspan(overall.low, overall.high, color=LINE_COLOUR, alpha=0.4, lw=0)
            if np.isfinite(overall.value):
                axes.axvline(overall.value, color=TEXT_COLOUR, lw=1.4)
            axes.yaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_title(_with_unit(name))
            axes.set_ylabel("images")

        return draw

    finite = {name: np.array(values)[np.isfinite(values)] for name, values in per_image.items()}
    return [panel(name, values) for name, values in finite.items() if len(values)]


def row_figure(panels: Sequence[Panel]) -> Figure:
    """Draws panels side by side, with one legend if their lines have labels."""
    with matplotlib.rc_context(_STYLE):
        width, height = _PANEL_INCHES
        figure = Figure(figsize=(width * max(1, len(panels)), height), layout="constrained")
        for number, panel in enumerate(panels):
            panel(figure.add_subplot(1, len(panels), number + 1))
        handles, labels = figure.axes[0].get_legend_handles_labels() if panels else ([], [])
        if handles and len(panels) > 1:
            figure.legend(
                handles, labels, loc="outside lower center", ncols=len(labels), frameon=False
            )
        return figure


def score_title(name: str) -> str:
    """Returns the title of a score, such as "FCN class IoU" for `fcn_class_iou`."""
    if name == "lab_l":
        return "Lab L"
    words = [word.upper() if word in _INITIALS else word for word in name.split("_")]
    title = " ".join(words).replace("IOU", "IoU").replace("per ", "per-")
    return title[:1].upper() + title[1:]


def rgb_array(figure: Figure, *, dpi: int = 100) -> np.ndarray:
    """Renders a figure as an image, uint8 [H, W, 3], for TensorBoard."""
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(dpi)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def svg_markup(figure: Figure, salt: str) -> str:
    """Renders a figure as an <svg> element in the font and colours of its page.

    Text is kept as text. Colours are `currentColor` and the variables `--outputs`, `--targets` and
    `--faint` of the page.

    Args:
        figure: The figure; its background is left out.
        salt: Makes the identifiers of this figure differ from those of others in the page.
    """
    with matplotlib.rc_context({"svg.hashsalt": salt, "svg.fonttype": "none"}):
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata=_METADATA[".svg"])
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*<style.*?</style>", "", svg, flags=re.DOTALL)  # would apply to the whole page
    # Unused identifiers are removed, since they would be the same in every figure of a page.
    svg = re.sub(r' id="([^"]+)"', lambda found: found[0] if f"#{found[1]}" in svg else "", svg)
    svg = re.sub(
        r"font: ([0-9.]+px) [^;\"]+", r"font-size: \1", svg
    )  # the form that older versions of Matplotlib write
    svg = re.sub(r"font-family: [^;\"]+;? ?", "", svg)
    colours = {
        OUTPUT_COLOUR: "var(--outputs)",
        TARGET_COLOUR: "var(--targets)",
        LINE_COLOUR: "var(--faint)",
    }
    for colour, name in {**colours, TEXT_COLOUR: "currentColor"}.items():
        svg = svg.replace(colour, name)
    return svg.strip()


def plot_format(file: Path) -> str:
    """Returns the suffix of a file that `write_plot` can write, in lower case.

    Raises:
        UserError: The suffix is not supported.
    """
    suffix = file.suffix.lower()
    if suffix not in _METADATA:
        raise UserError(f"{file}: a plot's name must end in one of {', '.join(_METADATA)}")
    return suffix


def write_plot(figure: Figure, file: Path) -> None:
    """Writes a figure as `.png`, `.svg` or `.pdf`, atomically and always as the same bytes.

    Raises:
        UserError: The suffix is not supported, or the file cannot be written.
    """
    suffix = plot_format(file)
    temporary = file.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        with matplotlib.rc_context({"svg.hashsalt": "plot"}), temporary.open("xb") as stream:
            figure.savefig(stream, format=suffix[1:], dpi=200, metadata=_METADATA[suffix])
        temporary.replace(file)
    except OSError as error:
        raise UserError(write_error_message(file, error.strerror or str(error))) from error
    finally:
        with contextlib.suppress(OSError):  # it was renamed, or was never created
            temporary.unlink()


def _with_unit(name: str) -> str:
    return f"{score_title(name)}, dB" if name == "psnr" else score_title(name)
