"""One object says how an input is read from a file, wherever single inputs are read."""

import numpy as np
import pytest

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.derived.edges import canny_edges
from pix2pix_tf.data.input_source import InputForm, InputSource
from pix2pix_tf.images.image_file import ImageBytes
from pix2pix_tf.images.io import encode_png, write_image
from pix2pix_tf.utils.errors import UserError

SINGLE = InputForm(None, derive=False)


def config(**data):
    return make_config({"data": {"root": "x", **data}, "training": {"seed": 3}})


def colours(number, height=40, width=40):
    return np.random.default_rng(number).integers(0, 250, (height, width, 3), np.uint8)


@pytest.fixture
def pair(tmp_path):
    write_image(tmp_path / "pair.png", np.concatenate([colours(1), colours(2)], axis=1))
    return tmp_path / "pair.png"


@pytest.fixture
def single(tmp_path):
    write_image(tmp_path / "single.png", colours(3))
    return tmp_path / "single.png"


def wide(folder, height, width):
    path = folder / f"{width}x{height}.png"
    write_image(path, np.zeros((height, width, 3), np.uint8))
    return path


@pytest.mark.parametrize(("direction", "half"), [("AtoB", 0), ("BtoA", 1)])
def test_direction_says_which_half_is_the_input(pair, direction, half):
    source = InputSource(config(direction=direction), "side_by_side")
    assert source.form([pair]) == InputForm(half, derive=False)
    halves = [colours(1), colours(2)]
    assert np.array_equal(source.input_of(pair, source.form([pair])), halves[half])


@pytest.mark.parametrize(("photo", "number"), [("A", 1), ("B", 2)])
@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_pairs_of_a_run_that_derives_from_one_half_are_that_half(pair, photo, number, direction):
    source = InputSource(config(derive="edges", photo=photo, direction=direction), "side_by_side")
    edges = np.repeat(canny_edges(colours(number))[..., np.newaxis], 3, axis=2)
    assert np.array_equal(source.input_of(pair, source.form([pair])), edges)


@pytest.mark.parametrize("layout", ["folders", "photographs", "city"])
def test_runs_that_saw_no_side_by_side_files_never_halve_by_themselves(pair, layout):
    source = InputSource(config(), layout)
    assert source.form([pair]) == SINGLE
    assert source.form([pair], pairs=True) == InputForm(0, derive=False)


def test_photographs_are_whole_by_the_config_alone(pair):
    assert InputSource(config(derive="lightness")).form([pair]).half is None


def test_a_layout_that_the_config_names_needs_no_record(pair):
    assert InputSource(config(layout="side_by_side")).form([pair]).half == 0
    assert InputSource(config(layout="folders")).form([pair]).half is None


@pytest.mark.parametrize(
    ("height", "width", "halved"),
    [
        (100, 200, True),
        (100, 204, True),  # 2% more
        (100, 205, False),
        (102, 200, True),
        (103, 200, False),
        (100, 100, False),
        (100, 133, False),
        (100, 400, False),
    ],
)
def test_only_images_of_twice_the_width_are_halved(tmp_path, height, width, halved):
    source = InputSource(config(), "side_by_side")
    assert (source.form([wide(tmp_path, height, width)]).half == 0) == halved


def test_twice_the_width_is_that_of_the_files_trained_on(tmp_path):
    four_by_three = InputSource(config(), "side_by_side", (8 / 3, 8 / 3))  # crops are squares
    assert four_by_three.form([wide(tmp_path, 30, 80)]).half == 0
    assert four_by_three.form([wide(tmp_path, 30, 40)]).half is None
    streets = InputSource(config(crop_size=[256, 512], load_size=[286, 572]), "side_by_side")
    assert streets.form([wide(tmp_path, 32, 128)]).half == 0
    assert streets.form([wide(tmp_path, 32, 64)]).half is None  # one street by itself


def test_what_can_be_a_pair_or_one_half_is_asked_for(tmp_path):
    many = InputSource(config(), "side_by_side", (1.0, 3.0))
    assert many.form([wide(tmp_path, 10, 28)]).half == 0
    doubtful = wide(tmp_path, 10, 12)
    with pytest.raises(UserError, match=r"12x10\.png: .* very different .*--pairs or --no-pairs"):
        many.form([doubtful])
    assert many.form([doubtful], pairs=False) == SINGLE


