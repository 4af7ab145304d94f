"""Examples run, and say in one sentence what they miss."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile
import yaml
from PIL import Image

from pix2pix_tf.config.schema import make_config

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_own_pairs_is_a_config_of_the_papers_settings():
    tree = yaml.safe_load((EXAMPLES / "own_pairs.yaml").read_text())
    assert make_config(tree) == make_config({"data": {"root": "my_pairs"}})


@pytest.mark.slow("starts Python with TensorFlow")
def test_in_python_runs(tmp_path):
    command = [sys.executable, EXAMPLES / "in_python.py", "run", "2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "aerial.png").size == (300, 200)


def run_example(name, folder):
    command = [sys.executable, EXAMPLES / name, "2"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow("starts Python with TensorFlow")
def test_microscopy_gives_the_cameras_numbers_back(tmp_path):
    run_example("microscopy.py", tmp_path)
    stain = tifffile.imread(tmp_path / "stained.tif")
    assert (stain.shape, stain.dtype) == ((200, 200), np.uint16)
    assert 255 < stain.max() <= 4095
    assert Image.open(tmp_path / "microscopy.png").size == (600, 200)


@pytest.mark.slow("starts Python with TensorFlow, twice")
def test_satellite_gives_metres_back_where_the_scene_is(tmp_path):
    run_example("satellite.py", tmp_path)
    with (
        rasterio.open(tmp_path / "large" / "scene.tif") as scene,
        rasterio.open(tmp_path / "heights" / "scene.tif") as made,
    ):
        assert (made.crs, made.transform) == (scene.crs, scene.transform)
        assert (made.shape, made.dtypes, made.nodata) == ((600, 600), ("float32",), -9999)
        light, heights = scene.read(), made.read(1)
    empty = (light == 0).all(axis=0)
    assert empty.any()
    assert np.array_equal(heights == -9999, empty)
    assert 1 < heights.max() <= 30
    assert heights[~empty].min() >= 0
    assert Image.open(tmp_path / "satellite.png").size == (1800, 600)


@pytest.mark.slow("starts Python with TensorFlow")
def test_photographs_keep_their_size(tmp_path):
    run_example("photographs.py", tmp_path)
    assert Image.open(tmp_path / "photographs.png").size == (900, 200)


@pytest.mark.slow("starts Python with TensorFlow, and trains thrice")
def test_fine_tuning_starts_from_the_citys_weights(tmp_path):
    run_example("fine_tuning.py", tmp_path)
    assert (tmp_path / "runs" / "tuned" / "init_from.json").exists()
    assert Image.open(tmp_path / "fine_tuning.png").size == (576, 144)


def test_serving_client_names_the_extra_that_grpc_needs(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "label.png")
    words = ["--model", "facades", "--input", str(tmp_path), "--output", str(tmp_path) + "-out"]
    code = (
        "import runpy, sys; sys.modules['tensorflow_serving'] = None; "
        f"sys.argv = ['client.py', *{words!r}, '--protocol', 'grpc']; "
        f"runpy.run_path({str(EXAMPLES / 'serving' / 'client.py')!r}, run_name='__main__')"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    sentence = "--protocol grpc: needs tensorflow-serving-api, which is not installed"
    assert sentence in done.stderr
    assert done.stderr.rstrip().endswith("pip install 'pix2pix-tf[serving]'")
    assert "Traceback" not in done.stderr
