"""Channels, bit depth and size of image arrays, with numbers worked out by hand."""

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.images.convert import (
    for_display,
    resize_image,
    to_8bit,
    to_16bit,
    to_channels,
    to_dtype,
)


def flat(value, channels=3, dtype=np.uint8, size=(20, 30)):
    return np.full((*size, channels), value, dtype)


@pytest.mark.parametrize("channels", [0, 5, -1])
def test_other_channel_counts_are_a_programming_error(channels):
    with pytest.raises(ValueError, match="3 channels cannot be converted to"):
        to_channels(np.zeros((1, 1, 3), np.uint8), channels)


def test_compositing_extremes_do_not_overflow():
    white = np.full((1, 1, 4), 65535, np.uint16)
    assert to_channels(white, 3).tolist() == [[[65535] * 3]]
    white[..., 3] = 32768
    assert to_channels(white, 1).tolist() == [[[65535]]]


def test_every_8_bit_value_survives_16_bits():
    values = np.arange(256, dtype=np.uint8)
    assert to_16bit(values).tolist() == [257 * value for value in range(256)]
    assert np.array_equal(to_8bit(to_16bit(values)), values)


def test_16_bits_are_rounded_to_the_nearest_of_8():
    values = np.array([0, 128, 129, 257 * 7 + 128, 257 * 7 + 129, 65535 - 129, 65535], np.uint16)
    assert to_8bit(values).tolist() == [0, 0, 1, 7, 8, 254, 255]


def test_a_type_that_is_right_already_is_the_same_array():
    eight, sixteen = flat(3), flat(3, dtype=np.uint16)
    assert to_8bit(eight) is eight
    assert to_16bit(sixteen) is sixteen


def test_any_image_can_be_shown():
    assert (for_display(flat(7, 1)) == 7).all()
    assert for_display(flat(7, 1)).shape == (20, 30, 3)
    assert (for_display(flat(65535, 3, np.uint16)) == 255).all()
    half = np.concatenate([flat(0, 3), flat(51, 1)], axis=-1)  # black at a fifth of opacity
    assert (for_display(half) == 204).all()
    assert (for_display(np.concatenate([flat(100, 1), flat(0, 1)], axis=-1)) == 255).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_resize_keeps_type_channels_and_flat_values(dtype, channels):
    image = np.full((8, 6, channels), 200, dtype)
    image[..., -1] = 3
    resized = resize_image(image, 5, 13)
    assert resized.shape == (5, 13, channels)
    assert resized.dtype == dtype
    assert (resized == image[:1, :1]).all()


def test_resize_to_the_same_size_is_the_same_array():
    image = np.zeros((4, 5, 3), np.uint8)
    assert resize_image(image, 4, 5) is image


def test_resize_takes_height_before_width():
    columns = np.tile(np.array([0, 0, 255, 255], np.uint8)[None, :, None], (4, 1, 1))
    resized = resize_image(columns, 8, 4)
    assert (resized == columns[:1]).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_resize_is_pillows_bicubic_on_every_channel(channels):
    noise = np.random.default_rng(2).integers(0, 256, (17, 23, channels), np.uint8)
    resized = resize_image(noise, 9, 40)
    for k in range(channels):
        expected = Image.fromarray(noise[..., k]).resize((40, 9), Image.Resampling.BICUBIC)
        assert (resized[..., k] == np.array(expected)).all()


def test_alpha_does_not_weigh_colour():
    opaque = np.random.default_rng(3).integers(0, 256, (8, 8, 4), np.uint8)
    clear = opaque.copy()
    opaque[..., 3], clear[..., 3] = 255, 0
    assert (resize_image(opaque, 5, 5)[..., :3] == resize_image(clear, 5, 5)[..., :3]).all()


def test_overshoot_of_16_bits_is_clipped():
    step = np.repeat(np.array([0] * 8 + [65535] * 8, np.uint16)[None, :, None], 4, axis=0)
    resized = resize_image(step, 4, 64)
    assert resized[0, :8].max() == 0
    assert resized[0, -8:].min() == 65535
    assert (np.diff(resized[0, 28:36, 0].astype(int)) >= 0).all()


def test_antialiasing_of_16_bits_averages():
    checks = (np.indices((16, 16)).sum(0) % 2 * 65535).astype(np.uint16)[..., None]
    inner = resize_image(checks, 4, 4)[1:-1, 1:-1].astype(int)
    assert abs(inner - 32767).max() < 700


def test_integers_are_rounded_and_clipped_and_floats_kept():
    assert to_dtype(np.array([-1.0, 1.5, 2.5, 1e9]), np.dtype("u2")).tolist() == [0, 2, 2, 65535]
    assert to_dtype(np.array([-1.25]), np.dtype("f4")).tolist() == [-1.25]


@pytest.mark.parametrize("dtype", ["i2", "i4", "u4", "f2", "f4", "f8"])
def test_other_types_are_resized_like_16_bits(dtype):
    image = np.random.default_rng(0).integers(0, 2000, (9, 7, 5)).astype(np.uint16)
    expected = resize_image(image, 12, 15).astype(np.float64)
    found = resize_image(image.astype(dtype), 12, 15)
    assert found.dtype == np.dtype(dtype)
    inside = (expected > 0) & (expected < 2000)  # beyond, unsigned types are clipped
    assert np.abs(found - expected)[inside].max() <= 1


def test_large_numbers_are_resized_by_their_differences():
    image = np.array([[[0], [4]]], np.float64)
    expected = resize_image(image, 1, 4) + 1e9
    assert np.allclose(resize_image(image + 1e9, 1, 4), expected, rtol=0, atol=1e-6)
    whole = resize_image((image + 2e9).astype(np.uint32), 1, 4).astype(np.float64)
    assert np.abs(whole - 1e9 - expected).max() <= 0.5


def test_fractions_are_shown():
    assert for_display(np.array([[[0.0], [0.5], [1.0]]], np.float32))[0].tolist() == [
        [0, 0, 0],
        [128, 128, 128],
        [255, 255, 255],
    ]
