"""Which channels are shown, and between which values they are stretched."""

import numpy as np
import pytest

from pix2pix_tf.images.convert import for_display
from pix2pix_tf.images.display import (
    COLOURS,
    Display,
    DisplaySetting,
    PairDisplaySetting,
    display_setting,
    measure_display,
    shown_channels,
)
from pix2pix_tf.images.sheets import GAP, pairs_sheet
from pix2pix_tf.images.value_range import ImageValues, PairValues, ValueRange

F32, U8, U16 = np.dtype("f4"), np.dtype("u1"), np.dtype("u2")


def ramp(*channels):
    """An image of one row, 0 to 100, whose channels are multiples of that."""
    return np.stack([np.arange(101.0) * factor for factor in channels], -1)[None]


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_colours_are_shown_as_they_are(dtype, channels):
    top = np.iinfo(dtype).max
    image = np.random.default_rng(0).integers(0, top // 3, (4, 5, channels)).astype(dtype)
    display = measure_display([image], DisplaySetting())
    assert display == COLOURS
    assert np.array_equal(display(image), for_display(image))


@pytest.mark.parametrize(
    ("channels", "dtype", "shown"),
    [(1, F32, (0,)), (2, F32, (0,)), (3, F32, (0, 1, 2)), (4, F32, (0, 1, 2)), (5, U8, (0, 1, 2))],
)
def test_other_images_show_their_first_channels(channels, dtype, shown):
    assert shown_channels(DisplaySetting(), channels, dtype) == shown


def test_named_channels_are_shown_of_colours_too():
    image = np.arange(4, dtype=np.uint8).reshape(1, 1, 4)
    display = measure_display([image], DisplaySetting((4, 1, 2), None))
    assert display(image).tolist() == [[[3, 0, 1]]]
    assert measure_display([image], DisplaySetting((3,), None))(image).tolist() == [[[2, 2, 2]]]


def test_each_channel_is_stretched_between_its_percentiles():
    display = measure_display([ramp(1, 10, -1)], DisplaySetting(percentiles=(10, 90)))
    assert display == Display((0, 1, 2), (10, 100, -90), (90, 900, -10))
    shown = display(ramp(1, 10, -1))[0]
    assert shown[[0, 10, 50, 90, 100], 0].tolist() == [0, 0, 128, 255, 255]
    assert np.array_equal(shown[:, 0], shown[:, 1])
    assert np.array_equal(shown[:, 2], shown[::-1, 0])


def test_percentiles_are_of_all_images_together():
    halves = np.split(ramp(1)[:, :100], 2, axis=1)
    assert measure_display(halves, DisplaySetting(percentiles=(0, 100))).white == (99,)


def test_many_pixels_are_sampled_evenly():
    values = np.linspace(0, 1, 3 * 2**20, dtype=np.float32).reshape(2**10, -1, 1)
    display = measure_display([values, values], DisplaySetting(percentiles=(10, 90)))
    assert display.black[0] == pytest.approx(0.1, abs=1e-3)
    assert display.white[0] == pytest.approx(0.9, abs=1e-3)


def test_one_value_and_nan_do_no_harm():
    flat = np.full((3, 3, 1), 0.25, np.float32)
    assert measure_display([flat], DisplaySetting())(flat).max() == 64  # in full scale
    missing = np.array([[[np.nan], [0.0], [1.0]]], np.float32)
    display = measure_display([missing], DisplaySetting(percentiles=(0, 100)))
    assert display(missing)[0, :, 0].tolist() == [0, 0, 255]
    assert measure_display([missing[:, :1]], DisplaySetting()).white == (1.0,)


def test_without_percentiles_the_full_scale_is_shown():
    assert measure_display([ramp(1) / 200], DisplaySetting(percentiles=None)).white == (1.0,)
    deep = np.zeros((1, 1, 5), np.uint16)
    assert measure_display([deep], DisplaySetting(percentiles=None)).white == (65535.0,) * 3


def test_setting_of_a_config(tiny):
    config = tiny(
        data__root="x", data__dataset=None, data__input_channels=13, data__input_display=[4, 3, 2]
    )
    setting = display_setting(config.data)
    assert setting.input == DisplaySetting((4, 3, 2), (2.0, 98.0))
    assert setting.target.channels is None
    backwards = config.in_direction("BtoA")
    assert display_setting(backwards.data).target.channels == (4, 3, 2)


def test_outputs_of_a_sheet_are_stretched_like_targets():
    values = ImageValues(F32, ValueRange((0.0,), (10.0,)))
    target = np.tile(np.linspace(1, 4, 20, dtype=np.float32)[:, None, None], (1, 20, 5))
    target[..., 2] *= -1  # clipped, a single value
    sheet = pairs_sheet(
        lambda image: target + 1,
        [(target, target)],
        1,
        PairValues(values, values),
        PairDisplaySetting(DisplaySetting((5,), None), DisplaySetting((4, 3, 2), (0, 100))),
    )
    rows = sheet[-GAP - 20 : -GAP]
    columns = [rows[:, GAP + k * (20 + GAP) :][:, :20] for k in range(3)]
    assert columns[0][[0, -1], 0].tolist() == [[26] * 3, [102] * 3]  # 1 and 4 of 10
    assert columns[2][[0, -1], 0].tolist() == [[0, 0, 0], [255, 0, 255]]
    assert columns[1][[0, -1], 0].tolist() == [[85, 0, 85], [255, 0, 255]]
