"""Pairs of any channels: their axes, their types, and what is refused before a training."""

from __future__ import annotations

import os
import re
import time

import numpy as np
import pytest
import tensorflow as tf
import tifffile
from PIL import Image

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.checking import inspection
from pix2pix_tf.data.checking.report import check_dataset
from pix2pix_tf.data.pairs import open_pairs, open_split
from pix2pix_tf.data.representation import encode
from pix2pix_tf.utils.errors import UserError

SIZE = (16, 16)


def config(root, **data):
    sizes = {"load_size": list(SIZE), "crop_size": list(SIZE)}
    tree = {"data": {"root": str(root), **sizes, **data}}
    return make_config({**tree, "discriminator": {"receptive_field": 16}})


def noise(*shape, dtype="uint8", seed=0):
    return np.random.default_rng(seed).integers(0, 250, shape).astype(dtype)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tif":
        tifffile.imwrite(path, array, photometric="minisblack", planarconfig="contig")
    else:
        np.save(path, array)


def folders(root, a, b, count=2):
    """Pairs in train/ and val/: a and b are a suffix, and a function from a number to an array."""
    for split in ("train", "val"):
        for number in range(count):
            for side, (suffix, array) in (("A", a), ("B", b)):
                save(root / split / side / f"{number}{suffix}", array(number))
    return root


@pytest.fixture
def scene(tmp_path):
    """13 bands of uint16 in a TIFF, and 7 of uint8 in an array, channels first."""
    return folders(
        tmp_path / "scene",
        (".tif", lambda n: noise(*SIZE, 13, dtype="uint16", seed=n)),
        (".npy", lambda n: noise(7, *SIZE, seed=n)),
    )


def refusal(root, **data):
    with pytest.raises(UserError) as error:
        open_pairs(config(root, **data), check=True)
    return str(error.value)


@pytest.mark.parametrize("check", [False, True])
def test_pairs_have_the_channels_and_values_of_their_files(scene, check):
    opened = open_pairs(config(scene, input_channels=13, target_channels=7), check=check)
    image, target = opened.val[1]
    assert image.tolist() == noise(*SIZE, 13, dtype="uint16", seed=1).tolist()
    assert target.shape == (*SIZE, 7)
    assert target.dtype == np.uint8
    assert (target == np.moveaxis(noise(7, *SIZE, seed=1), 0, -1)).all()
    if check:
        assert "A 16×16 uint16, 13 channels, B 16×16 uint8, 7 channels" in opened.found
    other = open_pairs(config(scene, direction="BtoA", input_channels=7, target_channels=13))
    assert [image.shape[2] for image in other.val[0]] == [7, 13]


def test_wrong_channel_counts_are_named_with_both(scene):
    message = refusal(scene, input_channels=3, target_channels=7)
    assert "train/A/0.tif has 13 bands" in message
    assert "instead of 3 channels" in message
    assert "data.input_channels=13" in message
    message = refusal(scene, input_channels=13, target_channels=5)
    assert "train/B/0.npy is an array of 7×16×16" in message
    assert "neither has the 5" in message


def test_axes_settle_what_a_shape_leaves_open(tmp_path):
    cubes = folders(tmp_path / "d", *[(".npy", lambda n: noise(16, 16, 16, seed=n))] * 2)
    both = {"input_channels": 16, "target_channels": 16}
    assert "0.npy is an array of 16×16×16" in refusal(cubes, **both)
    opened = open_pairs(config(cubes, input_axes="CYX", target_axes="YXC", **both), check=True)
    image, target = opened.train[0]
    assert (image == np.moveaxis(target, 0, -1)).all()
    assert (target == noise(16, 16, 16)).all()


def test_what_is_remembered_of_arrays_holds_for_their_axes_only(tmp_path, monkeypatch):
    root = folders(
        tmp_path / "d",
        (".npy", lambda n: noise(5, *SIZE, seed=n)),
        (".npy", lambda n: noise(*SIZE, seed=n)),
    )
    for path in root.rglob("*.npy"):
        os.utime(path, (time.time() - 60,) * 2)
    opened = []
    inspect_image = inspection.inspect_image
    monkeypatch.setattr(
        inspection, "inspect_image", lambda *it: opened.append(it) or inspect_image(*it)
    )
    one = {"target_channels": 1}
    open_pairs(config(root, input_channels=5, **one), check=True)
    assert len(opened) == 8
    open_pairs(config(root, input_channels=5, **one), check=True)
    assert len(opened) == 8
    assert "16 bands" in refusal(root, input_channels=5, input_axes="YXC", **one)
    assert len(opened) == 12  # of A alone


