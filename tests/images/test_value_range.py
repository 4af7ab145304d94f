import numpy as np
import pytest

from pix2pix_tf.images.value_range import (
    ImageValues,
    ValueRange,
    full_range,
    given_range,
    image_values,
)
from pix2pix_tf.utils.errors import UserError

U8, U16, F32 = np.dtype("u1"), np.dtype("u2"), np.dtype("f4")
TWELVE_BITS = ImageValues(U16, ValueRange((0.0,), (4095.0,)))


def test_fractions_and_back_by_channel():
    by_channel = ValueRange((0.0, -10.0), (4.0, 10.0))
    image = np.array([[[1, -10], [4, 0], [9, -20]]], np.int16)
    fractions = by_channel.fractions(image)
    assert fractions.tolist() == [[[0.25, 0.0], [1.0, 0.5], [1.0, 0.0]]]
    assert fractions.dtype == np.float32
    back = by_channel.values(fractions, np.dtype("i2"))
    assert back.tolist() == [[[1, -10], [4, 0], [4, -10]]]


def test_values_outside_are_counted_by_channel_and_the_ends_are_inside():
    by_channel = ValueRange((0.0, 5.0), (4.0, 10.0))
    image = np.array([[[0, 5], [4, 10]], [[5, 4], [-1, 11]]], np.float32)
    assert by_channel.count_outside(image).tolist() == [2, 2]


@pytest.mark.parametrize(
    ("setting", "types", "expected"),
    [
        ("dtype", [], ImageValues(U8)),
        ("dtype", [U8, U16], ImageValues(U16)),
        ("dtype", [np.dtype("i2")], ImageValues(np.dtype("i2"))),
        ((0.0, 1.0), [U8, F32], ImageValues(F32, ValueRange((0.0,), (1.0,)))),
        (
            ((0.0, 1.0), (2.0, 3.0)),
            [np.dtype("i2"), U16],
            ImageValues(np.dtype("i4"), ValueRange((0.0, 2.0), (1.0, 3.0))),
        ),
    ],
)
def test_the_widest_type_of_the_files(setting, types, expected):
    assert image_values(setting, types, "data.input_range") == expected


@pytest.mark.parametrize(
    ("types", "words"),
    [
        ([F32], "the files are float32, and floats have no range of their own: give .*"),
        ([U8, np.dtype("i2")], r"the files are of several types \(int16, uint8\), .*"),
    ],
)
def test_files_without_a_range_of_their_own_are_refused(types, words):
    message = rf"data\.target_range: dtype: {words}--set data\.target_range=\[LOW,HIGH\]"
    with pytest.raises(UserError, match=message):
        image_values("dtype", types, "data.target_range")


def test_integers_have_the_range_of_their_type_and_floats_none():
    assert full_range(np.dtype("i2")) == ValueRange((-32768.0,), (32767.0,))
    assert full_range(np.dtype("u4")) == ValueRange((0.0,), (4294967295.0,))
    with pytest.raises(UserError, match=r"type float32 have no range of their own.*input_range"):
        full_range(F32)


def test_8_and_16_bits_are_converted_by_full_scale_only_without_a_range():
    eight, deep = np.array([[[0], [255]]], np.uint8), np.array([[[0], [65535]]], np.uint16)
    assert ImageValues(U16).unify(eight).tolist() == deep.tolist()
    assert ImageValues(U8).unify(deep).tolist() == eight.tolist()
    assert TWELVE_BITS.unify(eight).tolist() == eight.tolist()
    assert TWELVE_BITS.unify(eight).dtype == np.uint16
    assert TWELVE_BITS.unify(deep) is deep
    narrow = ImageValues(U8, ValueRange((0.0,), (255.0,)))
    assert narrow.unify(np.array([-3.0, 2.6, 300.0])).tolist() == [0, 3, 255]


def test_displays_and_drawings():
    image = np.array([[[0], [2047], [4095], [60000]]], np.uint16)
    shown = TWELVE_BITS.full_scale(image)
    assert shown.dtype == np.float32
    assert shown.ravel().tolist() == pytest.approx([0, 2047 / 4095, 1, 1])
    assert ImageValues(U16).full_scale(image) is image
    signed = np.array([[[-32768], [32767]]], np.int16)
    assert ImageValues(signed.dtype).full_scale(signed).ravel().tolist() == [0, 1]
    drawn = np.array([[[0], [51], [255]]], np.uint8)
    assert TWELVE_BITS.from_full_scale(drawn).ravel().tolist() == [0, 819, 4095]
    assert ImageValues(U16).from_full_scale(drawn) is drawn


@pytest.mark.parametrize(
    ("values", "dtype", "takes"),
    [
        (ImageValues(U8), "u1", True),
        (ImageValues(U8), "u2", True),
        (ImageValues(U8), "i2", False),
        (ImageValues(np.dtype("i2")), "i2", True),
        (TWELVE_BITS, "f8", True),
        (TWELVE_BITS, "i4", True),
        (TWELVE_BITS, "c8", False),
        (TWELVE_BITS, "?", False),
    ],
)
def test_types_of_images_that_a_side_takes(values, dtype, takes):
    assert values.takes(np.dtype(dtype)) is takes


def test_one_range_for_all_channels_or_one_for_each():
    assert given_range((0.0, 1.0)) == ValueRange((0.0,), (1.0,))
    assert given_range(((0.0, 1.0), (2.0, 3.0))) == ValueRange((0.0, 2.0), (1.0, 3.0))
