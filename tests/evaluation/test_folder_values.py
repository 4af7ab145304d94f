"""Folders of images of any kind, compared as they are: 16 bits, bands, floats."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.evaluation.evaluate import evaluate_folders
from pix2pix_tf.evaluation.folder_values import FolderSetting, target_setting
from pix2pix_tf.evaluation.report import write_report
from pix2pix_tf.evaluation.request import MetricRequest
from pix2pix_tf.utils.errors import UserError

RANGE = FolderSetting((-10.0, 30.0), 6)


def write(folder, suffix, *images):
    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        path = folder / f"{number}{suffix}"
        if suffix == ".npy":
            np.save(path, image)
        elif suffix == ".tif":
            tifffile.imwrite(path, image, photometric="minisblack", planarconfig="contig")
        else:
            Image.fromarray(image).save(path)
    return folder


def floats(seed, channels=6):
    return np.random.default_rng(seed).uniform(-10, 30, (9, 8, channels)).astype(np.float32)


@pytest.fixture
def bands(tmp_path):
    """Outputs as arrays and targets as TIFFs of six bands of floats, 4 apart in the fourth."""
    targets = [floats(0), floats(1)]
    outputs = [target.copy() for target in targets]
    for output in outputs:
        output[..., 3] = np.where(output[..., 3] > 10, output[..., 3] - 4, output[..., 3] + 4)
    write(tmp_path / "outputs", ".npy", *outputs)
    write(tmp_path / "targets", ".tif", *targets)
    return tmp_path / "outputs", tmp_path / "targets"


def test_bands_of_floats_are_compared_channel_by_channel(bands, tmp_path):
    result = evaluate_folders(*bands, setting=RANGE)
    assert result.scores["l1_channel_4"] == pytest.approx(0.1)
    assert result.scores["l1"] == pytest.approx(0.1 / 6)
    assert result.scores["l1_channel_1"] == 0
    assert "l1 in the numbers of the targets: 0.6667, within [-10, 30]" in result.notes
    page = write_report(result, tmp_path / "page").read_text()
    assert "<h3>By channel</h3>" in page
    assert '<th scope="row" class="words">4</th><td>0.1000</td><td>4.0000</td>' in page
    fourth = result.channel_scores()[3]
    assert (fourth.number, list(fourth.columns)) == (4, ["l1", "l1 in its numbers", "psnr", "ssim"])
    assert fourth.columns["l1 in its numbers"] == pytest.approx(4)


def test_saved_bands_have_the_same_scores(bands, tmp_path):
    scores = evaluate_folders(*bands, setting=RANGE, save=tmp_path / "saved").scores
    saved = (tmp_path / "saved" / "outputs", tmp_path / "saved" / "targets")
    again = evaluate_folders(*saved, setting=RANGE).scores
    assert again["l1_channel_4"] == pytest.approx(scores["l1_channel_4"], abs=1e-6)
    assert again["ssim"] == pytest.approx(scores["ssim"], abs=1e-5)


def test_a_range_for_each_channel_gives_l1_in_numbers_by_channel(bands):
    setting = FolderSetting(((-10.0, 30.0),) * 5 + ((-20.0, 60.0),), 6)
    (note,) = [n for n in evaluate_folders(*bands, setting=setting).notes if "numbers" in n]
    assert "channel 4 4, within [-10, 30]; channel 5 0, within [-10, 30]" in note
    with pytest.raises(UserError, match="a range for each of 5 channels, and the images have 6"):
        evaluate_folders(*bands, setting=FolderSetting(((0.0, 1.0),) * 5, 6))


def test_floats_need_a_range(bands):
    with pytest.raises(UserError, match=r"--range: dtype: the files are float32.*--range LOW,HIGH"):
        evaluate_folders(*bands, setting=FolderSetting(channels=6))


def test_metrics_of_colours_are_refused(bands):
    request = MetricRequest(["l1", "lab_histogram"])
    with pytest.raises(UserError, match=r"metric lab_histogram: .* have 6 channels of float32"):
        evaluate_folders(*bands, setting=RANGE, request=request)


def test_inception_metrics_are_refused(bands, monkeypatch):
    monkeypatch.setattr("pix2pix_tf.evaluation.context._network", lambda request: object())
    with pytest.raises(UserError, match="metric kid: compares images of grey or RGB of 8 or 16"):
        evaluate_folders(*bands, setting=RANGE, request=MetricRequest(["kid"]))


def test_12_bits_in_files_of_16_as_grey(tmp_path):
    target = np.random.default_rng(0).integers(0, 3000, (8, 8)).astype(np.uint16)
    write(tmp_path / "o", ".png", target + 409)
    write(tmp_path / "t", ".tif", target)
    result = evaluate_folders(tmp_path / "o", tmp_path / "t", setting=FolderSetting((0.0, 4090.0)))
    assert result.scores["l1"] == pytest.approx(0.1)
    assert (result.items.channels, result.items[0].output.shape) == (1, (8, 8, 1))
    full = evaluate_folders(tmp_path / "o", tmp_path / "t")
    assert full.scores["l1"] == pytest.approx(409 / 65535)
    assert full.items.channels == 3  # colours are compared in RGB


def test_other_channels_are_refused_by_name(tmp_path):
    write(tmp_path / "o", ".tif", floats(0, 5))
    write(tmp_path / "t", ".tif", floats(0, 6))
    with pytest.raises(UserError, match=r"0\.tif has 5 channels and .*0\.tif 6: outputs and"):
        evaluate_folders(tmp_path / "o", tmp_path / "t", setting=FolderSetting((0.0, 1.0)))
    write(tmp_path / "p", ".png", np.zeros((9, 8, 3), np.uint8))
    with pytest.raises(UserError, match=r"0\.tif has 6 channels and .*0\.png colours"):
        evaluate_folders(tmp_path / "t", tmp_path / "p", setting=RANGE)
    with pytest.raises(UserError, match=r"has 6 channels, and 7 are expected \(by --channels"):
        evaluate_folders(tmp_path / "t", tmp_path / "t", setting=FolderSetting((0.0, 1.0), 7))


def test_other_types_without_a_range_are_refused(tmp_path):
    write(tmp_path / "o", ".npy", np.zeros((9, 8, 5), np.int16))
    write(tmp_path / "t", ".npy", np.zeros((9, 8, 5), np.uint8))
    with pytest.raises(UserError, match="the files are of several types"):
        evaluate_folders(tmp_path / "o", tmp_path / "t", setting=FolderSetting(channels=5))


def test_command_with_options_or_the_config_of_a_run(bands, tmp_path, here):
    words = ("evaluate", "--outputs", "outputs", "--targets", "targets")
    code, _, err = here(*words)
    assert code == 2
    assert "0.npy is an array of 9×8×6, whose channels may be the first axis or the last" in err
    assert "0.tif" not in err
    code, _, err = here(*words, "--channels", "6")
    assert (code, "floats have no range of their own" in err) == (2, True)
    code, out, _ = here(*words, "--range=-10,30", "--channels", "6")
    assert code == 0
    assert "by channel" in out
    assert "│ 4       │ 0.1000 │ 4.0000" in out
    (tmp_path / "config.yaml").write_text(
        "data: {root: x, target_channels: 6, target_range: [-10, 30], target_display: [4, 5, 6]}\n"
    )
    assert here(*words, "--config", "config.yaml")[1] == out
    code, _, err = here(*words, "--config", "config.yaml", "--channels", "6")
    assert (code, "--channels: cannot be combined with --config" in err) == (2, True)
    code, _, err = here(*words, "--range", "30,-10")
    assert (code, "--range 30,-10: expected the smallest and the largest" in err) == (2, True)
    code, _, err = here("evaluate", "--run", "x", "--channels", "6")
    assert (code, "--channels: cannot be combined with --run" in err) == (2, True)


def test_axes_that_files_do_not_name(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (5, 9, 5)).astype(np.uint8)
    write(tmp_path / "o", ".npy", image)
    with pytest.raises(UserError, match="channels may be the first axis or the last"):
        evaluate_folders(tmp_path / "o", tmp_path / "o")
    setting = FolderSetting(channels=5, axes="CYX")
    request = MetricRequest(["l1"])
    items = evaluate_folders(tmp_path / "o", tmp_path / "o", setting=setting, request=request).items
    assert np.array_equal(items[0].output, image.transpose(1, 2, 0))


def test_values_that_stand_for_no_data_have_the_low_end_of_the_range(tmp_path):
    target = np.full((8, 8), 20, np.float32)
    target[:4] = -9999
    output = np.where(target == 20, 10, -10).astype(np.float32)
    write(tmp_path / "o", ".npy", output)
    (tmp_path / "t").mkdir()
    tag = [(42113, "s", 0, "-9999", True)]  # GDAL_NODATA
    tifffile.imwrite(tmp_path / "t" / "0.tif", target, extratags=tag)
    result = evaluate_folders(tmp_path / "o", tmp_path / "t", setting=FolderSetting((-10.0, 30.0)))
    assert result.scores["l1"] == pytest.approx(0.5 * 10 / 40)
    config = make_config({"data": {"root": "x", "target_channels": 1, "target_range": [-10, 30]}})
    assert target_setting(config.data).range == (-10, 30)
    other = make_config({"data": {**config.data.model_dump(mode="json"), "nodata": 20}})
    setting = target_setting(other.data)
    items = evaluate_folders(tmp_path / "t", tmp_path / "t", setting=setting).items
    assert items[0].target.max() == 0  # 20 is none now, and -9999 is below the range
