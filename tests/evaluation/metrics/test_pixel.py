import math

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from pix2pix_tf.evaluation.metrics.compute import compute_metrics
from pix2pix_tf.evaluation.metrics.metric import EvaluationItem
from pix2pix_tf.evaluation.metrics.pixel import (
    identical_note,
    image_scores,
    pixel_metrics,
    score_pairs,
)

RANDOM = np.random.default_rng(0)
OUTPUT, TARGET = RANDOM.integers(0, 256, (2, 16, 20, 3), np.uint8)


def test_by_hand():
    output, target = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8)
    output[:4] = 51  # a fifth of full range in half of the pixels
    scores = image_scores(output, target)
    assert scores["l1"] == pytest.approx(0.1)
    assert scores["psnr"] == pytest.approx(10 * math.log10(1 / 0.02))


def test_ssim_is_scikit_images():
    expected = structural_similarity(TARGET, OUTPUT, channel_axis=-1)
    assert image_scores(OUTPUT, TARGET)["ssim"] == pytest.approx(expected, abs=1e-6)


def test_equal_images():
    assert image_scores(TARGET, TARGET) == {"l1": 0, "psnr": math.inf, "ssim": 1}


def test_targets_of_16_bits_are_scaled_by_their_range():
    target = TARGET.astype(np.uint16) * 257
    assert image_scores(OUTPUT, target) == pytest.approx(image_scores(OUTPUT, TARGET))


def level(value, size=8):
    return np.full((size, size, 3), value, np.uint8)


def test_scores_of_pairs_are_means_over_them():
    pairs = [(level(0), level(51)), (level(0), level(102))]  # 0.2 and 0.4 apart
    scores = score_pairs(lambda image: image, pairs)
    assert scores["l1"] == pytest.approx(0.3)
    assert scores["psnr"] == pytest.approx(-20 * (math.log10(0.2) + math.log10(0.4)) / 2)
    scores = score_pairs(lambda image: image, [(OUTPUT, TARGET)] * 3)
    assert scores == pytest.approx(image_scores(OUTPUT, TARGET))


def test_every_pair_and_its_translation_is_shown():
    shown = []
    pairs = [(level(10), level(20)), (level(30), level(40))]
    score_pairs(lambda image: image + 1, pairs, lambda *images: shown.append(images))
    assert [[image[0, 0, 0] for image in images] for images in shown] == [
        [10, 11, 20],
        [30, 31, 40],
    ]


def test_mean_psnr_leaves_out_identical_pairs():
    pairs = [(level(9), level(9)), (level(0), level(51)), (level(0), level(102))]
    scores = score_pairs(lambda image: image, pairs)
    assert scores["psnr"] == pytest.approx(-20 * (math.log10(0.2) + math.log10(0.4)) / 2)
    assert score_pairs(lambda image: image, pairs[:1])["psnr"] == math.inf


def test_ssim_of_tiny_images_is_undefined():
    tiny = OUTPUT[:6], TARGET[:6]
    assert math.isnan(image_scores(*tiny)["ssim"])
    assert math.isnan(score_pairs(lambda image: image, [tiny])["ssim"])
    assert image_scores(*tiny)["l1"] == pytest.approx(np.abs(tiny[0] / 255 - tiny[1] / 255).mean())


@pytest.mark.parametrize(
    ("identical", "images", "words"),
    [
        (0, 40, None),
        (
            2,
            40,
            "2 of 40 outputs are identical to their target: PSNR is the mean of the other 38",
        ),
        (40, 40, "all 40 outputs are identical to their targets: there is no PSNR"),
    ],
)
def test_identical_outputs_are_counted(identical, images, words):
    assert identical_note(identical, images) == words


def item(output, target):
    return EvaluationItem("a", np.asarray(output, np.float32), np.asarray(target, np.float32))


def test_scores_of_each_channel_that_is_no_colour():
    target = np.random.default_rng(1).random((12, 10, 5))
    output = target.copy()
    output[..., 1] = 1 - target[..., 1]
    output[..., 4] = np.clip(target[..., 4] - 0.125, 0, 1)
    results = compute_metrics([item(output, target)] * 2, pixel_metrics())
    scores = results.scores
    by_channel = [scores[f"l1_channel_{number}"] for number in range(1, 6)]
    expected = np.abs(output - target).mean(axis=(0, 1))
    assert by_channel == pytest.approx(expected.tolist(), abs=1e-6)
    assert scores["l1"] == pytest.approx(expected.mean(), abs=1e-6)
    squared = ((output - target) ** 2).mean(axis=(0, 1))
    assert scores["psnr_channel_2"] == pytest.approx(-10 * math.log10(squared[1]), rel=1e-5)
    assert scores["psnr"] == pytest.approx(-10 * math.log10(squared.mean()), rel=1e-5)
    assert scores["psnr_channel_1"] == math.inf
    assert scores["ssim_channel_1"] == 1
    assert scores["ssim_channel_2"] < 0
    expected = structural_similarity(target[..., 4], output[..., 4], data_range=1)
    assert scores["ssim_channel_5"] == pytest.approx(expected, abs=1e-5)
    together = structural_similarity(target, output, data_range=1, channel_axis=-1)
    assert scores["ssim"] == pytest.approx(together, abs=1e-5)
    assert sorted(results.per_image) == ["l1", "psnr", "ssim"]
    assert results.identical == 0


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_colours_and_single_channels_have_no_scores_by_channel(channels):
    image = np.random.default_rng(0).integers(0, 65536, (8, 8, channels), np.uint16)
    scores = compute_metrics([EvaluationItem("a", image, image)], pixel_metrics()).scores
    assert list(scores) == ["l1", "psnr", "ssim"]
    one = image[..., :1] / 65535
    assert list(compute_metrics([item(one, one)], pixel_metrics()).scores) == list(scores)
