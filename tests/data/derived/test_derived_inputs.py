"""Inputs that are made of photographs while training, by config."""

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.derived.edges import canny_edges
from pix2pix_tf.data.derived.inputs import FILL, centre_mask
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.data.pipeline import training_batches
from pix2pix_tf.images.convert import resize_image
from pix2pix_tf.images.io import write_image
from pix2pix_tf.images.value_range import EIGHT_BIT
from pix2pix_tf.utils.errors import UserError


def photo(number, size=(48, 40)):
    """Blocks of colours."""
    blocks = np.random.default_rng(number).integers(0, 250, (6, 5, 3), np.uint8)
    return resize_image(np.kron(blocks, np.ones((8, 8, 1), np.uint8)), *size)


@pytest.fixture
def photos(tmp_path):
    for number in range(5):
        for split in ("train", "val"):
            (tmp_path / split).mkdir(exist_ok=True)
            write_image(tmp_path / split / f"{number}.png", photo(number))
    return tmp_path


def config(root, derive, **data):
    sizes = {"load_size": 36, "crop_size": 32}
    return make_config(
        {
            "data": {"root": str(root), "derive": derive, **sizes, **data},
            "discriminator": {"receptive_field": 34},
        }
    )


def test_edges_are_drawn_at_the_size_they_are_seen_at(photos):
    opened = open_pairs(config(photos, "edges"))
    for pairs, size in ((opened.train, (36, 36)), (opened.val, (32, 32))):
        lines, target = pairs[2]
        assert np.array_equal(target, resize_image(photo(2), *size))
        assert np.array_equal(lines, np.repeat(canny_edges(target)[..., None], 3, axis=2))


def test_grey_has_the_channels_of_the_input(photos):
    grey, target = open_pairs(config(photos, "grey", input_channels=1)).val[0]
    assert grey.shape == (32, 32, 1)
    assert target.shape == (32, 32, 3)


def test_lightness_is_that_of_the_photograph(photos):
    grey, target = open_pairs(config(photos, "lightness")).val[0]
    assert (grey[..., :1] == grey).all()
    assert np.abs(rgb2lab(grey)[..., 0] - rgb2lab(target)[..., 0]).max() < 0.5


def test_colourisation_gives_the_networks_l_and_ab(photos):
    lab = {"representation": "lab", "input_channels": 1, "target_channels": 2}
    settings = config(photos, "lightness", **lab)
    opened = open_pairs(settings)
    batch = next(iter(training_batches(opened.train, settings, 0, 1)))
    assert (batch["input"].shape, batch["target"].shape) == ((1, 32, 32, 1), (1, 32, 32, 2))
    assert np.abs(batch["target"]).max() <= 1
    grey, target = opened.val[0]
    assert (grey.shape, target.shape) == ((32, 32, 3), (32, 32, 3))  # images all the same


def test_photographs_can_be_halves_of_pairs(tmp_path):
    (tmp_path / "train").mkdir()
    for number in range(4):
        pair = np.concatenate([photo(number), photo(number + 10)], axis=1)
        write_image(tmp_path / "train" / f"{number}.png", pair)
    for half, offset in (("A", 0), ("B", 10)):
        opened = open_pairs(config(tmp_path, "grey", photo=half, layout="side_by_side"))
        number = int(opened.val.names[0])
        assert np.array_equal(opened.val[0][1], resize_image(photo(number + offset), 32, 32))


def test_photographs_in_folders_called_a_and_b_are_all_read(tmp_path):
    for number, name in enumerate(["A/0.png", "A/1.png", "B/0.png", "B/deep/A/3.png"]):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / name, photo(number))
    opened = open_pairs(config(tmp_path, "lightness"))
    names = sorted([*opened.train.names, *opened.val.names])
    assert names == ["A/0", "A/1", "B/0", "B/deep/A/3"]
    assert opened.layout == "photographs"


def test_centre_is_missing_from_the_middle_of_every_crop(photos):
    settings = config(photos, "centre_mask", augment=[])
    opened = open_pairs(settings)
    for batch in training_batches(opened.train, settings, 0, 8):
        inputs, targets = batch["input"], batch["target"]
        assert (inputs[0, 8:24, 8:24] == 1).numpy().all()
        assert np.array_equal(inputs[0, :8], targets[0, :8])
        assert not np.array_equal(inputs, targets)
    masked, target = opened.val[1]
    assert np.array_equal(masked, centre_mask(target))


def test_random_masks_differ_by_image_and_epoch_but_not_in_validation(photos):
    settings = config(photos, "random_mask")

    def missing():
        opened = open_pairs(settings)
        batches = training_batches(opened.train, settings, 0, 10)  # two epochs of five
        return [(batch["input"].numpy() == 1).all(axis=-1) for batch in batches], opened.val

    first, val = missing()
    again, other_val = missing()
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert len({mask.tobytes() for mask in first}) == 10
    assert all(0.05 < mask.mean() < 0.45 for mask in first)
    assert np.array_equal(val[1][0], val[1][0])
    assert np.array_equal(val[1][0], other_val[1][0])
    assert (val[1][0] == FILL).all(axis=-1).mean() > 0.05
    assert not np.array_equal(val[0][0] == FILL, val[1][0] == FILL)


def test_sample_city_can_be_derived_from_too():
    tree = {"data": {"dataset": "sample", "derive": "edges", "load_size": 36, "crop_size": 32}}
    tree |= {"discriminator": {"receptive_field": 34}}
    lines, aerial = open_pairs(make_config(tree)).val[0]
    assert set(np.unique(lines)) <= {0, 255}
    assert len(np.unique(aerial)) > 20


@pytest.mark.parametrize(
    ("derive", "data", "message"),
    [
        ("lightness", {"representation": "lab"}, "data.input_channels=1, data.target_channels=2"),
        ("edges", {"input_channels": 1}, "3 channels a side"),
        ("edgy", {}, "edges"),
    ],
)
def test_contradictions_are_refused(tmp_path, derive, data, message):
    with pytest.raises(UserError, match=message):
        config(tmp_path, derive, **data)


def test_photographs_in_a_flat_folder_of_any_kind(tmp_path):
    for number in range(3):
        write_image(tmp_path / f"{number}.jpg", photo(number, (31, 45)))  # odd: no pair at all
    deep = photo(3)[..., 0].astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "deep.png")
    opened = open_pairs(config(tmp_path, "edges"))
    assert (len(opened.train), len(opened.val)) == (3, 1)
    assert opened.train.values == EIGHT_BIT
    everything = [pairs[i] for pairs in (opened.train, opened.val) for i in range(len(pairs))]
    (grey,) = (target for _, target in everything if (target[..., 0] == target[..., 1]).all())
    assert np.ptp(grey) > 100
