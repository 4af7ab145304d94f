"""GeoTIFFs, written by rasterio: trained on, translated, and read back by rasterio."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest
import rasterio
import tifffile
from affine import Affine

from pix2pix_tf import Translator, load_config, train
from pix2pix_tf.data.augment import Window
from pix2pix_tf.data.checking.report import check_dataset
from pix2pix_tf.data.measured_ranges import measure_ranges
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.inference.files import translate_files
from pix2pix_tf.inference.inputs import find_inputs
from pix2pix_tf.utils.errors import UserError
from tests.conftest import TINIEST, run_eagerly
from tests.images.test_georeference import write_geotiff

NORTH_UP = Affine(10, 0, 300_000, 0, -10, 5_000_000)
COARSE = Affine(20, 0, 300_000, 0, -20, 5_000_000)
NO_SCENE, NO_HEIGHT = 0, -9999.0


def scene(seed, size=20):
    """Five bands of 1000 to 3000, of which the left half has no data in some and all bands."""
    image = np.random.default_rng(seed).integers(1000, 3000, (size, size, 5)).astype(np.uint16)
    image[:4, : size // 2] = NO_SCENE
    image[4:6, : size // 2, 2] = NO_SCENE
    return image


def heights(seed, size=20):
    image = np.random.default_rng(seed).uniform(0, 30, (size, size)).astype(np.float32)
    image[:4, : size // 2] = NO_HEIGHT
    return image


def write_set(root, **of_heights):
    for split, count in (("train", 3), ("val", 2)):
        for number in range(count):
            for side in "AB":
                (root / split / side).mkdir(parents=True, exist_ok=True)
            path = root / split / "A" / f"{number}.tif"
            write_geotiff(path, scene(number), transform=NORTH_UP, nodata=NO_SCENE)
            options = {"nodata": NO_HEIGHT, "transform": NORTH_UP, **of_heights}
            write_geotiff(root / split / "B" / f"{number}.tif", heights(number), **options)
    for path in root.rglob("*.tif"):  # files of this very moment are not remembered
        os.utime(path, (1e9, 1e9))
    return root


@pytest.fixture
def not_opened(monkeypatch):
    """Function after which files are no longer decoded to be checked."""

    def refuse(path, reading):
        raise AssertionError(f"{path} is opened again")

    return lambda: monkeypatch.setattr("pix2pix_tf.data.checking.check_pairs.open_image", refuse)


def config(root, **data):
    settings = {
        "root": str(root),
        "direction": "AtoB",
        "input_channels": 5,
        "target_channels": 1,
        "input_range": [500, 3000],
        "target_range": [0, 30],
        **data,
    }
    settings = {f"data.{key}": value for key, value in settings.items()}
    return load_config(
        "facades",
        {**TINIEST, **settings, "training.steps": 1, "logging.tensorboard": False},
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("geo")
    with run_eagerly():
        train(config(write_set(folder / "set")), folder / "run")
    return folder / "run"


def translated(run, *inputs, output, **options):
    translator = Translator(run)
    found = find_inputs([str(path) for path in inputs], translator.source)
    with run_eagerly():
        return translate_files(translator, found, output, seed=0, **options)


def test_no_data_is_never_an_input_or_a_target(tmp_path):
    opened = open_pairs(config(write_set(tmp_path), load_size=20), check=True)
    for number in range(3):
        image, target = opened.train[number]
        empty = scene(number) == NO_SCENE
        assert np.array_equal(image, np.where(empty, 500, scene(number)))
        assert np.array_equal(target[..., 0], np.maximum(heights(number), 0))


def test_no_data_is_counted_once_and_not_as_values_outside(tmp_path, not_opened):
    root = write_set(tmp_path)
    a, b = (
        f"no data: {count} values of {side} in 5 of 5 images, which the networks see as the low "
        f"end of the range: {root / 'train' / side / '0.tif'} ({each})"
        for side, count, each in (("A", "1,100", 220), ("B", "200", 40))
    )
    notes = open_pairs(config(root), check=True).notes
    assert [note[: len(a)] for note in notes[:1]] == [a]
    assert [note[: len(b)] for note in notes[1:]] == [b]
    others = open_pairs(config(root, nodata=None), check=True).notes
    assert len(others) == 2
    assert open_pairs(config(root), check=True).notes == notes
    not_opened()
    assert open_pairs(config(root), check=True).notes == notes
    report = check_dataset(root, data=config(root).data)
    assert [report.warnings, report.problems] == [[], []]
    assert [note for note in report.notes if note.startswith("no data")] == notes
    assert [note[:20] for note in check_dataset(root).notes] == [a[:20], b[:20]]


def test_ranges_are_measured_without_no_data(tmp_path):
    root = write_set(tmp_path)
    data = measure_ranges(config(root, input_range="data", target_range="data")).data
    lows = np.array(data.input_range)[:, 0]
    assert lows.min() >= 1000
    assert lows.max() < 1100
    assert 0 <= data.target_range[0] < 1


def test_a_range_without_values_is_found_beside_no_data(tmp_path):
    with pytest.raises(
        UserError, match=r"data.target_range=\[100, 200\]: no value of B lies in it"
    ):
        open_pairs(config(write_set(tmp_path), target_range=[100, 200]), check=True)


def test_channels_without_any_data_cannot_be_measured(tmp_path):
    root = write_set(tmp_path)
    for path in sorted(root.glob("*/A/*.tif")):
        image = scene(0)
        image[..., 3] = NO_SCENE
        write_geotiff(path, image, nodata=NO_SCENE)
    with pytest.raises(UserError, match="all values of channel 4 of A stand for no data"):
        measure_ranges(config(root, input_range="data"))


def test_the_config_says_what_files_do_not(tmp_path):
    root = write_set(tmp_path)
    for path in sorted(root.glob("*/?/*.tif")):
        with rasterio.open(path, "r+") as file:
            file.nodata = None
    notes = open_pairs(config(root), check=True).notes
    assert [" outside and are clipped, in 5 of 5 images" in note for note in notes] == [True, True]
    opened = open_pairs(config(root, nodata=[NO_SCENE, NO_HEIGHT], load_size=20), check=True)
    assert [note[:7] for note in opened.notes] == ["no data", "no data"]
    assert opened.train[0][0].min() == 500
    swapped = config(root, nodata=[NO_SCENE, "nan"]).in_direction("BtoA")
    assert swapped.data.nodata == ("nan", NO_SCENE)


def test_no_value_is_no_data_if_the_config_says_so(tmp_path):
    notes = open_pairs(config(write_set(tmp_path), nodata=None), check=True).notes
    assert [note.split(":")[0] for note in notes] == [
        "data.input_range=[500, 3000]",
        "data.target_range=[0, 30]",
    ]


def test_translations_are_where_the_scene_is_and_have_no_data_where_it_has_none(run, tmp_path):
    path = write_geotiff(tmp_path / "x.tif", scene(7), transform=NORTH_UP, nodata=NO_SCENE)
    done = translated(run, path, output=tmp_path / "out")
    assert done.notes == []
    with rasterio.open(path) as source, rasterio.open(tmp_path / "out" / "x.tif") as made:
        assert (made.crs, made.transform) == (source.crs, source.transform)
        assert (made.nodata, made.dtypes) == (NO_HEIGHT, ("float32",))
        values = made.read(1)
    empty = (scene(7) == NO_SCENE).all(axis=2)
    assert np.array_equal(values == NO_HEIGHT, empty)
    assert values[~empty].min() >= 0
    assert values[~empty].max() <= 30


@pytest.mark.parametrize("form", ["whole", "half"])
def test_scenes_read_by_windows_give_the_same_file(run, tmp_path, monkeypatch, form):
    image = np.tile(scene(7), (13, 2, 1))
    options = {"tiled": True, "blockxsize": 64, "blockysize": 64, "nodata": NO_SCENE}
    path = write_geotiff(tmp_path / "x.tif", image, **options)
    pairs = form == "half"
    files = []
    for largest in (2**24, 100):
        monkeypatch.setattr("pix2pix_tf.images.windows.LARGE_PIXELS", largest)
        translator = Translator(run)
        inputs = find_inputs([str(path)], translator.source, pairs=pairs)
        output = tmp_path / str(largest)
        translate_files(translator, inputs, output, dropout=False, tile=256)
        with rasterio.open(output / "x.tif") as made:
            files.append((made.transform, made.crs, made.nodata, made.read(1)))
    (transform, crs, nodata, values), again = files
    assert (transform, crs, nodata) == again[:3] == (NORTH_UP, "EPSG:32633", NO_HEIGHT)
    assert np.array_equal(values, again[3])
    width = 20 if pairs else 40
    assert np.array_equal(values == NO_HEIGHT, (image == NO_SCENE).all(axis=2)[:, :width])


def test_arrays_have_the_same_value_where_there_is_no_data(run, tmp_path):
    path = write_geotiff(tmp_path / "x.tif", scene(7), nodata=NO_SCENE)
    done = translated(run, path, output=tmp_path / "out", format="npy")
    values = np.load(tmp_path / "out" / "x.npy")
    assert np.array_equal(values[..., 0] == NO_HEIGHT, (scene(7) == NO_SCENE).all(axis=2))
    assert done.notes == [
        "1 of 1 input has a georeference, which the files written have no place for: --format tiff "
        "keeps it"
    ]


def test_translated_arrays_have_nan_where_inputs_have_nan(tmp_path):
    for split in ("train", "val"):
        for side in "AB":
            (tmp_path / "set" / split / side).mkdir(parents=True)
            for number in range(2):
                values = np.random.default_rng(number).uniform(0, 9, (20, 20)).astype(np.float32)
                values[:3] = np.nan
                np.save(tmp_path / "set" / split / side / f"{number}.npy", values)
    ranges = {"input_channels": 1, "input_range": [0, 9], "target_range": [0, 9]}
    with pytest.raises(UserError, match=r"set data\.nodata=nan"):
        open_pairs(config(tmp_path / "set", **ranges), check=True)
    with run_eagerly():
        train(config(tmp_path / "set", nodata="nan", **ranges), tmp_path / "run")
    path = tmp_path / "set" / "val" / "A" / "0.npy"
    translated(tmp_path / "run", path, output=tmp_path / "out")
    values = np.load(tmp_path / "out" / "0.npy")
    assert np.isnan(values[:3]).all()
    assert np.isfinite(values[3:]).all()
    translator = Translator(tmp_path / "run")
    image = np.load(path)[..., np.newaxis]
    with run_eagerly():  # arrays that callers give may have NaN too
        given, filled = (
            translator(each, dropout=False) for each in (image, np.nan_to_num(image, nan=0))
        )
    assert np.array_equal(given, filled)
    assert np.isfinite(given).all()


MISMATCHES = {
    "reference systems": {"crs": "EPSG:32634"},
    "same ground": {"transform": Affine(10, 0, 300_020, 0, -10, 5_000_000)},
}


@pytest.mark.parametrize("why", MISMATCHES)
@pytest.mark.parametrize("command", ["train", "data check"])
def test_pairs_of_other_ground_are_refused(here, tmp_path, not_opened, why, command):
    root = write_set(tmp_path / "set", **MISMATCHES[why])
    (tmp_path / "x.yaml").write_text(config(root).to_yaml())
    words = {"train": ["train", "--run", "run"], "data check": ["data", "check", root]}[command]
    for _ in range(2):  # the second time from what is remembered of the files
        code, out, err = here(*words, "--config", "x.yaml")
        told = " ".join((out + err).split())
        assert code == 2
        assert "lies in EPSG:32633 at x 300000 to 300200, y 4999800 to 5000000" in told
        assert why in told
        assert "Traceback" not in told
        not_opened()
        assert str(root / "train" / "B" / "0.tif") in told.replace(" ", "")
    assert not (tmp_path / "run" / "checkpoints").exists()


@pytest.mark.parametrize("side_by_side", [False, True])
def test_crops_read_by_windows_have_no_data_like_whole_pairs(tmp_path, monkeypatch, side_by_side):
    monkeypatch.setattr("pix2pix_tf.data.source.windows_save_time", lambda path, reading: True)
    root = write_set(tmp_path / "set")
    data = {"scale": "native", "nodata": [NO_SCENE, "file"]}
    if side_by_side:
        shutil.rmtree(root)
        for split in ("train", "val"):
            (root / split).mkdir(parents=True)
            both = np.concatenate([scene(0), scene(1)], axis=1)
            for number in range(2):
                write_geotiff(root / split / f"{number}.tif", both)
        data |= {"nodata": NO_SCENE, "target_channels": 5, "target_range": [900, 3000]}
    pairs = open_pairs(config(root, **data)).train
    whole, window = pairs[0], Window(1, 2, 17, 16)
    monkeypatch.setattr(pairs, "_kept", {})
    pairs.keep = 0
    monkeypatch.setattr(pairs, "_load", None)  # not read as a whole
    parts = pairs.crop(0, lambda size: window, (17, 16))
    for part, image in zip(parts, whole, strict=True):
        assert np.array_equal(part, image[1:18, 2:18])
    assert parts[0].min() == 500
    assert parts[1].min() == (900 if side_by_side else 0)


def test_ome_and_names_of_the_targets_are_those_of_translations(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    record = json.loads((copy / "pairs.json").read_text())
    assert record["tags"] == {"A": {"nodata": NO_SCENE}, "B": {"nodata": NO_HEIGHT}}
    record["tags"]["B"] |= {"is_ome": True, "names": ["height"]}
    (copy / "pairs.json").write_text(json.dumps(record))
    path = write_geotiff(tmp_path / "x.tif", scene(7), nodata=NO_SCENE)
    (made,) = translated(copy, path, output=tmp_path / "out").written
    assert made.name == "x.ome.tif"
    with tifffile.TiffFile(made) as tiff:
        assert (tiff.is_ome, tiff.series[0].axes) == (True, "YX")
    with rasterio.open(made) as file:
        assert (file.transform, file.nodata) == (NORTH_UP, NO_HEIGHT)
    again = translated(copy, path, output=tmp_path / "out")
    assert (again.kept, again.written) == ([made], [])
    assert len(again.notes) == 1  # what it was made of is known


def test_files_of_another_resolution_show_the_same_ground(tmp_path):
    root = write_set(tmp_path)
    for path in sorted(root.glob("*/B/*.tif")):
        write_geotiff(path, heights(0, 10), transform=COARSE, nodata=NO_HEIGHT)
    assert len(open_pairs(config(root), check=True).train) == 3


def test_georeference_on_one_side_alone_is_said(tmp_path):
    root = write_set(tmp_path)
    for path in sorted(root.glob("*/B/*.tif")):
        tifffile.imwrite(path, heights(0), extratags=[(42113, 2, 6, "-9999", True)])
    *_, note = open_pairs(config(root), check=True).notes
    assert note.startswith("5 of 5 pairs have a georeference in one file alone")
    assert str(root / "train" / "A" / "0.tif") in note


def test_side_by_side_files_have_no_data_of_each_side(tmp_path):
    for split in ("train", "val"):
        (tmp_path / "set" / split).mkdir(parents=True)
        for number in range(2):
            image = np.concatenate([scene(number)[..., 0], scene(number)[..., 1]], axis=1)
            write_geotiff(tmp_path / "set" / split / f"{number}.tif", image, nodata=0)
    settings = {"input_channels": 1, "target_range": [800, 3000], "load_size": 20}
    opened = open_pairs(config(tmp_path / "set", **settings), check=True)
    image, target = opened.train[0]
    assert np.array_equal(image[..., 0], np.maximum(scene(0)[..., 0], 500))
    assert np.array_equal(target[..., 0], np.maximum(scene(0)[..., 1], 800))
    assert ["160 values of A" in opened.notes[0], "160 values of B" in opened.notes[1]] == [
        True
    ] * 2
