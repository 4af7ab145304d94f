import numpy as np
import pytest

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.data.pairs import open_split
from pix2pix_tf.datasets.sample_city import render_city
from pix2pix_tf.segmentation.labels import label_map
from pix2pix_tf.segmentation.palette import VOID, make_palette
from pix2pix_tf.segmentation.shipped import load_palette
from pix2pix_tf.utils.errors import UserError

FILES = make_config({"data": {"root": "somewhere"}}).data


@pytest.fixture
def three():
    entries = [
        {"name": "floor", "colour": [0, 0, 0]},
        {"name": "ball", "colour": [100, 100, 100]},
        {"name": "wall", "colour": [200, 200, 200]},
        {"void": True, "colour": [255, 0, 0]},
    ]
    return make_palette("three", entries, "three.yaml")


def pair_of(first, second):
    """One pair, seen at 16×16."""
    return Pairs(["street-1"], lambda _: (first, second), (16, 16), np.dtype(np.uint8))


def test_colours_are_decoded_before_resizing(three):
    labels = np.zeros((40, 40, 3), np.uint8)
    labels[:, 21:] = 200  # resized first, a column between dark and light would show balls
    pairs = pair_of(labels, labels)
    assert 60 < pairs[0][1][0, 8, 0] < 140
    classes = label_map(pairs, 0, 1, three, FILES)
    assert (classes.shape, classes.dtype) == ((16, 16), np.uint8)
    assert classes.tolist() == [[0] * 8 + [2] * 8] * 16


def test_side_says_which_picture(three):
    floor, wall = np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 200, np.uint8)
    wall[0] = 255, 0, 0
    pairs = pair_of(floor, wall)
    assert np.unique(label_map(pairs, 0, 0, three, FILES)).tolist() == [0]
    assert np.unique(label_map(pairs, 0, 1, three, FILES)).tolist() == [2, VOID]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_grey_of_any_number_of_channels_is_the_palettes_and_alpha_plays_no_part(three, channels):
    labels = np.full((16, 16, channels), 100, np.uint8)
    if channels in (2, 4):
        labels[..., -1] = 255
    assert np.unique(label_map(pair_of(labels, labels), 0, 1, three, FILES)).tolist() == [1]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_grey_of_any_number_of_channels_is_class_numbers_where_told(three, channels):
    labels = np.full((16, 16, channels), 1, np.uint8)
    if channels in (2, 4):
        labels[..., -1] = 255
    pairs = pair_of(labels, labels)
    assert np.unique(label_map(pairs, 0, 1, three, FILES, label_ids=True)).tolist() == [1]
    with pytest.raises(UserError, match=r"pair street-1, its target: .*--label-ids or --no-label"):
        label_map(pairs, 0, 1, three, FILES)


def test_what_is_no_label_picture_is_refused_by_name(three):
    photo = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    with pytest.raises(UserError, match=r"pair street-1, its input: .* palette three"):
        label_map(pair_of(photo, photo), 0, 0, three, FILES)
    grey = np.full((16, 16, 1), 77, np.uint8)
    with pytest.raises(UserError, match=r"pair street-1, its target: 100% .*\[77, 77, 77\]"):
        label_map(pair_of(photo, grey), 0, 1, three, FILES)


def test_the_embedded_city_has_exact_classes(tiny):
    config = tiny(data__direction="BtoA")
    pairs = open_split(config, "val")
    for side in (0, 1):
        classes = label_map(pairs, 1, side, load_palette("sample"), config.data)
        number = int(pairs.names[1].removeprefix("city-"))
        np.testing.assert_array_equal(classes, render_city(number, 32, 32).classes)
