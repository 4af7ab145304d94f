import numpy as np
import pytest

from pix2pix_tf.segmentation.decoding import decode_labels
from pix2pix_tf.segmentation.palette import make_palette, palette_entries
from pix2pix_tf.segmentation.shipped import load_palette
from tests.segmentation.conftest import TWO, refusal, row

ROAD, CAR, TRUCK = 0, 13, 14


def test_cityscapes_has_the_19_training_classes():
    palette = load_palette("cityscapes")
    assert palette.classes[:3] == ("road", "sidewalk", "building")
    assert palette.classes[10:14] == ("sky", "person", "rider", "car")
    assert palette.classes[18] == "bicycle"
    assert palette.colours.shape == (19, 3)
    assert palette.colours[ROAD].tolist() == [128, 64, 128]
    assert palette.colours[CAR].tolist() == [0, 0, 142]
    assert palette.colours.dtype == palette.void.dtype == np.uint8


def test_palette_of_the_users_own(two):
    assert (two.name, two.classes) == ("two", ("meadow", "lake"))
    assert two.colours.tolist() == [[0, 200, 0], [0, 0, 200]]
    assert two.void.tolist() == [[0, 0, 0]]


def test_palette_without_void_decodes_to_classes_only():
    entries = [{"name": "a", "colour": [0, 0, 0]}, {"name": "b", "colour": [9, 9, 9]}]
    palette = make_palette("ab", entries, "ab.yaml")
    assert palette.void.shape == (0, 3)
    decoded = decode_labels(row((1, 1, 1), (255, 0, 255)), palette)
    assert decoded.classes.tolist() == [[0, 1]]
    assert decoded.unknown == 1


def test_entries_make_the_same_palette():
    palette = load_palette("cityscapes")
    again = make_palette("cityscapes", palette_entries(palette), "here")
    assert again.classes == palette.classes
    np.testing.assert_array_equal(again.colours, palette.colours)
    np.testing.assert_array_equal(again.void, palette.void)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("road: [1, 2, 3]", "expected a list of {name: road"),
        ("- road", "entry 1: expected {name: road"),
        ("- {name: road}", "entry 1: expected {name: road"),
        ("- {name: road, color: [1, 2, 3]}", "entry 1: expected {name: road"),
        ("- {name: a, colour: [1, 2]}", "entry 1: colour: [1, 2]: expected red, green and blue"),
        ("- {name: a, colour: [1, 2, 256]}", "from 0 to 255"),
        ("- {name: a, colour: [1, 2, 2.5]}", "from 0 to 255"),
        ("- {name: a, colour: red}", "colour: 'red': expected red, green and blue"),
        ("- {void: 3, colour: [1, 2, 3]}", "entry 1: void: 3: expected true"),
        ("- {name: [3], colour: [1, 2, 3]}", "entry 1: name: [3]: expected a text"),
        (TWO + "- {name: lake, colour: [9, 9, 9]}", "entry 4: name: 'lake'"),
        (TWO + "- {void: true, colour: [0, 0, 200]}", "entry 4: the colour [0, 0, 200] is given"),
        ("- {name: a, colour: [1, 2, 3]}", "has 1 classes; expected 2 to 255"),
        ("- {name: [}", "line 1, column"),
    ],
)
def test_file_that_is_no_palette_is_refused(tmp_path, text, words):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    message = refusal(load_palette, file)
    assert message.startswith(str(file))
    assert words in message


def test_unknown_palette_is_refused_with_the_nearest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = refusal(load_palette, "cityscape")
    assert "shipped are cityscapes, sample; did you mean cityscapes?" in message
