import numpy as np
import pytest

from pix2pix_tf.evaluation.metrics.metric import EvaluationItem
from pix2pix_tf.evaluation.saving import saved_images
from pix2pix_tf.images.io import decode_image
from pix2pix_tf.images.value_range import ImageValues, ValueRange
from pix2pix_tf.utils.errors import UserError


def test_two_images_of_one_file_name_are_refused_and_nothing_is_left(tmp_path):
    image = np.zeros((4, 4, 3), np.uint8)

    def save_both():
        with saved_images(tmp_path / "out", ImageValues(), 3) as save:
            save(EvaluationItem("a/b", image, image))
            save(EvaluationItem("a--b", image, image))

    with pytest.raises(UserError, match=r"^a--b: another image would be saved as a--b\.png too"):
        save_both()
    assert list(tmp_path.iterdir()) == []


def test_images_that_are_no_colours_are_saved_with_their_own_values(tmp_path):
    values = ImageValues(np.dtype("f4"), ValueRange((-10.0,), (30.0,)))
    output = np.linspace(-10, 30, 4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)
    item = EvaluationItem("a", values.full_scale(output), values.full_scale(output[::-1]))
    with saved_images(tmp_path / "out", values, 6) as save:
        save(item)
    for side, expected in (("outputs", output), ("targets", output[::-1])):
        saved = decode_image(tmp_path / "out" / side / "a.tif", 6)
        assert saved.dtype == np.float32
        assert np.abs(saved - expected).max() < 1e-5
