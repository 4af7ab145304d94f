"""Each step of the paper's edge post-processing against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.data.derived.edges import (
    canny_edges,
    edge_orientation,
    hed_edges,
    resize_bicubic,
    suppress_non_maxima,
    thin_and_clean,
    triangle_filter,
)

# --- Canny -------------------------------------------------------------------------------------


def step(contrast: int) -> np.ndarray:
    """40 dark columns, 40 lighter ones; uint8 [60, 80, 3]."""
    photo = np.full((60, 80, 3), 100, np.uint8)
    photo[:, 40:] += np.uint8(contrast)
    return photo


@pytest.mark.parametrize("sigma", [1.5, 2.0, 3.0])
def test_canny_draws_a_step_of_the_stated_contrast_as_one_line(sigma):
    assert (canny_edges(step(20), sigma) == 255).all()
    drawing = canny_edges(step(30), sigma)
    assert drawing.dtype == np.uint8
    assert drawing.shape == (60, 80)
    assert np.unique(drawing).tolist() == [0, 255]
    rows, columns = np.nonzero(drawing == 0)
    assert rows.tolist() in (list(range(1, 59)), list(range(2, 59)))  # one pixel a row
    assert set(columns) <= {39, 40}


def test_canny_follows_a_line_to_where_it_is_faint():
    photo = np.full((60, 80, 3), 100, np.uint8)
    photo[:, 40:] += np.linspace(40, 0, 60).round().astype(np.uint8)[:, np.newaxis, np.newaxis]
    drawn_rows = np.nonzero((canny_edges(photo) == 0).any(axis=1))[0]
    # From a contrast of 40 down to one of 8, though none of 24 or less begins a line.
    assert drawn_rows[0] <= 2
    assert int(photo[drawn_rows[-1], 79, 0]) - 100 == pytest.approx(8, abs=2)
    faint = photo.copy()
    faint[:24] = faint[24]
    assert faint[0, 79, 0] == 124
    assert (canny_edges(faint) == 255).all()


def test_canny_draws_nothing_around_the_image():
    assert (canny_edges(np.full((32, 32, 3), 255, np.uint8)) == 255).all()


def test_canny_of_grey_is_that_of_grey_in_rgb():
    photo = np.random.default_rng(0).integers(0, 255, (40, 50, 1), np.uint8)
    drawing = canny_edges(photo)
    assert (drawing == 0).any()
    assert np.array_equal(drawing, canny_edges(np.repeat(photo, 3, axis=2)))
    assert np.array_equal(drawing, canny_edges(photo))


def test_canny_refuses_other_arrays():
    with pytest.raises(ValueError, match=r"float64 \(4, 4, 3\)"):
        canny_edges(np.zeros((4, 4, 3)))
    with pytest.raises(ValueError, match="sigma is 0"):
        canny_edges(np.zeros((4, 4, 3), np.uint8), 0)


# --- resizing ----------------------------------------------------------------------------------


def test_resize_to_twice_the_size():
    row = np.zeros((1, 6))
    row[0, 3] = 1
    # Keys' kernel at the distances 1.75, 1.25, 0.75, 0.25 of new pixels from the old one.
    weights = [-0.0234375, -0.0703125, 0.2265625, 0.8671875]
    expected = [0, 0, 0, *weights, *weights[::-1], 0]
    np.testing.assert_allclose(resize_bicubic(row, (1, 12))[0], expected, atol=1e-12)


def test_resize_mirrors_at_the_border():
    row = np.array([[1.0, 0, 0, 0]])
    # The first new pixel lies 0.25 before the old one, whose mirror image is 0.75 before it.
    first = 0.8671875 + 0.2265625
    assert resize_bicubic(row, (1, 8))[0, 0] == pytest.approx(first)


def test_resize_to_half_the_size_widens_the_kernel():
    column = np.zeros((16, 1))
    column[8] = 1
    # Old pixel 8 is 3.5, 1.5, 0.5 and 2.5 away from the new pixels at 4.5, 6.5, 8.5 and 10.5.
    expected = [0, 0, -0.01171875, 0.11328125, 0.43359375, -0.03515625, 0, 0]
    np.testing.assert_allclose(resize_bicubic(column, (8, 1))[:, 0], expected, atol=1e-12)


@pytest.mark.parametrize("size", [(64, 40), (29, 100)])
def test_resize_away_from_borders_is_pillow_s(size):
    image = np.random.default_rng(0).random((50, 60)).astype(np.float32)
    bicubic = Image.Resampling.BICUBIC
    by_pillow = np.array(Image.fromarray(image).resize(size[::-1], bicubic))
    inner = np.s_[5:-5, 5:-5]
    np.testing.assert_allclose(resize_bicubic(image, size)[inner], by_pillow[inner], atol=1e-5)


def test_resize_keeps_a_map_of_the_size():
    image = np.random.default_rng(0).random((5, 7))
    assert np.array_equal(resize_bicubic(image, (5, 7)), image)


# --- triangle filter ---------------------------------------------------------------------------


def test_triangle_filter_of_a_point():
    image = np.zeros((5, 7), np.float32)
    image[2, 3] = 16
    expected = np.outer([0, 1, 2, 1, 0], [0, 0, 1, 2, 1, 0, 0])
    assert np.array_equal(triangle_filter(image, 1), expected)
    image = np.zeros((15, 15), np.float32)
    image[7, 7] = 625
    weights = [0, 0, 0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0, 0, 0]
    smooth = triangle_filter(image, 4)
    assert smooth.dtype == np.float32
    assert np.array_equal(smooth, np.outer(weights, weights))


def test_triangle_filter_mirrors_the_outermost_pixel_too():
    row = np.tile(np.float32([[9, 0, 0, 18]]), (3, 1))
    # Mirrored: 0 9 | 9 0 0 18 | 18 0; weights 1 2 3 2 1 over 9.
    padded = [0, 9, 9, 0, 0, 18, 18, 0]
    expected = [np.dot([1, 2, 3, 2, 1], padded[k : k + 5]) / 9 for k in range(4)]
    np.testing.assert_allclose(triangle_filter(row, 2), np.tile(expected, (3, 1)), rtol=1e-6)
    assert expected[0] == (2 * 9 + 3 * 9) / 9


def test_triangle_filter_of_a_map_smaller_than_itself():
    np.testing.assert_allclose(triangle_filter(np.full((2, 3), 0.3, np.float32), 4), 0.3, rtol=1e-6)


# --- orientation -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dxx", "dxy", "dyy", "angle"),
    [
        (-1, 1, -1, math.pi * 3 / 4),  # ridge along y = x, pictured downwards: across it is ↙↗
        (-1, -1, -1, math.pi / 4),
        (-3, 0.001, 0, 0.0),  # upright ridge
        (0, 0.001, -3, math.pi / 2),  # level ridge
        (-3, 0, -3, 0.0),  # no mixed derivative: 0 whatever the rest is
        (-2, 1, -2 * math.sqrt(3), math.pi * 2 / 3),  # atan -√3 = -60°
    ],
)
def test_orientation_of_a_quadratic(dxx, dxy, dyy, angle):
    y, x = np.mgrid[-4:5, -4:5].astype(np.float32)
    smooth = dxx / 2 * x * x + dxy * x * y + dyy / 2 * y * y
    orientation = edge_orientation(smooth.astype(np.float32))
    assert orientation.dtype == np.float32
    inner = orientation[2:-2, 2:-2]
    np.testing.assert_allclose(np.cos(2 * inner), math.cos(2 * angle), atol=1e-3)
    np.testing.assert_allclose(np.sin(2 * inner), math.sin(2 * angle), atol=1e-2)
    assert (orientation >= 0).all()
    assert (orientation <= np.float32(math.pi)).all()


def test_orientation_is_one_sided_at_borders():
    # x² + xy: at the left border dx is 1 + y and then 2 + y, so dxx is 1 there and 2 inside; at the
    # corner dx falls by -1 with y. All dyy are 2, so that tan is -2 / 1 and -2 / 2.
    y, x = np.mgrid[:5, :5].astype(np.float32)
    orientation = edge_orientation(x * x + x * y + y * y)
    assert orientation[2, 0] == pytest.approx(math.pi + math.atan(-2), abs=1e-4)
    assert orientation[2, 2] == pytest.approx(math.pi + math.atan(-1), abs=1e-4)


def test_orientation_survives_a_zero_below_the_fraction():
    smooth = np.zeros((5, 5), np.float32)
    smooth += np.float32(-0.5e-5) * np.arange(-2, 3, dtype=np.float32) ** 2
    assert np.isfinite(edge_orientation(smooth)).all()


# --- non-maximum suppression -------------------------------------------------------------------


def test_suppression_keeps_the_crest():
    edges = np.tile(np.float32([0.1, 0.2, 0.5, 0.9, 0.5, 0.2, 0.1]), (7, 1))
    across = np.zeros((7, 7), np.float32)
    kept = suppress_non_maxima(edges, across, border=0)
    assert np.array_equal(kept, np.where(edges == np.float32(0.9), edges, 0))
    along = np.full((7, 7), math.pi / 2, np.float32)  # all neighbours are equal
    assert np.array_equal(suppress_non_maxima(edges, along, border=0), edges)


def test_suppression_is_lenient_by_one_percent():
    edges = np.tile(np.float32([0.5, 0.7, 0.704, 0.696, 0.5]), (5, 1))
    kept = suppress_non_maxima(edges, np.zeros((5, 5), np.float32), border=0)
    # 0.7 · 1.01 = 0.707 is not below 0.704; 0.696 · 1.01 = 0.70296 is.
    assert np.array_equal(kept[2] > 0, [False, True, True, False, False])


def test_suppression_compares_between_pixels():
    edges = np.zeros((5, 5), np.float32)
    edges[2, 2], edges[1, 3], edges[1, 2] = 0.4, 0.6, 0.3
    angle = np.full((5, 5), -math.pi / 4 % math.pi, np.float32)
    # At (−√½, √½) on the upper right: 0.6 · ½ + 0.3 · (1 − √½) √½ = 0.3621.
    kept = suppress_non_maxima(edges, angle, border=0)
    assert kept[2, 2] == np.float32(0.4)
    edges[2, 2] = 0.35  # 0.3535 with one percent
    assert suppress_non_maxima(edges, angle, border=0)[2, 2] == 0


def test_suppression_fades_towards_the_border():
    edges = np.ones((12, 14), np.float32)
    kept = suppress_non_maxima(edges, np.zeros((12, 14), np.float32))
    fade_x = np.array([0, 1, 2, 3, 4, 5, 5, 5, 5, 4, 3, 2, 1, 0]) / 5
    fade_y = np.array([0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0]) / 5
    np.testing.assert_allclose(kept, np.outer(fade_y, fade_x), rtol=1e-6)
    # Half of the shorter side at most: 2 of 5.
    small = suppress_non_maxima(np.ones((5, 9), np.float32), np.zeros((5, 9), np.float32))
    np.testing.assert_allclose(small[2], [0, 0.5, 1, 1, 1, 1, 1, 0.5, 0], rtol=1e-6)


def one_by_one(edges: np.ndarray, orientation: np.ndarray) -> np.ndarray:
    """The same pixel by pixel, in 64 bits."""
    height, width = edges.shape
    result = edges.astype(np.float64)
    for row in range(height):
        for column in range(width):
            for way in (-1, 1):
                y = row + way * math.sin(orientation[row, column])
                x = column + way * math.cos(orientation[row, column])
                y, x = min(max(y, 0), height - 1.001), min(max(x, 0), width - 1.001)
                part = edges[int(y) : int(y) + 2, int(x) : int(x) + 2].astype(np.float64)
                down, right = y - int(y), x - int(x)
                beside = np.array([1 - down, down]) @ part @ np.array([1 - right, right])
                if 1.01 * edges[row, column] < beside:
                    result[row, column] = 0
            to_border = min(column, width - 1 - column)
            result[row, column] *= min(to_border / 5, 1)
            result[row, column] *= min(min(row, height - 1 - row) / 5, 1)
    return result


def test_suppression_of_anything():
    random = np.random.default_rng(3)
    edges = triangle_filter(random.random((30, 25)).astype(np.float32), 2)
    orientation = random.uniform(0, math.pi, edges.shape).astype(np.float32)
    kept = suppress_non_maxima(edges, orientation)
    np.testing.assert_allclose(kept, one_by_one(edges, orientation), rtol=1e-5)
    assert 0.05 < (kept > 0).mean() < 0.6


# --- thinning and cleaning ---------------------------------------------------------------------


def drawn(*rows: str) -> np.ndarray:
    return np.array([[mark == "#" for mark in row] for row in rows])


def test_a_line_counts_from_the_threshold_on():
    edges = np.zeros((5, 9), np.float32)
    edges[1, 1:8] = 0.25
    edges[3, 1:8] = 0.2499
    drawing = thin_and_clean(edges, 0.25, 5)
    assert drawing.dtype == np.uint8
    assert np.array_equal(drawing == 0, edges == np.float32(0.25))
    assert (drawing[edges < 0.25] == 255).all()
    assert (thin_and_clean(edges * 0, 0.0, 5) == 255).all()  # nothing is no line, at threshold 0


def test_small_pieces_are_dropped():
    lines = drawn(
        "#.........",
        ".#..####..",
        "..#.......",
        "...#...#..",
        "....#..#..",
        ".......#..",
        "#......#..",
        ".......#..",
    )
    drawing = thin_and_clean(lines.astype(np.float32), 0.5, 5)
    # The diagonal is one piece of five, the upright one too; four in a row and a point are not.
    kept = lines.copy()
    kept[1, 4:] = False
    kept[6, 0] = False
    assert np.array_equal(drawing == 0, kept)


def by_conditions(lines: np.ndarray) -> np.ndarray:
    """Guo & Hall's thinning from its three conditions, as bwmorph's documentation names them."""
    lines = np.pad(lines, 1)
    ring = [(0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1)]  # from the right
    while True:
        before = lines.copy()
        for second in (False, True):
            gone = []
            for row, column in np.argwhere(lines):
                x = [bool(lines[row + dy, column + dx]) for dy, dx in ring]
                crossings = sum(not x[k] and (x[k + 1] or x[k - 6]) for k in (0, 2, 4, 6))
                pairs = min(sum(x[k] or x[k + way] for k in (0, 2, 4, 6)) for way in (1, -1))
                turned = x[4:] + x[:4] if second else x
                side = (turned[1] or turned[2] or not turned[7]) and turned[0]
                if crossings == 1 and 2 <= pairs <= 3 and not side:
                    gone.append((row, column))
            for place in gone:
                lines[place] = False
        if np.array_equal(before, lines):
            return lines[1:-1, 1:-1]


@pytest.mark.parametrize("seed", range(3))
def test_thinning_is_that_of_bwmorph(seed):
    noise = np.random.default_rng(seed).random((24, 24)).astype(np.float32)
    blobs = triangle_filter(noise, 1) > 0.5
    lines = thin_and_clean(blobs.astype(np.float32), 0.5, 1) == 0
    assert np.array_equal(lines, by_conditions(blobs))
    assert 0 < lines.sum() < blobs.sum()


# --- all of it ---------------------------------------------------------------------------------


def ring_map(size: int, radius: float, width: float) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    distance = np.hypot(y - size / 2 + 0.5, x - size / 2 + 0.5) - radius
    return np.exp(-((distance / width) ** 2)).astype(np.float32)


def test_a_blurred_ring_becomes_a_circle_of_one_pixel():
    drawing = hed_edges(ring_map(256, 80, 6), (128, 128))
    assert drawing.dtype == np.uint8
    assert drawing.shape == (128, 128)
    rows, columns = np.nonzero(drawing == 0)
    distance = np.hypot(rows - 63.5, columns - 63.5)
    assert abs(distance - 40).max() < 1.5
    angles = np.sort(np.arctan2(rows - 63.5, columns - 63.5))
    assert np.diff(angles).max() < 2.9 / 40  # closed but for a pixel
    # A circle as a chain of king's moves has 8 · r · sin 45° pixels.
    assert len(rows) == pytest.approx(8 * 40 * math.sin(math.pi / 4), rel=0.06)


def test_faint_lines_and_a_flat_map_leave_paper():
    ring = ring_map(64, 20, 3)
    assert (hed_edges(ring * np.float32(24 / 255), (64, 64)) == 255).all()
    assert (hed_edges(ring * np.float32(27 / 255), (64, 64)) == 0).any()
    assert (hed_edges(np.zeros((64, 64), np.float32), (64, 64)) == 255).all()


def test_a_drawing_of_another_shape():
    drawing = hed_edges(ring_map(100, 30, 5), (80, 160))
    assert drawing.shape == (80, 160)
    columns = np.nonzero((drawing == 0).any(axis=0))[0]
    assert columns.min() == pytest.approx(79.5 - 48, abs=2)
    assert columns.max() == pytest.approx(79.5 + 48, abs=2)


def test_what_is_no_edge_map_is_refused():
    with pytest.raises(ValueError, match=r"uint8 \(9, 9\)"):
        hed_edges(np.zeros((9, 9), np.uint8), (9, 9))
    with pytest.raises(ValueError, match="below 2 pixels"):
        hed_edges(np.zeros((9, 9), np.float32), (9, 1))