def test_a_run_without_record_asks_what_images_of_twice_the_width_are(pair, single):
    unknown = InputSource(config(direction="BtoA"))
    with pytest.raises(UserError, match=r"pair\.png: .* no record .*--pairs or --no-pairs"):
        unknown.form([pair])
    assert unknown.form([pair], pairs=True) == InputForm(1, derive=False)
    assert unknown.form([pair], pairs=False) == unknown.form([single]) == SINGLE


def test_pairs_among_single_images_are_asked_for(pair, single):
    source = InputSource(config(), "side_by_side")
    with pytest.raises(UserError, match=r"pair\.png: looks like .*single\.png does not; say"):
        source.form([single, pair])


def test_files_that_cannot_be_read_tell_nothing(tmp_path, pair):
    (tmp_path / "broken.png").write_bytes(b"no image")
    source = InputSource(config(), "side_by_side")
    assert source.form([tmp_path / "broken.png", pair]).half == 0
    assert source.form([tmp_path / "broken.png"]) == SINGLE


def test_pairs_of_odd_width_are_refused_by_name(tmp_path):
    source = InputSource(config(), "side_by_side")
    odd = wide(tmp_path, 100, 201)
    with pytest.raises(UserError, match=r"201x100\.png is 201 pixels wide"):
        source.input_of(odd, source.form([odd]))


@pytest.mark.parametrize("derive", ["lightness", "grey"])
def test_colourless_inputs_are_made_of_colour_photographs(single, derive):
    source = InputSource(config(derive=derive))
    made = source.input_of(single, source.form([single]))
    photo = colours(3)
    assert np.array_equal(made, source.derivation.input_of(photo, ""))
    assert np.array_equal(
        source.derivation.input_of(made, ""), made
    )  # of a grey photograph: itself
    assert np.array_equal(source.input_of(ImageBytes("upload", encode_png(photo))), made)


@pytest.mark.parametrize("derive", ["edges", "centre_mask", "random_mask"])
def test_drawings_and_images_with_holes_are_inputs_unless_photographs_are_announced(single, derive):
    source = InputSource(config(derive=derive))
    assert source.form([single]) == SINGLE
    assert np.array_equal(source.input_of(single, source.form([single]), name="x"), colours(3))
    form = source.form([single], derive=True)
    made = source.input_of(single, form, name="x")
    assert np.array_equal(made, source.derivation.input_of(colours(3), "x"))
    assert not np.array_equal(made, colours(3))


def test_pairs_given_to_a_run_on_photographs_are_derived_and_photograph(pair):
    source = InputSource(config(derive="edges"))
    assert source.form([pair], pairs=True) == InputForm(0, derive=False)
    assert source.form([pair], pairs=True, derive=True) == InputForm(1, derive=True)


def test_inputs_of_pairs_cannot_be_derived(single):
    with pytest.raises(UserError, match=r"--derive: .* data\.derive is pair"):
        InputSource(config()).form([single], derive=True)


def test_sixteen_bits_become_eight_where_inputs_are_derived(tmp_path):
    from PIL import Image

    deep = np.array([[0, 128, 129, 257 * 7, 65535, 65406]], np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    source = InputSource(config(derive="grey", input_channels=1))
    made = source.input_of(tmp_path / "deep.png", source.form([tmp_path / "deep.png"]))
    assert made[..., 0].tolist() == [[0, 0, 1, 7, 255, 254]]
    plain = InputSource(config(input_channels=1))
    assert np.array_equal(plain.input_of(tmp_path / "deep.png")[..., 0], deep)


def test_inputs_are_made_at_the_size_they_are_seen_at(single):
    source = InputSource(config(derive="centre_mask"))
    form = source.form([single], derive=True)
    made = source.input_of(single, form, size=(16, 16))
    assert np.array_equal(made[4:12, 4:12], np.full((8, 8, 3), 255))
    assert (made == 255).all(axis=-1).sum() == 64
