import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.evaluation.metrics.compute import Estimate
from pix2pix_tf.evaluation.plots import (
    curve_panels,
    curves_figure,
    distribution_panels,
    lab_figure,
    plot_format,
    rgb_array,
    row_figure,
    score_title,
    svg_markup,
    write_plot,
)
from pix2pix_tf.utils.errors import UserError


def lab_sums():
    """Outputs: L all in bin 10, a and b half in bin 50, half in bin 60; targets: all in bin 50."""
    sums = np.zeros((2, 3, 100))
    sums[0, 0, 10] = 8
    sums[0, 1:, [50, 60]] = 4
    sums[1, :, 50] = 20
    return sums


def history():
    steps = (400, 0, 200)  # as metrics.json has them when step 200 was evaluated again
    entries = [
        {"step": step, "split": "val", "scores": {"l1": 1 / (step + 1), "psnr": 10 + step}}
        for step in steps
    ]
    test = {"step": 100, "split": "test", "scores": {"l1": 9.0, "psnr": 9.0}}
    return [*entries, test, {"step": 600, "split": "val", "scores": {"kid": 0.1}}]


@pytest.mark.parametrize("log", [False, True])
def test_lab_figure_draws_shares_of_pixels_over_the_values(log):
    axes = lab_figure(lab_sums(), log=log).axes
    assert [round(limit) for part in axes for limit in part.get_xlim()] == [0, 100] + 2 * [
        -110,
        110,
    ]
    outputs, targets = axes[1].lines
    assert (outputs.get_label(), targets.get_label()) == ("outputs", "targets")
    values, shares = outputs.get_data()
    assert values[[50, 60]] == pytest.approx([1.1, 23.1])  # the middles of bins of 2.2
    assert shares[[50, 60]].tolist() == [0.5, 0.5]
    assert targets.get_ydata()[50] == 1
    empty = np.delete(shares, [50, 60])
    assert np.isnan(empty).all() if log else not empty.any()
    assert {part.get_yscale() for part in axes} == {"log" if log else "linear"}


def test_lab_figure_says_how_much_is_shared():
    titles = [axes.get_title(loc="left") for axes in lab_figure(lab_sums(), log=True).axes]
    assert [title.split(": ")[1] for title in titles] == ["0.000 shared"] + 2 * ["0.500 shared"]


def test_curves_are_of_one_split_in_the_order_of_steps():
    first, second = curves_figure(history()).axes
    assert first.lines[0].get_xdata().tolist() == [0, 200, 400]
    assert second.lines[0].get_ydata().tolist() == [10, 210, 410]
    assert [axes.get_title(loc="left") for axes in (first, second)] == ["L1", "PSNR, dB"]


def test_one_evaluation_is_no_curve():
    assert curve_panels(history(), split="test") == []


def test_distribution_counts_images_and_leaves_out_infinite_scores():
    each = {"psnr": [20.0, 21.0, float("inf"), 24.0], "ssim": [float("nan")]}
    estimates = {"psnr": Estimate(float("inf"), 20.0, float("inf"))}
    panels = distribution_panels(each, estimates)
    assert len(panels) == 1
    (axes,) = row_figure(panels).axes
    assert sum(bar.get_height() for bar in axes.patches) == 3
    assert not axes.lines  # an infinite mean has no place


def test_distribution_of_scores_that_are_all_but_equal_is_drawn():
    each = {"ssim": [1.0, float(np.nextafter(1, 0)), 1.0]}
    panels = distribution_panels(each, {"ssim": Estimate(1.0, np.nan, np.nan)})
    (axes,) = row_figure(panels).axes
    assert max(bar.get_height() for bar in axes.patches) == 3


def test_svg_follows_the_page_and_is_the_same_every_time():
    def made(salt):
        return svg_markup(lab_figure(lab_sums(), log=True), salt)

    first = made("one")
    assert first == made("one")
    assert first.startswith("<svg")
    assert first.endswith("</svg>")
    for part in ("currentColor", "var(--outputs)", "var(--targets)", ">outputs</text>"):
        assert part in first
    for part in ("#222222", "<style", "<metadata", "font-family", "<dc:date"):
        assert part not in first
    identifiers = set(re.findall(r' id="([^"]+)"', first))
    assert identifiers
    assert all(f"#{name}" in first for name in identifiers)
    assert identifiers.isdisjoint(re.findall(r' id="([^"]+)"', made("two")))


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_file_is_the_same_every_time(tmp_path, suffix):
    first, second = (tmp_path / f"{name}{suffix}" for name in ("first", "second"))
    for file in (first, second):
        write_plot(lab_figure(lab_sums(), log=False), file)
    assert first.read_bytes() == second.read_bytes()
    begins = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix]
    assert first.read_bytes().startswith(begins)
    assert sorted(tmp_path.iterdir()) == [first, second]


def test_png_file_shows_the_figure_on_white(tmp_path):
    write_plot(curves_figure(history()), tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    assert (pixels[0, 0] == 255).all()
    assert (pixels == (0, 0x72, 0xB2)).all(axis=-1).sum() > 500  # the curves


def test_other_kinds_of_file_are_refused(tmp_path):
    assert plot_format(Path("LAB.PNG")) == ".png"
    with pytest.raises(UserError, match=r"lab\.jpg: .* \.png, \.svg, \.pdf"):
        write_plot(lab_figure(lab_sums(), log=True), tmp_path / "lab.jpg")


def test_place_that_is_not_there_is_said(tmp_path):
    with pytest.raises(UserError, match=r"none/lab\.png cannot be written: No such file"):
        write_plot(lab_figure(lab_sums(), log=True), tmp_path / "none" / "lab.png")


def test_failed_drawing_leaves_nothing(tmp_path, monkeypatch):
    figure = lab_figure(lab_sums(), log=True)

    def fail(stream, **words):
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure, "savefig", fail)
    with pytest.raises(UserError, match="No space left"):
        write_plot(figure, tmp_path / "lab.png")
    assert not list(tmp_path.iterdir())


def test_figure_as_array():
    pixels = rgb_array(curves_figure(history()), dpi=50)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (130, 340, 3)  # two panels of 3.4 × 2.6 inches
    assert pixels.min() < 60 < 250 < pixels.max()


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("l1", "L1"),
        ("lab_a", "Lab a"),
        ("class_iou", "Class IoU"),
        ("fcn_truth_per_pixel_accuracy", "FCN truth per-pixel accuracy"),
        ("kid_std", "KID std"),
        ("sharpness", "Sharpness"),
    ],
)
def test_scores_have_titles(name, title):
    assert score_title(name) == title
