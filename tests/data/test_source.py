"""Which file, and which half of it, is the input and the target of a pair."""

import numpy as np
import pytest

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.layout.pair_files import PairFiles
from pix2pix_tf.data.source import PairSource
from pix2pix_tf.images.io import write_image
from pix2pix_tf.utils.errors import UserError


def source(**data):
    return PairSource(make_config({"data": {"root": "x", **data}}))


def colours(number, height=40, width=40):
    return np.random.default_rng(number).integers(0, 250, (height, width, 3), np.uint8)


@pytest.fixture
def one_file(tmp_path):
    write_image(tmp_path / "pair.png", np.concatenate([colours(1), colours(2)], axis=1))
    return PairFiles("pair", tmp_path / "pair.png", None)


@pytest.fixture
def two_files(tmp_path):
    write_image(tmp_path / "a.png", colours(1))
    write_image(tmp_path / "b.png", colours(2))
    return PairFiles("pair", tmp_path / "a.png", tmp_path / "b.png")


@pytest.fixture
def photo(tmp_path):
    write_image(tmp_path / "photo.png", colours(3))
    return PairFiles("photo", tmp_path / "photo.png", None, is_photo=True)


@pytest.mark.parametrize("files", ["one_file", "two_files"])
@pytest.mark.parametrize(("direction", "order"), [("AtoB", (1, 2)), ("BtoA", (2, 1))])
def test_direction_says_which_side_is_the_input(request, files, direction, order):
    image, target = source(direction=direction).read(request.getfixturevalue(files))
    assert np.array_equal(image, colours(order[0]))
    assert np.array_equal(target, colours(order[1]))


def test_each_side_has_its_own_channels(two_files):
    image, target = source(direction="BtoA", input_channels=1, target_channels=4).read(two_files)
    assert (image.shape, target.shape) == ((40, 40, 1), (40, 40, 4))
    assert np.array_equal(target[..., :3], colours(1))


@pytest.mark.parametrize("files", ["one_file", "two_files"])
@pytest.mark.parametrize(("side", "number"), [("A", 1), ("B", 2)])
@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_inputs_are_derived_of_the_side_that_is_the_photograph(
    request, files, side, number, direction
):
    reader = source(derive="edges", photo=side, direction=direction)
    image, target = reader.read(request.getfixturevalue(files))
    assert image is target  # the input is derived at the size it is seen at
    assert np.array_equal(target, colours(number))


def test_whole_photographs_are_targets(photo):
    _, target = source(derive="lightness").read(photo)
    assert np.array_equal(target, colours(3))


def test_a_photograph_beside_what_does_not_fit_it_is_refused(tmp_path, two_files):
    write_image(tmp_path / "b.png", colours(2, width=60))
    with pytest.raises(UserError, match="their shapes differ by more than 2%"):
        source(derive="edges", photo="A").read(two_files)


def test_training_cuts_holes_into_crops_and_derives_everything_else_on_reading():
    masked, drawn = source(derive="centre_mask"), source(derive="edges")
    assert masked.derive_on_reading(training=True) is None
    assert masked.derive_on_reading(training=False) is not None
    assert drawn.derive_on_reading(training=True) is not None
    assert source().derive_on_reading(training=False) is None
