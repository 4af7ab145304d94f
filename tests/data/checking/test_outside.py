"""Values outside data.input_range and data.target_range: counted, said once, refused if all are."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.utils.errors import UserError

COUNT = 4


def folders(root, channels=1):
    """Pairs of 32×32 with 16 bits, all values 100 (A) and 3000 (B) unless a test changes them."""
    for side, value in (("A", 100), ("B", 3000)):
        (root / side).mkdir(parents=True)
        for number in range(COUNT):
            shape = (32, 32) if channels == 1 else (32, 32, channels)
            image = np.full(shape, value, np.uint16)
            image[0, 0] = value + 1  # no single colour
            tifffile.imwrite(root / side / f"{number}.tif", image)
    return root


def change(path, values):
    """Writes values into the first row of a file."""
    image = tifffile.imread(path)
    image[1, : len(values)] = values
    tifffile.imwrite(path, image)


def notes(root, **data):
    tree = {
        "data": {
            "root": str(root),
            "load_size": 32,
            "crop_size": 32,
            "input_channels": 1,
            "target_channels": 1,
            "input_range": [0, 4095],
            "target_range": [0, 4095],
            **data,
        },
        "discriminator": {"receptive_field": 34},
    }
    return open_pairs(make_config(tree), check=True).notes


def test_nothing_is_said_where_all_values_lie_inside(tmp_path):
    assert notes(folders(tmp_path / "d")) == []
    assert notes(tmp_path / "d", input_range=[100, 101], target_range=[3000, 3001]) == []


def test_values_outside_are_counted_with_their_files(tmp_path):
    root = folders(tmp_path / "d")
    change(root / "A" / "0.tif", [4095, 4096, 5000, 60000])
    change(root / "A" / "2.tif", [65535])
    (note,) = notes(root)
    assert note == (
        "data.input_range=[0, 4095]: 4 values of A lie outside and are clipped, in 2 of 4 images: "
        f"{root / 'A' / '0.tif'} (3), {root / 'A' / '2.tif'} (1)"
    )


def test_the_other_direction_has_the_ranges_of_its_sides(tmp_path):
    root = folders(tmp_path / "d")
    change(root / "A" / "1.tif", [200])
    (note,) = notes(root, direction="BtoA", input_range=[0, 4095], target_range=[0, 150])
    assert note.startswith("data.target_range=[0, 150]: 1 value of A lies outside and is clipped")


def test_long_lists_are_cut(tmp_path, monkeypatch):
    monkeypatch.setattr("pix2pix_tf.data.checking.outside._NAMED_AT_MOST", 2)
    root = folders(tmp_path / "d")
    (note,) = notes(root, input_range=[0, 100])  # one value in each file
    assert "4 values of A lie outside and are clipped, in 4 of 4 images" in note
    assert "3.tif" not in note


def test_a_range_that_no_value_lies_in_is_refused(tmp_path):
    root = folders(tmp_path / "d")
    message = (
        r"data\.input_range=\[0, 1\]: no value of A lies in it \(4 images, the first is .*0\.tif\)"
        "; give the smallest and the largest value that matters, in the numbers of the files"
    )
    with pytest.raises(UserError, match=message):
        notes(root, input_range=[0, 1])
    change(root / "A" / "3.tif", [1])  # one value of one file is enough
    (note,) = notes(root, input_range=[0, 1])
    assert f"{COUNT * 32 * 32 - 1:,} values of A lie outside" in note


def test_a_channel_without_a_value_in_its_range_is_refused(tmp_path):
    root = folders(tmp_path / "d", channels=3)
    with pytest.raises(UserError, match=r"no value of channel 2 of B lies in it"):
        notes(
            root,
            input_channels=3,
            target_channels=3,
            target_range=[[0, 4095], [0, 1], [0, 4095]],
        )


def test_halves_of_side_by_side_pairs_and_converted_channels(tmp_path):
    for number in range(3):  # A is 10, B is 200, in RGB
        both = np.concatenate([np.full((32, 32, 3), v, np.uint8) for v in (10, 200)], axis=1)
        both[0, 0], both[0, 40] = (90, 90, 90), (201, 0, 0)
        Image.fromarray(both).save(tmp_path / f"{number}.png")
    first, second = notes(tmp_path, input_range=[10, 89], target_range=[61, 200])
    assert first.startswith("data.input_range=[10, 89]: 3 values of A lie outside")
    assert second.startswith("data.target_range=[61, 200]: 3 values of B lie")  # the luma is 60


def test_12_bits_are_no_warning_once_their_range_is_given(tmp_path):
    root = folders(tmp_path / "d")
    assert notes(root) == []
    warned = notes(root, target_range="dtype")
    assert len(warned) == 1
    assert "4 images of B with 16 bits" in warned[0]
    assert "data.input_range=[0,4095] (for targets, data.target_range)" in warned[0]


def test_other_numbers_of_channels_are_refused_with_both(tmp_path):
    root = folders(tmp_path / "d")
    with pytest.raises(UserError, match=r"0\.tif has 1 channel, and 5 are to be read: set"):
        notes(root, input_channels=5)


WORDS = ("--config", "facades", "--set", "data.input_channels=1", "--set", "data.target_channels=1")


def test_data_check_counts_by_a_config(here, tmp_path):
    root = folders(tmp_path / "d")
    change(root / "B" / "0.tif", [5000, 5000])
    words = (*WORDS, "--set", "data.direction=AtoB", "--set", "data.target_range=[0,4095]")
    code, out, _ = here("data", "check", "d", *words)
    assert code == 0
    out = " ".join(out.split())
    assert "data.target_range=[0, 4095]: 2 values of B lie outside and are clipped" in out
    assert "4 images of A with 16 bits" in out
    assert "4 images of B with 16 bits" not in out
    assert "2 warnings stand above" in out


def test_data_check_names_a_range_without_values_and_other_channels(here, tmp_path):
    folders(tmp_path / "d")
    code, out, _ = here("data", "check", "d", *WORDS, "--set", "data.input_range=[0,1]")
    assert code == 2
    assert "data.input_range=[0, 1]: no value of B lies in it" in " ".join(out.split())  # BtoA
    code, out, _ = here("data", "check", "d", *WORDS, "--set", "data.input_channels=6")
    assert code == 2
    assert "has 1 channel, and 6 are to be read" in " ".join(out.split())
    assert "problems in d: 4" in out


def test_data_check_takes_keys_only_with_a_config(here, tmp_path):
    folders(tmp_path / "d")
    code, _, err = here("data", "check", "d", "--set", "data.input_channels=1")
    assert code == 2
    assert "--set: changes keys of a config; give it with --config" in err
