import numpy as np
import pytest

from pix2pix_tf.evaluation.metrics.metric import EvaluationItem
from pix2pix_tf.evaluation.saving import saved_images
from pix2pix_tf.utils.errors import UserError


def test_two_images_of_one_file_name_are_refused_and_nothing_is_left(tmp_path):
    image = np.zeros((4, 4, 3), np.uint8)

    def save_both():
        with saved_images(tmp_path / "out") as save:
            save(EvaluationItem("a/b", image, image))
            save(EvaluationItem("a--b", image, image))

    with pytest.raises(UserError, match=r"^a--b: another image would be saved as a--b\.png too"):
        save_both()
    assert list(tmp_path.iterdir()) == []
