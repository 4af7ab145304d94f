"""Folders of side-by-side pairs made of photographs."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.data.derived.edges import canny_edges
from pix2pix_tf.data.derived.inputs import centre_mask, grey, lightness_in_grey, random_mask
from pix2pix_tf.data.layout.layout import find_layout
from pix2pix_tf.data.layout.pair_files import read_pair
from pix2pix_tf.data.layout.pair_spec import PairSpec, Side
from pix2pix_tf.images.io import read_image, write_image
from pix2pix_tf.preparation.deriving import write_derived_pairs
from pix2pix_tf.utils.errors import UserError

RGB = PairSpec(Side("A", 3), Side("B", 3), 3)


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for number, name in enumerate(["train/shoes/10.png", "train/shoes/2.png", "val/1.bmp"]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(folder / name, noise(20, 30, number))
    return folder


def plain(derive):
    """As `write_derived_pairs` takes it."""
    return lambda photo, name: derive(photo)


def listed(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


def test_pairs_keep_their_folders_and_are_found_again(photos, tmp_path):
    totals = []
    output = tmp_path / "deep" / "pairs"
    assert write_derived_pairs(photos, output, plain(grey), totals.append).count == 3
    assert totals == [3, 3, 3]
    expected = ["train", "train/shoes", "train/shoes/10.png", "train/shoes/2.png", "val"]
    assert listed(output) == [*expected, "val/1.png"]
    photo = read_image(photos / "val/1.bmp", 3)
    a, b = read_pair(find_layout(output, "side_by_side").pairs("val")[0], RGB)
    assert np.array_equal(b, photo)
    assert np.array_equal(a, np.repeat(grey(photo), 3, axis=2))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "photos"]


@pytest.mark.parametrize("derive", [canny_edges, lightness_in_grey, centre_mask])
def test_whatever_is_derived_makes_a_pair(photos, tmp_path, derive):
    (tmp_path / "pairs").mkdir()  # an empty folder will do
    write_derived_pairs(photos / "val", tmp_path / "pairs", plain(derive))
    pair = read_image(tmp_path / "pairs" / "1.png", 3)
    assert pair.shape == (20, 60, 3)
    left = derive(pair[:, 30:])
    assert np.array_equal(pair[:, :30], np.broadcast_to(left.reshape(20, 30, -1), (20, 30, 3)))


def test_what_is_made_of_a_photograph_may_follow_from_its_path(photos, tmp_path):
    seeds = {"train/shoes/2": 5, "train/shoes/10": 6, "val/1": 7}
    write_derived_pairs(
        photos, tmp_path / "pairs", lambda photo, name: random_mask(photo, seeds[name])
    )
    for name, seed in seeds.items():
        pair = read_image(tmp_path / "pairs" / f"{name}.png", 3)
        assert np.array_equal(pair[:, :30], random_mask(pair[:, 30:], seed))


def test_16_bits_are_rounded_to_8(tmp_path):
    (tmp_path / "photos").mkdir()
    levels = np.array([[0, 128, 129, 257 * 7, 65535, 65406]], np.uint16)
    Image.fromarray(levels).save(tmp_path / "photos" / "1.png")
    derived = write_derived_pairs(tmp_path / "photos", tmp_path / "pairs", plain(grey))
    assert derived.notes == ["1 image of 16 bits: inputs are derived in 8, and so are targets"]
    pair = read_image(tmp_path / "pairs" / "1.png", 1)
    assert pair[0, 6:, 0].tolist() == [0, 0, 1, 7, 255, 254]


def refusal(*arguments):
    with pytest.raises(UserError) as caught:
        write_derived_pairs(*arguments)
    return str(caught.value)


def test_an_output_with_something_in_it_is_refused(photos, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").touch()
    assert "there: already exists; give a new" in refusal(photos, tmp_path / "there", plain(grey))
    assert "val/1.bmp: already exists" in refusal(photos, photos / "val/1.bmp", plain(grey))


def test_no_photographs(photos, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "No photographs were found in" in refusal(
        tmp_path / "empty", tmp_path / "out", plain(grey)
    )
    assert "nowhere cannot be listed" in refusal(
        tmp_path / "nowhere", tmp_path / "out", plain(grey)
    )


def test_two_photographs_of_one_name(photos, tmp_path):
    write_image(photos / "val" / "1.webp", noise(20, 30))
    message = refusal(photos, tmp_path / "out", plain(grey))
    assert "1.bmp and 1.webp would both become val/1.png" in message


def test_nothing_is_left_of_a_failure(photos, tmp_path):
    (photos / "val" / "2.png").write_bytes(b"no image")
    assert "2.png is not an image" in refusal(photos, tmp_path / "sub" / "out", plain(grey))
    (photos / "train" / "shoes" / "10.png").write_bytes(b"")
    both = refusal(photos, tmp_path / "out", plain(grey))
    assert "2.png is not an image" in both
    assert "10.png is empty" in both
    with pytest.raises(ValueError, match="derived is float64"):
        write_derived_pairs(photos, tmp_path / "out", lambda photo, _: photo * 1.0)
    with pytest.raises(ValueError, match=r"derived is uint8 \(10, 30, 3\) for \(20, 30, 3\)"):
        write_derived_pairs(photos, tmp_path / "out", lambda photo, _: photo[:10])
    assert [p.name for p in tmp_path.iterdir()] == ["photos"]


def test_a_place_that_cannot_be_written(photos, tmp_path):
    (tmp_path / "file").touch()
    message = refusal(photos, tmp_path / "file" / "sub" / "out", plain(grey))
    assert "file is a file; expected a folder" in message
