import math

import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.config.augmentations import Augmentations
from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.augment import (
    NUM_DRAWS,
    Window,
    blur,
    crop_window,
    cut,
    geometric_draws,
    orient,
    vary_values,
)

IMAGE = np.array([[1, 2, 3], [4, 5, 6]])[..., np.newaxis]


def augment(*names) -> Augmentations:
    return make_config(
        {"data": {"root": "x", "load_size": 1024, "augment": list(names)}}
    ).data.augment


def draws(seed, number):
    return geometric_draws(tf.constant([seed, number])).numpy()


EVERY = ("mirror", "flip_vertical", "rotate_90", "transpose", {"scale": [0.5, 2]})
ORDER = ("top", "left", "mirror", "scale", "flip_vertical", "rotate_90", "transpose")


def drawn(**values):
    """Draws by name; the others change nothing."""
    still = {"top": 0.0, "left": 0.0, "mirror": 0.9, "scale": 0.5, "flip_vertical": 0.9}
    still |= {"rotate_90": 0.0, "transpose": 0.9}
    return np.array([{**still, **values}[name] for name in ORDER], np.float32)


def oriented(*names, dtype=np.int32, **values):
    image = tf.constant(IMAGE.astype(dtype))
    return orient(image, tf.constant(drawn(**values)), augment(*names)).numpy()[..., 0].tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.uint32, np.float32])
def test_orientations_by_hand(dtype):
    def changed(**values):
        return oriented(*EVERY[:4], dtype=dtype, **values)

    assert changed() == [[1, 2, 3], [4, 5, 6]]
    assert changed(mirror=0.4) == [[3, 2, 1], [6, 5, 4]]
    assert changed(flip_vertical=0.4) == [[4, 5, 6], [1, 2, 3]]
    assert changed(rotate_90=0.3) == [[3, 6], [2, 5], [1, 4]]
    assert changed(rotate_90=0.6) == [[6, 5, 4], [3, 2, 1]]
    assert changed(rotate_90=0.9) == [[4, 1], [5, 2], [6, 3]]
    assert changed(transpose=0.4) == [[1, 4], [2, 5], [3, 6]]
    assert changed(mirror=0.4, transpose=0.4) == [[3, 6], [2, 5], [1, 4]]


def test_only_what_the_config_has_is_done():
    everything = {"mirror": 0.1, "flip_vertical": 0.1, "rotate_90": 0.3, "transpose": 0.1}
    assert oriented(**everything) == [[1, 2, 3], [4, 5, 6]]
    assert oriented("flip_vertical", **everything) == [[4, 5, 6], [1, 2, 3]]
    assert oriented("rotate_90", **everything) == [[3, 6], [2, 5], [1, 4]]


def test_windows_by_hand():
    half = drawn(top=0.5, left=0.25)
    assert crop_window(half, augment(), (10, 10), (4, 4)) == Window(3, 1, 4, 4)  # 7 places
    assert crop_window(half, augment(), (3, 10), (8, 8)) == Window(-2, 0, 8, 8)  # in the middle
    scaled = augment({"scale": [0.5, 2]})
    half[3] = 1.0  # twice as large
    assert crop_window(half, scaled, (10, 10), (4, 4)) == Window(4, 2, 2, 2)
    half[3] = 0.0
    assert crop_window(half, scaled, (10, 10), (4, 4)) == Window(1, 0, 8, 8)
    half[3] = 0.5  # 1 is in the middle between a half and 2
    assert crop_window(half, scaled, (10, 10), (4, 4)) == Window(3, 1, 4, 4)


def test_every_place_orientation_and_factor_occurs_as_often_as_any_other():
    every = np.array([draws(5, number) for number in range(400)])
    assert (every.min() >= 0) & (every.max() < 1)
    assert np.abs(every.mean(0) - 0.5).max() < 0.06
    for column in every.T:
        assert min(np.bincount((column * 4).astype(int), minlength=4)) > 70
    assert np.abs(np.corrcoef(every, rowvar=False) - np.eye(NUM_DRAWS)).max() < 0.2
    windows = [crop_window(each, augment(), (11, 12), (8, 8)) for each in every]
    assert set(windows) == {Window(top, left, 8, 8) for top in range(4) for left in range(5)}
    scaled = [crop_window(each, augment({"scale": [0.5, 2]}), (99, 99), (16, 16)) for each in every]
    assert 160 < sum(window.height > 16 for window in scaled) < 240  # as often larger as smaller
    assert {window.height for window in scaled} == set(range(8, 33))


def test_both_sides_get_the_same():
    """Of any type and number of channels."""
    rows, columns = np.indices((12, 14))
    image = (100 * rows + columns).astype(np.uint16)[..., np.newaxis]
    target = np.repeat(image, 3, axis=-1).astype(np.float32)
    for number in range(20):
        each = draws(0, number)
        window = crop_window(each, augment(*EVERY[:4]), (12, 14), (8, 8))
        a, b = (
            orient(tf.constant(cut(side, window)), tf.constant(each), augment(*EVERY[:4]))
            for side in (image, target)
        )
        assert a.shape == (8, 8, 1)
        assert np.array_equal(np.repeat(a, 3, axis=-1), b)


