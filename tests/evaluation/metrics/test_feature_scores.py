import numpy as np
import pytest

from pix2pix_tf.evaluation import context
from pix2pix_tf.evaluation.evaluate import evaluate_folders
from pix2pix_tf.evaluation.metrics.distances import frechet_distance, kernel_distance
from pix2pix_tf.evaluation.metrics.inception import FeatureNetwork
from pix2pix_tf.evaluation.request import MetricRequest
from pix2pix_tf.utils.errors import UserError


def mean_colours(images):
    return np.asarray(images, np.float32).mean(axis=(1, 2))


@pytest.fixture
def stand_in(monkeypatch):
    """In place of the network, whose weights no test can have: the mean colour."""
    network = FeatureNetwork("stand-in", mean_colours)
    monkeypatch.setattr(context, "load_inception", lambda file: network)


def test_kid_and_fid_of_folders(stand_in, tmp_path):
    from pix2pix_tf.images.io import write_image

    colours = np.random.default_rng(0).integers(0, 256, (2, 5, 3), np.uint8)
    for folder, side in (("made", 0), ("true", 1)):
        (tmp_path / folder).mkdir()
        for number in range(5):
            image = np.broadcast_to(colours[side, number], (8, 8, 3))
            write_image(tmp_path / folder / f"{number}.png", image)
    result = evaluate_folders(
        tmp_path / "made", tmp_path / "true", request=MetricRequest(["kid", "fid"], features="any")
    )
    outputs, targets = colours.astype(np.float32)
    assert result.scores["fid"] == pytest.approx(frechet_distance(outputs, targets), rel=1e-4)
    assert result.scores["kid"] == pytest.approx(kernel_distance(outputs, targets).mean, rel=1e-4)
    assert result.intervals() == {}
    assert result.notes[0] == "features: stand-in"
    assert any("FID" in note for note in result.notes[1:])


def test_without_the_weights_nothing_is_computed():
    with pytest.raises(UserError, match="cannot be read"):
        evaluate_folders("none", "none", request=MetricRequest(["fid"], features="none.pth"))
