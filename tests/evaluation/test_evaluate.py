import json
import math

import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.evaluation.evaluate import evaluate, evaluate_folders
from pix2pix_tf.evaluation.metrics.compute import compute_metrics
from pix2pix_tf.evaluation.metrics.label_scores import fcn_metric
from pix2pix_tf.evaluation.metrics.metric import EvaluationItem
from pix2pix_tf.evaluation.request import MetricRequest
from pix2pix_tf.images.io import write_image
from pix2pix_tf.segmentation.decoding import decode_labels
from pix2pix_tf.segmentation.shipped import load_palette
from pix2pix_tf.utils.errors import UserError

pytestmark = pytest.mark.usefixtures("eagerly")


def test_scores_are_those_that_training_printed(tiny_run):
    recorded = json.loads((tiny_run / "metrics.json").read_text())
    result = evaluate(tiny_run)
    assert (result.step, result.split, result.images) == (2, "val", 2)
    assert result.scores == pytest.approx(recorded[-1]["scores"], abs=1e-6)
    again = json.loads((tiny_run / "metrics.json").read_text())
    assert len(again) == len(recorded)  # the same evaluation replaces, others stay
    assert again[0] == recorded[0]


def test_other_splits_and_progress(tiny_run):
    seen = []
    result = evaluate(tiny_run, "train", advance=seen.append)
    assert result.images == 6
    assert seen == [6] * 6
    for typed in ("Validation", "DEV"):
        assert evaluate(tiny_run, typed).split == "val"
    with pytest.raises(UserError, match="split nowhere"):
        evaluate(tiny_run, "nowhere")


def test_intervals_are_recorded_and_scores_made_before_stay(tiny_run):
    before = json.loads((tiny_run / "metrics.json").read_text())[-1]["scores"]
    result = evaluate(tiny_run, request=MetricRequest(["lab_histogram", "sharpness"]))
    entry = json.loads((tiny_run / "metrics.json").read_text())[-1]
    assert list(result.scores) == ["lab_l", "lab_a", "lab_b", "sharpness"]
    assert entry["scores"] == {**before, **result.scores}
    low, high = entry["intervals"]["lab_l"]
    assert low <= result.scores["lab_l"] <= high


def test_scores_go_into_tensorboard(tiny_run):
    config = tiny_run / "config.yaml"
    config.write_text(config.read_text().replace("tensorboard: false", "tensorboard: true"))
    result = evaluate(tiny_run)
    (file,) = (tiny_run / "logs" / "evaluation-val").glob("events*")
    values = {
        value.tag: tf.make_ndarray(value.tensor).item()
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
    }
    assert values["evaluation/l1"] == pytest.approx(result.scores["l1"])


def test_folders_of_any_origin_score_as_the_run_that_made_them(tiny_run, tmp_path):
    of_run = evaluate(tiny_run, save=tmp_path / "saved")
    folders = tmp_path / "saved" / "outputs", tmp_path / "saved" / "targets"
    assert [len(list(folder.iterdir())) for folder in folders] == [2, 2]
    of_folders = evaluate_folders(*folders)
    assert of_folders.scores == pytest.approx(of_run.scores)
    assert (of_folders.step, of_folders.split, of_folders.images) == (None, None, 2)


def test_json_has_every_images_scores_and_no_infinity(tmp_path):
    for folder in ("made", "true"):
        (tmp_path / folder).mkdir()
    same, other = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 51, np.uint8)
    for name, image in (("a", same), ("b", other)):
        write_image(tmp_path / "made" / f"{name}.png", image)
        write_image(tmp_path / "true" / f"{name}.png", same)
    plain = evaluate_folders(tmp_path / "made", tmp_path / "true").to_json()
    assert plain["per_image"]["a"] == {"l1": 0.0, "psnr": None, "ssim": 1.0}
    assert plain["per_image"]["b"]["l1"] == pytest.approx(0.2)
    assert plain["scores"]["l1"] == pytest.approx(0.1)
    assert plain["scores"]["psnr"] == pytest.approx(-20 * math.log10(0.2))  # of the other
    assert plain["identical"] == 1
    assert (
        "1 of 2 outputs is identical to their target: PSNR is the mean of the other 1"
        in (plain["notes"])
    )
    json.dumps(plain, allow_nan=False)


class OneColour:
    """A segmenter that takes every pixel for the class whose colour is nearest."""

    def __init__(self, palette):
        self.palette = palette

    def __call__(self, photo):
        return decode_labels(photo, self.palette, void_allowed=False).classes


def test_segmentation_by_hand(tmp_path):
    palette = load_palette("cityscapes")
    road, sky = (palette.colours[palette.classes.index(name)] for name in ("road", "sky"))
    true = np.empty((4, 4, 3), np.uint8)
    true[:2], true[2:] = road, sky
    made = true.copy()
    made[0] = sky  # half of the road taken for sky
    for folder, image in (("made", made), ("true", true)):
        (tmp_path / folder).mkdir()
        write_image(tmp_path / folder / "a.png", image)
    request = MetricRequest(["segmentation"], palette="cityscapes")
    scores = evaluate_folders(tmp_path / "made", tmp_path / "true", request=request).scores
    assert scores == {
        "per_pixel_accuracy": pytest.approx(12 / 16),
        "per_class_accuracy": pytest.approx((0.5 + 1) / 2),
        "class_iou": pytest.approx((4 / 8 + 8 / 12) / 2),
    }


def test_fcn_score_is_beside_that_of_the_true_photographs():
    palette = load_palette("cityscapes")
    truth = np.zeros((4, 4), np.uint8)  # road
    road, sky = palette.colours[0], palette.colours[palette.classes.index("sky")]
    output = np.empty((4, 4, 3), np.uint8)
    output[:1], output[1:] = road, sky
    target = np.full((4, 4, 3), road, np.uint8)
    item = EvaluationItem("a", output, target, {"source": truth})
    scores = compute_metrics([item], [fcn_metric(OneColour(palette))]).scores
    assert scores["fcn_per_pixel_accuracy"] == pytest.approx(0.25)
    assert scores["fcn_truth_per_pixel_accuracy"] == 1


@pytest.mark.parametrize(
    ("metrics", "sentence"),
    [
        ("l3", "metric l3: expected some of l1, psnr"),
        (
            "fcn_score",
            "needs a segmenter; make one with `pix2pix-tf train-segmenter`",
        ),
        ("kid", "metric kid: needs the weights of the Inception network"),
        ("segmentation", "--palette: cityscapes, sample, or a YAML file"),
    ],
)
def test_metrics_say_what_they_lack(tiny_run, metrics, sentence):
    with pytest.raises(UserError, match=sentence):
        evaluate(tiny_run, request=MetricRequest([metrics]))


def test_fcn_score_of_folders_needs_the_labels(tmp_path, monkeypatch):
    segmenter = OneColour(load_palette("cityscapes"))
    monkeypatch.setattr("pix2pix_tf.evaluation.context.Segmenter", lambda folder: segmenter)
    request = MetricRequest(["fcn_score"], segmenter="any", label_ids=False)
    for folder in ("made", "true"):
        (tmp_path / folder).mkdir()
        write_image(tmp_path / folder / "a.png", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(UserError, match=r"metric fcn_score: needs the label .* with --labels"):
        evaluate_folders(tmp_path / "made", tmp_path / "true", request=request)
