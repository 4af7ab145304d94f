import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from skimage.measure import label

from pix2pix_tf.preparation.sketch import MARGIN, clean_sketch
from pix2pix_tf.utils.errors import UserError


def photographed(size=(600, 400), noise=8):
    """A thick ellipse with a stroke, on grey paper, with shade, noise and a speck."""
    page = Image.new("L", size, 215)
    draw = ImageDraw.Draw(page)
    draw.ellipse((120, 100, 480, 300), outline=40, width=9)
    draw.line((200, 200, 400, 210), fill=50, width=9)
    draw.point((20, 20), fill=0)
    array = np.asarray(page.filter(ImageFilter.GaussianBlur(1))).astype(float)
    array += np.linspace(-20, 20, size[0]) + np.random.default_rng(0).normal(0, noise, array.shape)
    return np.clip(array, 0, 255).astype(np.uint8)[..., None]


def test_lines_are_thin_black_on_white():
    clean = clean_sketch(photographed(), 128)
    assert clean.shape == (128, 128, 3)
    assert set(np.unique(clean)) == {0, 255}
    ink = clean[..., 0] == 0
    # Nowhere is a block of ink: the lines are one pixel wide.
    assert not (ink[1:, 1:] & ink[:-1, 1:] & ink[1:, :-1] & ink[:-1, :-1]).any()
    assert label(ink, connectivity=2).max() == 2  # the ellipse and the stroke, no specks


def test_drawing_is_centred_with_its_proportions():
    clean = clean_sketch(photographed(), 128)
    rows = np.nonzero((clean[..., 0] == 0).any(axis=1))[0]
    columns = np.nonzero((clean[..., 0] == 0).any(axis=0))[0]
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    assert width == pytest.approx(128 * (1 - 2 * MARGIN), abs=5)
    assert height / width == pytest.approx(200 / 360, abs=0.03)
    assert (rows[0] + rows[-1]) / 2 == pytest.approx(63.5, abs=1.5)
    assert (columns[0] + columns[-1]) / 2 == pytest.approx(63.5, abs=1.5)


def test_kinds_of_images():
    grey = photographed(noise=0)
    alpha = np.concatenate([np.zeros((*grey.shape[:2], 3), np.uint8), 255 - grey], axis=2)
    expected = clean_sketch(grey, 64)
    assert np.array_equal(clean_sketch(grey.astype(np.uint16) * 257, 64), expected)
    assert np.array_equal(clean_sketch(np.repeat(grey, 3, axis=2), 64), expected)
    assert np.array_equal(clean_sketch(alpha, 64), expected)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_empty_paper_is_refused(level):
    with pytest.raises(UserError, match="no dark lines"):
        clean_sketch(np.full((50, 50, 3), level, np.uint8))