def test_draws_are_those_of_the_seed_within_tf_data_too():
    piped = tf.data.Dataset.range(4).map(
        lambda number: geometric_draws(tf.stack([3, tf.cast(number, tf.int32)])),
        num_parallel_calls=2,
    )
    for number, drawn in enumerate(piped):
        assert np.array_equal(drawn, draws(3, number))
    assert not np.array_equal(draws(3, 0), draws(3, 1))


def test_cut_pads_by_reflection_as_often_as_needed():
    row = np.arange(3)[np.newaxis, :, np.newaxis]
    assert cut(row, Window(0, -3, 1, 9))[..., 0].tolist() == [[1, 2, 1, 0, 1, 2, 1, 0, 1]]
    assert cut(row[:, :1], Window(-1, -1, 2, 3))[..., 0].tolist() == [[0, 0, 0]] * 2
    image = np.random.default_rng(0).integers(0, 99, (5, 4, 2))
    padded = np.pad(image, ((2, 1), (3, 2), (0, 0)), "reflect")
    assert np.array_equal(cut(image, Window(-2, -3, 8, 9)), padded)
    assert cut(image, Window(1, 1, 2, 2)).base is not None  # a view: nothing is copied


SEED = tf.constant([7, 1])


def varied(image, *names, seed=SEED):
    return vary_values(tf.constant(image, tf.float32), augment(*names), seed).numpy()


def test_brightness_adds_one_number_to_all_channels():
    image = np.zeros((4, 4, 2))
    offsets = [
        np.unique(varied(image, {"brightness": 0.1}, seed=tf.constant([7, n]))) for n in range(60)
    ]
    assert {len(each) for each in offsets} == {1}
    numbers = np.concatenate(offsets)
    assert -0.2 <= numbers.min() < -0.12  # a tenth of the range, which is 2 wide
    assert 0.12 < numbers.max() <= 0.2


def test_contrast_scales_about_the_mean_of_each_channel():
    image = np.array([[[0.1, -0.5], [0.3, -0.1]]])  # means 0.2 and -0.3
    factors = []
    for number in range(60):
        result = varied(image, {"contrast": 0.5}, seed=tf.constant([7, number]))
        np.testing.assert_allclose(result.mean((0, 1)), [0.2, -0.3], atol=1e-6)
        spread = (result[0, 1] - result[0, 0]) / [0.2, 0.4]
        assert spread[0] == pytest.approx(spread[1], abs=1e-5)
        factors.append(spread[0])
    assert 0.5 <= min(factors) < 0.65
    assert 1.35 < max(factors) <= 1.5


def test_noise_is_independent_in_every_value_and_within_its_strength():
    image = np.zeros((64, 64, 3))
    deviations = []
    for number in range(20):
        noise = varied(image, {"noise": 0.05}, seed=tf.constant([7, number]))
        assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.1
        assert abs(noise.mean()) < 0.01
        deviations.append(noise.std())
    assert max(deviations) < 0.105  # a twentieth of the range, which is 2 wide
    assert np.ptp(deviations) > 0.03  # the strength itself is drawn


def test_blur_by_hand():
    image = np.zeros((1, 5, 1), np.float32)
    image[0, 2] = 1.0
    image = np.repeat(image, 5, axis=0)
    weights = [math.exp(-0.5 * (d / 0.8) ** 2) for d in (-2, -1, 0, 1, 2)]
    expected = np.array(weights) / sum(weights) * [2, 1, 1, 1, 2]  # the borders see it reflected
    blurred = blur(tf.constant(image), tf.constant(0.8), radius=2).numpy()
    np.testing.assert_allclose(blurred[..., 0], [expected] * 5, atol=1e-6)
    np.testing.assert_array_equal(blur(tf.constant(image), tf.constant(0.0), 2).numpy(), image)


def test_blur_keeps_flat_images_and_gets_stronger():
    random = np.random.default_rng(0).uniform(-1, 1, (16, 16, 3))
    results = [varied(random, {"blur": 5}, seed=tf.constant([7, n])).std() for n in range(10)]
    assert max(results) < random.std()
    assert np.ptp(results) > 0.1
    np.testing.assert_allclose(varied(np.full((16, 16, 1), 0.5), {"blur": 5}), 0.5, atol=1e-6)


def test_values_are_clipped_stateless_and_unchanged_without_augmentation():
    image = np.random.default_rng(0).uniform(-1, 1, (16, 16, 3))
    names = [{"brightness": 0.5}, {"contrast": 1}, {"noise": 0.5}, {"blur": 1}]
    result = varied(image, *names)
    results = [varied(image, *names, seed=tf.constant([7, n])) for n in range(10)]
    assert max(np.abs(each).max() for each in results) == 1
    assert np.array_equal(result, varied(image, *reversed(names)))  # the order has no meaning
    assert not np.array_equal(result, varied(image, *names, seed=tf.constant([7, 2])))
    np.testing.assert_array_equal(varied(image, "mirror"), image.astype(np.float32))
