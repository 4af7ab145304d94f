import warnings

import numpy as np
import pytest
import tensorflow as tf
from skimage.color import lab2rgb, rgb2lab

from pix2pix_tf.data.derived.inputs import lightness_in_grey
from pix2pix_tf.data.representation import decode, encode, from_lab, representation, to_lab


def test_ranges():
    encoded = encode(tf.constant([0, 51, 255], tf.uint8)).numpy()
    np.testing.assert_allclose(encoded, [-1, -0.6, 1], atol=1e-6)
    encoded = encode(tf.constant([0, 13107, 65535], tf.uint16)).numpy()
    np.testing.assert_allclose(encoded, [-1, -0.6, 1], atol=1e-6)


def test_every_grey_level_comes_back():
    levels = tf.range(256)
    assert np.array_equal(decode(encode(tf.cast(levels, tf.uint8))), levels)


def test_rounds_to_the_nearest_and_clips():
    values = tf.constant([-3.0, -1.0, 0.4 / 127.5 - 1, 0.6 / 127.5 - 1, 1.0, 2.0])
    assert decode(values).numpy().tolist() == [0, 0, 0, 1, 255, 255]


@pytest.fixture(scope="module")
def colours():
    random = np.random.default_rng(0)
    corners = [[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)]
    return np.array([*corners, *random.integers(0, 256, (500, 3))], np.uint8)[None, None]


def test_lab_is_that_of_scikit_image(colours):
    np.testing.assert_allclose(to_lab(encode(tf.constant(colours))), rgb2lab(colours), atol=2e-3)


def test_lab_and_back_is_the_same_colour(colours):
    back = decode(from_lab(to_lab(encode(tf.constant(colours)))))
    assert np.array_equal(back, colours)


def test_colours_that_do_not_exist_are_clipped_as_scikit_image_does():
    lab = np.array([[[60.0, 90.0, -90.0], [30.0, -80.0, 80.0], [50.0, 0.0, 0.0]]], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = lab2rgb(lab) * 2 - 1
    np.testing.assert_allclose(from_lab(tf.constant(lab)), expected, atol=2e-3)


def test_colourisation_sees_l_and_makes_ab(colours):
    lab = representation("lab")
    image = encode(tf.constant(colours))
    seen, wanted = lab.to_input(image), lab.to_target(image)
    assert (seen.shape[-1], wanted.shape[-1]) == (1, 2)
    np.testing.assert_allclose(seen[0, 0, 0], [-1.0], atol=1e-5)  # black
    np.testing.assert_allclose(seen[0, 0, 7], [1.0], atol=1e-5)  # white
    np.testing.assert_allclose(wanted[0, 0, 4] * 110, [[80.0925, 67.2032]][0], atol=0.01)  # red
    assert np.array_equal(decode(lab.to_image(wanted, image)), colours)


def test_colourisation_keeps_the_lightness_of_what_it_was_given(colours):
    given = lightness_in_grey(colours[0])[None]
    assert (given[..., 0] == given[..., 1]).all()
    made = tf.random.stateless_uniform((1, 1, 508, 2), (0, 1), -0.1, 0.1)
    out = decode(representation("lab").to_image(made, encode(tf.constant(given))))
    middle = (given[..., 0] > 60) & (given[..., 0] < 200)  # where such colours exist
    off = np.abs(rgb2lab(out.numpy())[..., 0] - rgb2lab(colours)[..., 0])
    assert off[middle].max() < 0.6
