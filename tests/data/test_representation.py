import warnings

import numpy as np
import pytest
import tensorflow as tf
from skimage.color import lab2rgb, rgb2lab

from pix2pix_tf.data.derived.inputs import lightness_in_grey
from pix2pix_tf.data.representation import decode, encode, from_lab, representation, to_lab
from pix2pix_tf.images.value_range import ImageValues, ValueRange
from pix2pix_tf.utils.errors import UserError


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


# --- ranges of values ---------------------------------------------------------------------------


def values(dtype, low, high):
    return ImageValues(np.dtype(dtype), ValueRange(low, high))


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"])
def test_every_type_is_scaled_by_its_range_and_back(dtype):
    side = values(dtype, (10.0,), (90.0,))
    image = np.array([[[10], [30], [50], [90], [0], [100]]], dtype)
    encoded = encode(tf.constant(image), side).numpy()
    assert encoded.dtype == np.float32
    assert encoded.ravel().tolist() == [-1.0, -0.5, 0.0, 1.0, -1.0, 1.0]
    decoded = decode(tf.constant(encoded), side).numpy()
    assert decoded.dtype == np.dtype(dtype)
    assert decoded.ravel().tolist() == [10, 30, 50, 90, 10, 90]


def test_each_channel_has_its_own_range():
    side = values("f4", (0.0, -8.0), (1.0, 8.0))
    image = np.array([[[0.25, -8.0], [1.0, 4.0]]], np.float32)
    encoded = encode(tf.constant(image), side)
    assert encoded.numpy().tolist() == [[[-0.5, -1.0], [1.0, 0.5]]]
    assert decode(encoded, side).numpy().tolist() == image.tolist()


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "i4"])
def test_without_a_range_integers_span_that_of_their_type(dtype):
    limits = np.iinfo(dtype)
    image = np.array([limits.min, limits.max], dtype)
    side = ImageValues(np.dtype(dtype))
    assert encode(tf.constant(image), side).numpy().tolist() == [-1.0, 1.0]
    assert decode(tf.constant([-1.0, 1.0]), side).numpy().tolist() == image.tolist()
    assert decode(tf.constant([-1.5, 1.5]), side).numpy().tolist() == image.tolist()


def test_the_range_of_12_bits_to_the_bit():
    side = values("u2", (0.0,), (4095.0,))
    image = np.arange(4096, dtype=np.uint16)
    encoded = encode(tf.constant(image), side)
    expected = image.astype(np.float32) / np.float32(2047.5) - np.float32(1)
    assert np.array_equal(encoded.numpy(), expected)
    assert np.array_equal(decode(encoded, side).numpy(), image)
    assert decode(tf.constant([0.9, 1.0, 7.0]), side).numpy().tolist() == [3890, 4095, 4095]


def test_large_numbers_keep_their_differences():
    side = values("f8", (1e9,), (1e9 + 4,))
    image = np.array([1e9, 1e9 + 1, 1e9 + 4])
    assert encode(tf.constant(image), side).numpy().tolist() == [-1.0, -0.5, 1.0]
    assert decode(tf.constant([-1.0, -0.5, 1.0]), side).numpy().tolist() == image.tolist()


def test_a_range_wider_than_the_type_is_cut_to_it():
    assert decode(tf.constant([1.0, -1.0]), values("u1", (-9.0,), (999.0,))).numpy().tolist() == [
        255,
        0,
    ]


def test_floats_without_a_range_are_refused():
    with pytest.raises(UserError, match=r"float32 have no range of their own.*data\.input_range"):
        encode(tf.constant([0.5]))


@pytest.mark.parametrize(
    ("dtype", "nodata", "values", "expected"),
    [
        ("f4", float("nan"), [float("nan"), 0, 5, 10, 99], [-1, -1, 0, 1, 1]),
        ("f4", 1e20, [1e20, 10, 11], [-1, 1, 1]),
        ("f4", -9999.0, [-9999, 0, 10], [-1, -1, 1]),
        ("u2", 65535, [65535, 10, 65534], [-1, 1, 1]),
        ("u1", float("nan"), [0, 5], [-1, 0]),
        ("f4", 5.0, [5, 10], [0, 1]),  # within the range: data, after resizing for instance
        ("f4", None, [99], [1]),
    ],
)
def test_no_data_in_arrays_is_the_low_end(dtype, nodata, values, expected):
    meaning = ImageValues(np.dtype(dtype), ValueRange((0.0,), (10.0,)), nodata)
    image = tf.constant(np.array(values, dtype)[:, np.newaxis])
    assert encode(image, meaning).numpy().ravel().tolist() == expected


def test_no_data_in_arrays_is_the_low_end_of_each_channel():
    meaning = ImageValues(np.dtype("f4"), ValueRange((0.0, 0.0), (10.0, 30.0)), 20.0)
    image = tf.constant([[[20.0, 20.0]]])
    assert encode(image, meaning).numpy().ravel().tolist() == [-1, pytest.approx(1 / 3)]
