"""`data.input_range: data`: percentiles of the training files, in the run as numbers."""

import io

import numpy as np
import pytest
import tifffile
import yaml
from rich.console import Console

from pix2pix_tf import train
from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.measured_ranges import measure_ranges
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.runs.run import Run
from pix2pix_tf.utils.errors import UserError


def image(number, channels=1, side="A"):
    random = np.random.default_rng([number, ord(side)])
    scale = 1000 * (1 + np.arange(channels))
    return np.squeeze(random.integers(0, scale, (16, 16, channels)).astype(np.uint16))


def folders(root, channels=1, count=4):
    for side in "AB":
        for split, numbers in (("train", range(count)), ("val", (90,))):
            (root / side / split).mkdir(parents=True)
            for number in numbers:
                pixels = image(number, channels, side)
                tifffile.imwrite(root / side / split / f"{number}.tif", pixels)
    return root


def config(root, channels=1, **data):
    tree = {
        "data": {
            "root": str(root),
            "load_size": 16,
            "crop_size": 16,
            "input_channels": channels,
            "target_channels": channels,
            "input_range": "data",
            **data,
        },
        "generator": {"width": 2},
        "discriminator": {"width": 2, "receptive_field": 16},
        "training": {"steps": 1},
        "logging": {"tensorboard": False},
    }
    return make_config(tree)


def percentiles(channels, side, *levels):
    values = np.concatenate([image(n, channels, side).reshape(-1, channels) for n in range(4)])
    return [tuple(np.percentile(values[:, k], levels)) for k in range(channels)]


def test_percentiles_of_the_training_files_by_hand(tmp_path):
    root = folders(tmp_path / "d")
    data = measure_ranges(config(root)).data
    assert data.input_range == pytest.approx(percentiles(1, "A", 0.1, 99.9)[0])
    assert data.target_range == "dtype"
    data = measure_ranges(config(root, target_range="data", range_percentiles=[5, 90])).data
    assert data.input_range == pytest.approx(percentiles(1, "A", 5, 90)[0])
    assert data.target_range == pytest.approx(percentiles(1, "B", 5, 90)[0])


def test_each_channel_has_a_range_of_its_own(tmp_path):
    measured = measure_ranges(config(folders(tmp_path / "d", 3), 3)).data.input_range
    assert np.array(measured) == pytest.approx(np.array(percentiles(3, "A", 0.1, 99.9)))
    assert measured[0][1] < 1000 < measured[1][1] < 2000 < measured[2][1]


def test_of_large_datasets_random_pixels_are_used_the_same_each_time(tmp_path, monkeypatch):
    settings = config(folders(tmp_path / "d"))
    whole = measure_ranges(settings)
    monkeypatch.setattr("pix2pix_tf.data.measured_ranges._VALUES_AT_MOST", 4 * 100)
    sampled = measure_ranges(settings)
    assert sampled == measure_ranges(settings) != whole
    assert sampled.data.input_range == pytest.approx(whole.data.input_range, abs=100)


def test_files_that_cannot_be_read_are_left_to_the_check(tmp_path):
    root = folders(tmp_path / "d")
    expected = measure_ranges(config(root))
    (root / "A" / "train" / "bad.tif").write_bytes(b"no image")
    tifffile.imwrite(root / "B" / "train" / "bad.tif", image(0))
    assert measure_ranges(config(root)) == expected
    for path in (root / "A" / "train").iterdir():
        path.write_bytes(b"no image")
    with pytest.raises(UserError, match=r"0\.tif is not an image"):
        measure_ranges(config(root))


def test_values_that_hardly_vary_have_no_range(tmp_path):
    root = folders(tmp_path / "d")
    for path in (root / "A" / "train").iterdir():
        tifffile.imwrite(path, np.full((16, 16), 7, np.uint16))
    message = r"data\.input_range: data: nearly all values of A are 7.*--set data\.input_range="
    with pytest.raises(UserError, match=message):
        measure_ranges(config(root))


def test_only_a_training_measures(tmp_path):
    with pytest.raises(UserError, match=r"data\.input_range: data: the range is measured when a"):
        open_pairs(config(folders(tmp_path / "d")))


def test_the_run_has_numbers_and_resumes_with_them(tmp_path, eagerly, monkeypatch):
    root, run, told = folders(tmp_path / "d"), tmp_path / "run", io.StringIO()
    settings = config(root)
    train(settings, run, console=Console(file=told, width=1000))
    low, high = percentiles(1, "A", 0.1, 99.9)[0]
    stored = yaml.safe_load((run / "config.yaml").read_text())["data"]
    assert stored["input_range"] == pytest.approx([low, high])
    assert f"data.input_range=[{low:.10g}, {high:.10g}]: measured, percentiles 0.1 and 99.9" in (
        told.getvalue()
    )
    monkeypatch.setattr("pix2pix_tf.training.prepare.measure_ranges", None)  # not a second time
    longer = settings.model_copy(
        update={"training": settings.training.model_copy(update={"steps": 2})}
    )
    assert train(longer, run, console=Console(file=told, width=1000)).step == 2
    assert ": as this run began" in told.getvalue()
    assert Run(run).load_config().data.input_range == pytest.approx((low, high))


def test_a_run_of_another_range_is_not_resumed_by_measuring(tmp_path, eagerly):
    root, run = folders(tmp_path / "d"), tmp_path / "run"
    train(config(root, input_range="dtype"), run, console=Console(quiet=True))
    with pytest.raises(UserError, match=r"holds another experiment: data\.input_range = dtype"):
        train(config(root), run, console=Console(quiet=True))
