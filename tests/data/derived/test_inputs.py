"""What inputs are derived of a photograph, with numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pix2pix_tf.data.derived.inputs import (
    centre_mask,
    fixed_mask_seed,
    grey,
    lightness_in_grey,
    make_input,
    random_mask,
)

DERIVATIONS = (grey, lightness_in_grey, centre_mask, lambda photo: random_mask(photo, 0))


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def swatches(*colours: tuple[int, int, int]) -> np.ndarray:
    return np.array([colours], np.uint8)


def test_grey_is_the_luma():
    photo = swatches((255, 0, 0), (0, 255, 0), (0, 0, 255), (10, 10, 10))
    derived = grey(photo)
    assert derived.dtype == np.uint8
    assert derived.tolist() == [[[76], [150], [29], [10]]]  # 255 · 0.299, · 0.587, · 0.114


def test_lightness_is_the_grey_of_the_same_l():
    photo = swatches((0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 0, 255))
    derived = lightness_in_grey(photo)
    assert derived.dtype == np.uint8
    # A grey has the luminance of its colour: red's is 0.2126, which sRGB encodes as
    # 1.055 · 0.2126^(1/2.4) - 0.055 = 0.4985 = 127/255, blue's 0.0722 as 0.2979 = 76/255.
    assert derived.tolist() == [[[0] * 3, [255] * 3, [127] * 3, [76] * 3]]


@pytest.mark.parametrize("derive", [lightness_in_grey, grey])
def test_every_grey_stays_what_it_is(derive):
    greys = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    assert np.array_equal(derive(greys)[..., 0], greys[..., 0])


def test_the_middle_half_is_white():
    photo = noise(8, 12) // 2
    masked = centre_mask(photo)
    missing = np.zeros((8, 12), bool)
    missing[2:6, 3:9] = True
    assert (masked[missing] == 255).all()
    assert np.array_equal(masked[~missing], photo[~missing])


def test_the_middle_of_odd_sizes():
    missing = (centre_mask(np.zeros((5, 7, 3), np.uint8)) == 255).all(axis=-1)
    assert np.argwhere(missing).tolist() == [[y, x] for y in (1, 2) for x in (2, 3, 4)]


@pytest.mark.parametrize("size", [(256, 256), (100, 333), (32, 32)])
def test_random_rectangles_cover_10_to_40_percent(size):
    photo = np.zeros((*size, 3), np.uint8)
    shares = [(random_mask(photo, seed) == 255).mean() for seed in range(200)]
    assert min(shares) >= 0.1
    assert max(shares) <= 0.4
    assert max(shares) - min(shares) > 0.1


def test_a_random_mask_is_a_function_of_the_seed():
    photo = noise(64, 64) // 2
    masked = random_mask(photo, 5)
    missing = (masked == 255).all(axis=-1)
    assert np.array_equal(masked, random_mask(photo, 5))
    assert np.array_equal(masked[~missing], photo[~missing])
    twice = random_mask(np.zeros((128, 128, 3), np.uint8), 5)
    assert np.array_equal((twice == 255).all(axis=-1), missing.repeat(2, 0).repeat(2, 1))
    assert not np.array_equal(masked, random_mask(photo, 6))
    # No rectangle by itself covers 10 percent: there are more corners than one has.
    corners = np.abs(np.diff(np.diff(np.pad(missing, 1).astype(int), axis=0), axis=1)).sum()
    assert corners > 4


def test_the_photograph_itself_stays():
    photo = noise(40, 40)
    before = photo.copy()
    for derive in DERIVATIONS:
        derive(photo)
    assert np.array_equal(photo, before)


@pytest.mark.parametrize(
    "derive", [grey, lightness_in_grey, centre_mask, lambda p: random_mask(p, 0)]
)
def test_other_arrays_are_refused(derive):
    with pytest.raises(ValueError, match=r"float32 \(4, 4, 3\)"):
        derive(np.zeros((4, 4, 3), np.float32))
    with pytest.raises(ValueError, match=r"uint8 \(4, 4, 1\)"):
        derive(np.zeros((4, 4, 1), np.uint8))


def test_each_kind_of_input_has_one_function():
    photo = noise(40, 40)
    assert np.array_equal(make_input("lightness", photo), lightness_in_grey(photo))
    assert np.array_equal(make_input("centre_mask", photo), centre_mask(photo))
    assert np.array_equal(make_input("random_mask", photo, 9), random_mask(photo, 9))
    with pytest.raises(ValueError, match="kind is blur"):
        make_input("blur", photo)


def test_a_validation_image_keeps_its_mask_whatever_others_there_are():
    assert fixed_mask_seed(0, "street/12") == fixed_mask_seed(0, "street/12")
    assert len({fixed_mask_seed(seed, name) for seed in (0, 1) for name in "ab"}) == 4