def of_type(tmp_path, suffix, dtype):
    return folders(
        tmp_path / "d",
        (suffix, lambda n: noise(*SIZE, 2, dtype=dtype, seed=n)),
        (".npy", lambda n: noise(*SIZE, seed=n)),
    )


@pytest.mark.parametrize("suffix", [".tif", ".npy"])
def test_floats_have_no_range_of_their_own(tmp_path, suffix):
    root, channels = of_type(tmp_path, suffix, "float32"), {"input_channels": 2}
    words = "data.input_range: dtype: the files are float32, and floats have no range of their own"
    assert words in refusal(root, target_channels=1, **channels)
    for split in ("train", "val"):
        with pytest.raises(UserError, match="floats have no range of their own"):
            open_split(config(root, target_channels=1, **channels), split)
    assert not check_dataset(root, axes="YXC").problems  # the files themselves are sound
    data = config(root, target_channels=1, input_range=[-1.0, 4.0], **channels)
    image, _ = open_pairs(data, check=True).train[0]
    assert image.dtype == np.float32


@pytest.mark.parametrize(
    ("dtype", "words"),
    [
        ("float32", "the files are float32, uint8, and floats have no range of their own"),
        ("int16", r"the files are of several types \(int16, uint8\), whose ranges differ"),
    ],
)
def test_mixed_types_need_a_range(tmp_path, dtype, words):
    root = of_type(tmp_path, ".npy", "uint8")
    np.save(root / "train" / "A" / "0.npy", noise(*SIZE, 2, dtype=dtype))
    data = {"input_channels": 2, "target_channels": 1}
    assert re.search(words, refusal(root, **data))
    opened = open_pairs(config(root, input_range=[0, 250], **data), check=True)
    assert (opened.train[0][0] == noise(*SIZE, 2)).all()
    (note,) = [note for note in opened.notes if "several types" in note]
    assert note.startswith(
        f"data.input_range=[0, 250]: images of A are of several types, uint8 (3), {dtype} (1), and"
    )
    report = check_dataset(root, data=config(root, input_range=[0, 250], **data).data)
    assert note in report.warnings


@pytest.mark.parametrize("suffix", [".tif", ".npy"])
@pytest.mark.parametrize("dtype", ["int8", "int16", "uint32", "int32"])
def test_integers_have_the_range_of_their_type(tmp_path, suffix, dtype):
    root = of_type(tmp_path, suffix, dtype)
    data = config(root, input_channels=2, target_channels=1)
    opened = open_pairs(data, check=True)
    assert opened.train.values.input.dtype == dtype
    assert (opened.train[0][0] == noise(*SIZE, 2, dtype=dtype)).all()
    limits = np.iinfo(dtype)
    ends = tf.constant([[[[limits.min], [limits.max]]]], dtype)
    assert encode(ends, opened.train.values.input).numpy().ravel().tolist() == [-1, 1]


def test_side_by_side_arrays_are_halved(tmp_path):
    for number in range(4):
        save(tmp_path / f"{number}.npy", noise(5, 16, 32, seed=number))
    settings = config(tmp_path, input_channels=5, target_channels=5)
    opened = open_pairs(settings, check=True)
    assert opened.layout == "side_by_side"
    image, target = opened.train.original(0)
    whole = np.moveaxis(noise(5, 16, 32, seed=int(opened.train.names[0])), 0, -1)
    assert (image == whole[:, :16]).all()
    assert (target == whole[:, 16:]).all()
    assert "both sides of a pair are in one file" in refusal(
        tmp_path, input_channels=5, target_channels=5, input_axes="CYX", target_axes="YXC"
    )


