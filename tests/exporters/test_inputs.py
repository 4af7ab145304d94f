"""What exports are calibrated and compared on, and pages open with: inputs as in training."""

import numpy as np
import pytest

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.derived.edges import canny_edges
from pix2pix_tf.data.input_source import InputSource
from pix2pix_tf.exporters.inputs import run_inputs, spread_inputs
from pix2pix_tf.images.convert import resize_image
from pix2pix_tf.images.io import write_image
from pix2pix_tf.utils.errors import UserError


def photo(number, size=(48, 40)):
    return np.random.default_rng(number).integers(0, 250, (*size, 3), np.uint8)


@pytest.fixture
def photos(tmp_path):
    for split, numbers in (("train", range(4)), ("val", range(4, 6))):
        (tmp_path / "photos" / split).mkdir(parents=True)
        for number in numbers:
            write_image(tmp_path / "photos" / split / f"{number}.png", photo(number))
    return tmp_path / "photos"


def inputs(root, derive, folder=None, size=None, **data):
    data = {"root": str(root), "derive": derive, "load_size": 36, "crop_size": 32, **data}
    config = make_config({"data": data, "discriminator": {"receptive_field": 34}})
    return run_inputs(config, InputSource(config, "photographs"), folder, size)


@pytest.mark.parametrize("size", [None, (24, 24)])
@pytest.mark.parametrize("folder", [False, True])
def test_calibration_of_inpainting_sees_holes(photos, size, folder):
    typical, compared = inputs(photos, "centre_mask", photos / "val" if folder else None, size)
    for images, own in ((typical, 32 if folder else 36), (compared, 32)):
        side = size[0] if size else own
        for image in spread_inputs(images, 2):
            assert image.shape == (side, side, 3)
            quarter = side // 4
            assert (image[quarter:-quarter, quarter:-quarter] == 255).all()
            assert (image[: quarter - 1] < 255).any()


def test_inputs_are_made_at_the_size_of_the_export(photos):
    _, compared = inputs(photos, "edges", size=(64, 64))
    edges = canny_edges(resize_image(photo(4), 64, 64))
    assert np.array_equal(compared[0], np.repeat(edges[..., np.newaxis], 3, axis=2))


def test_masks_of_exports_are_those_of_validation(photos):
    _, compared = inputs(photos, "random_mask")
    _, again = inputs(photos, "random_mask", size=(32, 32))
    assert np.array_equal(compared[1], again[1])
    assert 0.05 < (compared[1] == 255).all(axis=-1).mean() < 0.5


def test_all_bad_pictures_are_named_at_once(photos):
    for number in (0, 2):
        (photos / "train" / f"{number}.png").write_bytes(b"no image")
    typical, _ = inputs(photos, "grey", photos / "train")
    with pytest.raises(UserError, match=r"(?s)0\.png is not an image.*2\.png is not an image"):
        spread_inputs(typical, 4)


def test_a_folder_of_side_by_side_pairs_gives_their_input_half(tmp_path):
    (tmp_path / "pairs").mkdir()
    write_image(tmp_path / "pairs" / "0.png", np.concatenate([photo(0), photo(1)], axis=1))
    data = {"root": "x", "load_size": 36, "crop_size": 32, "direction": "BtoA"}
    config = make_config({"data": data, "discriminator": {"receptive_field": 34}})
    source = InputSource(config, "side_by_side", (5 / 3, 5 / 3))
    _, compared = run_inputs(config, source, tmp_path / "pairs")
    assert np.array_equal(compared[0], resize_image(photo(1), 32, 32))


def test_without_the_runs_data_a_folder_is_asked_for(photos):
    (photos / "train").rename(photos / "gone")
    with pytest.raises(UserError, match=r"Or give input .*FOLDER"):
        inputs(photos, "grey")