def test_arrays_beside_images(tmp_path):
    root = folders(
        tmp_path / "d",
        (".npy", lambda n: noise(*SIZE, 2, seed=n)),
        (".npy", lambda n: noise(*SIZE, 3, seed=n)),
    )
    for path in list(root.rglob("B/*.npy")):
        Image.fromarray(np.load(path)).save(path.with_suffix(".png"))
        path.unlink()
    image, target = open_pairs(config(root, input_channels=2), check=True).val[0]
    assert (image == noise(*SIZE, 2)).all()
    assert (target == noise(*SIZE, 3)).all()


def test_data_check_takes_the_axes_that_files_do_not_name(here, scene):
    code, out, _ = here("data", "check", scene)
    out = " ".join(out.split())
    assert code == 2
    assert "is an array of 7×16×16, whose channels may be the first axis or the last" in out
    assert "--axes)" in out
    code, out, _ = here("data", "check", scene, "--axes", "CYX")
    assert code == 0
    assert "uint16, 13 channels" in out
    assert "uint8, 7 channels" in out


@pytest.mark.parametrize("data", [{"derive": "grey"}, {"derive": "edges", "photo": "B"}])
def test_inputs_are_derived_of_colours_only(tmp_path, data):
    root = folders(tmp_path / "d", *[(".npy", lambda n: noise(*SIZE, seed=n))] * 2)
    message = refusal(root, **data)
    assert "0.npy has 1 band, not colours or alpha, instead of colours: save it as grey" in message


def _claiming_a_terabyte(path):
    with path.open("wb") as file:
        header = {"descr": "<u1", "fortran_order": False, "shape": (10**6, 10**6)}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(1000))


def _cut_short(path):
    save(path, noise(*SIZE, 5))
    path.write_bytes(path.read_bytes()[:-200])


def _volume(path):
    stack = noise(3, 5, *SIZE)
    tifffile.imwrite(path, stack, ome=True, metadata={"axes": "ZCYX"}, photometric="minisblack")


def _by_lerc(path):
    save(path, noise(*SIZE, 5))
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tiff.pages[0].tags["Compression"].overwrite(34887)


BAD = {
    "wrong channel count": (".tif", lambda path: save(path, noise(*SIZE, 4)), "has 4 bands"),
    "no such axis": (".npy", lambda path: save(path, noise(*SIZE, 4)), "neither has the 5"),
    "pages": (
        ".tif",
        lambda path: tifffile.imwrite(path, noise(5, *SIZE), photometric="minisblack"),
        "holds 5 frames or pages and does not say what they are",
    ),
    "volume": (".tif", _volume, "of the axes ZCYX (Z: 3, C: 5, Y: 16, X: 16)"),
    "cut short": (".npy", _cut_short, "is cut short or damaged"),
    "cut short TIFF": (".tif", _cut_short, "is damaged or cut short"),
    "unreadable compression": (".tif", _by_lerc, "pip install 'pix2pix-tf[scientific]'"),
    "terabyte": (".npy", _claiming_a_terabyte, "claims 1000000×1000000 values of uint8"),
    "objects": (
        ".npy",
        lambda path: np.save(path, np.full(SIZE, None), allow_pickle=True),
        "Python objects",
    ),
    "complex": (".npy", lambda path: np.save(path, np.ones(SIZE, "c8")), "complex numbers"),
    "several arrays": (
        ".npz",
        lambda path: np.savez(path, red=noise(*SIZE), green=noise(*SIZE)),
        "holds 2 arrays (red, green)",
    ),
}


@pytest.mark.parametrize("bad", BAD)
def test_bad_files_end_the_command_with_one_sentence(here, tmp_path, monkeypatch, bad):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    suffix, write, words = BAD[bad]
    image = (".npy", lambda n: noise(*SIZE, 5, seed=n))
    root = folders(tmp_path / "d", image, image)
    (root / "train" / "A" / "0.npy").unlink()
    path = root / "train" / "A" / f"0{suffix}"
    write(path)
    settings = ["data.root=d", "data.input_channels=5", "data.target_channels=5"]
    settings += ["data.load_size=16", "data.crop_size=16", "discriminator.receptive_field=16"]
    sets = [word for setting in settings for word in ("--set", setting)]
    code, _, err = here("train", "--config", "facades", "--run", "run", *sets)
    assert code == 2
    (line,) = [line for line in err.splitlines() if str(path.relative_to(tmp_path)) in line]
    assert words in line
    assert not (tmp_path / "run" / "checkpoints").exists()
