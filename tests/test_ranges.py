"""Images of 12 bits in 16-bit files: trained on, translated, scored, exported and served."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tifffile
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
from rich.console import Console

from pix2pix_tf import Translator, evaluate, export, load_config, train
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.data.pipeline import training_batches
from pix2pix_tf.demo.app import make_app
from pix2pix_tf.exporters.page_task import PageImages, page_task
from pix2pix_tf.images.sheets import GAP
from pix2pix_tf.images.value_range import ImageValues, PairValues, ValueRange
from pix2pix_tf.inference.files import translate_files
from pix2pix_tf.inference.inputs import find_inputs
from pix2pix_tf.runs.run import Run
from pix2pix_tf.utils.errors import UserError
from tests.conftest import TINIEST, run_eagerly
from tests.demo.visitors import Visitor, file_of, in_thread, pixels

U8, U16 = np.dtype("u1"), np.dtype("u2")
LOW, HIGH = 100, 4000  # of the targets
RANGES = {"data.input_range": [0, 4095], "data.target_range": [LOW, HIGH]}


def write_folders(root, kinds=("u2", "u2"), tops=(4096, 4096), size=(18, 18)):
    """Pairs of grey TIFFs of noise, written by tifffile."""
    for side, kind, top in zip("AB", kinds, tops, strict=True):
        for split, count in (("train", 3), ("val", 2)):
            (root / side / split).mkdir(parents=True)
            for number in range(count):
                random = np.random.default_rng([number, len(split), ord(side)])
                image = random.integers(0, top, size).astype(kind)
                tifffile.imwrite(root / side / split / f"{number}.tif", image)
    return root


def settings(root, **more):
    return load_config(
        "facades",
        {
            **TINIEST,
            "data.root": str(root),
            "data.direction": "AtoB",
            "data.input_channels": 1,
            "data.target_channels": 1,
            "training.steps": 2,
            "logging.tensorboard": False,
            **more,
        },
    )


def trained(folder, kinds, tops, **more):
    write_folders(folder / "pairs", kinds, tops)
    told = io.StringIO()
    with run_eagerly():
        config = settings(folder / "pairs", **more)
        train(config, folder / "run", console=Console(file=told, width=1000))
    return folder / "run", told.getvalue()


@pytest.fixture(scope="module")
def twelve_bits(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("twelve"), ("u2", "u2"), (4096, 4096), **RANGES)


@pytest.fixture
def run(twelve_bits, tmp_path):
    return Path(shutil.copytree(twelve_bits[0], tmp_path / "run"))


@pytest.fixture(scope="module")
def translator(twelve_bits):
    return Translator(twelve_bits[0])


def noise(*shape, top=4096, seed=0):
    return np.random.default_rng(seed).integers(0, top, shape).astype(np.uint16)


def test_training_says_once_what_it_clips(twelve_bits):
    _, told = twelve_bits
    (line,) = (line for line in told.splitlines() if "lie outside" in line)
    assert "data.target_range=[100, 4000]: " in line
    assert "values of B lie outside and are clipped, in 5 of 5 images: " in line
    assert "input_range" not in told
    assert "fits in" not in told


def test_batches_are_the_values_of_the_files_by_hand(tmp_path):
    root = write_folders(tmp_path / "pairs", size=(16, 16))
    config = settings(root, **RANGES, **{"data.load_size": 16, "data.augment": []})
    pairs = open_pairs(config).train
    batch = next(iter(training_batches(pairs, config, 0, 1)))
    images = [[tifffile.imread(file) for file in files] for files in pairs.files]
    expected = [
        (a / 2047.5 - 1, np.clip((b.astype(float) - LOW) / (HIGH - LOW), 0, 1) * 2 - 1)
        for a, b in images
    ]
    found = batch["input"][0, ..., 0].numpy(), batch["target"][0, ..., 0].numpy()
    distances = [
        max(np.abs(x - y).max() for x, y in zip(found, each, strict=True)) for each in expected
    ]
    assert min(distances) < 1e-6


def test_the_run_records_the_types_of_its_images(run):
    recorded = json.loads((run / "pairs.json").read_text())["types"]
    assert recorded == {"A": "uint16", "B": "uint16"}
    config = Run(run).load_config()
    inputs = ImageValues(U16, ValueRange((0.0,), (4095.0,)))
    targets = ImageValues(U16, ValueRange((100.0,), (4000.0,)))
    assert Run(run).values(config) == PairValues(inputs, targets)
    assert Run(run).values(config.in_direction("BtoA")) == PairValues(targets, inputs)


def test_runs_without_a_record_have_8_bits(run):
    (run / "pairs.json").unlink()
    assert Run(run).values(settings(".")) == PairValues()


def test_translations_have_the_type_and_the_range_of_the_targets(translator):
    image = noise(40, 33, 1)
    output = translator(image, seed=1)
    assert (output.shape, output.dtype) == ((40, 33, 1), np.uint16)
    assert LOW <= output.min() < output.max() <= HIGH
    clipped = np.where(image > 4000, 60000, image).astype(np.uint16)
    brightest = np.where(image > 4000, 4095, image).astype(np.uint16)
    assert np.array_equal(translator(clipped, seed=1), translator(brightest, seed=1))


def test_any_real_type_with_the_numbers_of_the_inputs(translator):
    image = noise(20, 20, 1)
    expected = translator(image, seed=1)
    for kind in ("i4", "f4", "f8", "i2"):
        assert np.array_equal(translator(image.astype(kind), seed=1), expected)
    with pytest.raises(UserError, match="complex64; expected integers or floats"):
        translator(image.astype("c8"))


def test_tiles_have_the_same_values(translator):
    image = noise(300, 280, 1)
    whole = translator(image, dropout=False).astype(int)
    tiled = translator.tiled(image, 256, dropout=False)
    assert tiled.dtype == np.uint16
    assert np.abs(whole - tiled).max() <= 1 + (HIGH - LOW) / 1000


def test_files_have_16_bits_and_the_numbers_of_the_targets(translator, tmp_path):
    (tmp_path / "in").mkdir()
    image = noise(20, 24, 1)
    tifffile.imwrite(tmp_path / "in" / "x.tif", image[..., 0])
    inputs = find_inputs([str(tmp_path / "in")], translator.source)
    (path,) = translate_files(translator, inputs, tmp_path / "out", seed=1).written
    with Image.open(path) as written:
        assert written.mode == "I;16"
        assert np.array_equal(np.array(written), translator(image, seed=1)[..., 0])
    again = translate_files(translator, inputs, tmp_path / "out", seed=1)
    assert (again.written, again.kept) == ([], [path])  # the record is in the file


def test_scores_are_in_units_of_the_range(run, translator):
    pairs = open_pairs(translator.config).val
    errors = []
    for image, target in (pairs[index] for index in range(len(pairs))):
        output = translator(image, seed=0).astype(float)
        errors.append(np.abs(output - np.clip(target.astype(float), LOW, HIGH)).mean())
    expected = np.mean(errors) / (HIGH - LOW)
    result = evaluate(run)
    assert result.scores["l1"] == pytest.approx(expected, rel=1e-5)
    note = f"l1 in the numbers of the targets: {np.mean(errors):.4g}, within [100, 4000]"
    assert note in result.notes
    validated = [entry["scores"]["l1"] for entry in Run(run).metrics()]
    assert validated[-1] == pytest.approx(expected, rel=1e-4)


def test_sheets_show_the_range_from_black_to_white(twelve_bits):
    (sheet,) = (twelve_bits[0] / "samples").glob("step-0000002.png")
    last_input = np.asarray(Image.open(sheet))[-GAP - 16 : -GAP, GAP : GAP + 16, 0]
    assert 100 < last_input.mean() < 155  # of noise that is as often dark as bright
    assert last_input.min() < 20
    assert last_input.max() > 235


def test_saved_model_takes_and_returns_the_values_of_the_files(run, translator, tmp_path):
    exported = export(run, "saved_model", tmp_path / "models", images=2)
    assert [parity.variant for parity in exported.parity] == ["serving_default", "images", "sample"]
    assert all(parity.passed and parity.max_error < 0.1 for parity in exported.parity)
    signatures = tf.saved_model.load(str(exported.folder)).signatures
    image = noise(20, 24, 1)
    expected = translator(image, dropout=False).astype(int)
    output = signatures["images"](images=tf.constant(image[np.newaxis]))["images"].numpy()[0]
    assert (output.dtype, np.abs(output - expected).max() <= 1) == (np.uint16, True)
    file = tf.io.encode_png(image)[tf.newaxis]
    png = signatures["serving_default"](image_bytes=file)["image_bytes"][0]
    output = tf.io.decode_png(png, dtype=tf.uint16).numpy()
    assert np.abs(output.astype(int) - expected).max() <= 1
    dark = (image // 17).astype(np.uint8)  # a file of 8 bits has small numbers
    png = signatures["serving_default"](image_bytes=tf.io.encode_png(dark)[tf.newaxis])
    output = tf.io.decode_png(png["image_bytes"][0], dtype=tf.uint16).numpy()
    assert np.abs(output.astype(int) - translator(dark, dropout=False)).max() <= 1


@pytest.mark.parametrize("uint8", [False, True])
def test_tflite_agrees_in_the_numbers_of_the_targets(run, tmp_path, uint8, here):
    words = ("export", "--run", run, "--format", "tflite", "--output", "phone", "--images", 2)
    code, out, _ = here(*words, *(["--uint8"] if uint8 else []))
    assert code == 0
    assert "errors in the numbers of the targets" in " ".join(out.split())
    (parity,) = json.loads((tmp_path / "phone" / "export.json").read_text())["parity"]
    assert parity["passed"]
    level = (HIGH - LOW) / 255
    assert parity["max_difference"] <= (1.01 * level if uint8 else 1)
    assert parity["max_error"] == pytest.approx(parity["max_difference"] / level, abs=1e-3)
    assert f"≤ {level:.3g}" in out


def test_tflite_takes_and_returns_the_numbers_of_the_files(run, translator, tmp_path):
    export(run, "tflite", tmp_path / "phone", images=1, name="x")
    interpreter = Interpreter(model_path=str(tmp_path / "phone" / "x.tflite"))
    image = noise(16, 16, 1)
    image[0, 0] = 60000  # clipped
    run_model = interpreter.get_signature_runner("serving_default")
    output = run_model(images=image[np.newaxis].astype(np.float32))["images"][0]
    assert output.dtype == np.float32
    assert np.abs(output - translator(image, dropout=False)).max() < 0.6


def test_int8_computes_ranges_in_floats(run, tmp_path):
    (parity,) = export(run, "tflite", tmp_path / "int8", images=2, precision="int8").parity
    assert parity.passed


def test_the_demo_translates_drawings_that_span_the_range(translator):
    example = noise(16, 16, 1)
    with (
        in_thread(make_app(translator, "twelve bits", [example])) as address,
        Visitor(address) as visitor,
    ):
        task = visitor.get("/page.json")[1]
        shown = pixels(visitor.get("/example.png")[1])
        assert np.abs(shown[..., 0] - example[..., 0] / 4095 * 255).max() <= 0.51
        assert np.array_equal(np.load(io.BytesIO(visitor.get("/example.npy")[1])), example)
        drawn = file_of(noise(16, 16, 1, top=256).astype(np.uint8)[..., 0])
        _, png = visitor.post("/translate?seed=3", drawn)
        _, npy = visitor.post("/translate?seed=3&as=npy", drawn)
    values = np.rint(pixels(drawn)[..., :1] / 255 * 4095).astype(np.uint16)
    output = translator(values, seed=3)
    assert np.array_equal(np.load(io.BytesIO(npy)), output)
    (black,), (white,) = (task["target"]["display"][name] for name in ("black", "white"))
    assert LOW < black < white < HIGH
    expected = np.clip((output[..., 0] - black) / (white - black), 0, 1) * 255
    assert np.abs(pixels(png)[..., 0] - expected).max() <= 0.51


def test_pages_span_the_range(translator):
    data, white = translator.config.data, np.full((16, 16, 1), 4095, np.uint16)
    task = page_task("x", data, PageImages([white], [white], translator.values))
    assert task["palette"] == ["#ffffff"]
    assert task["drawn"]
    assert (task["input"]["low"], task["input"]["high"]) == ([0], [4095])
    assert task["input"]["display"] == {"channels": [0], "black": [0], "white": [4095]}


def test_targets_of_8_bits_stay_8_bits(tmp_path):
    run, _ = trained(tmp_path, ("u2", "u1"), (4096, 256), **{"data.input_range": [0, 4095]})
    translator = Translator(run)
    assert translator.values.target == ImageValues(U8)
    assert translator(noise(20, 20, 1)).dtype == np.uint8


def test_16_bits_without_a_range_span_their_type(tmp_path):
    run, _ = trained(tmp_path, ("u1", "u2"), (256, 65536))
    translator = Translator(run)
    assert translator.values == PairValues(ImageValues(U8), ImageValues(U16))
    image = noise(20, 20, 1, top=256).astype(np.uint8)
    output = translator(image, seed=1)
    assert output.dtype == np.uint16
    assert output.max() > 20000
    deep = translator(image.astype(np.uint16) * 257, seed=1)
    assert np.abs(deep.astype(int) - output).max() <= 3


def test_many_channels_with_a_range_each(tmp_path, monkeypatch, eagerly):
    """Arrays of five channels: their files are read by other code."""
    root = write_folders(tmp_path / "pairs")

    def read(self, files):
        random = np.random.default_rng(len(files.name))
        return random.normal(size=(18, 18, 5)).astype(np.float32), noise(18, 18, 2)

    types = {"A": {np.dtype("f4")}, "B": {U16}}
    monkeypatch.setattr("pix2pix_tf.data.source.PairSource.read", read)
    monkeypatch.setattr("pix2pix_tf.data.checking.check_pairs._types", lambda inspections: types)
    monkeypatch.setattr("pix2pix_tf.data.checking.check_pairs.refused_channels", lambda *_: [])
    monkeypatch.setattr("pix2pix_tf.data.checking.check_pairs.range_warnings", lambda *_: [])
    config = settings(
        root,
        **{
            "data.input_channels": 5,
            "data.target_channels": 2,
            "data.input_range": [[-3, 3], [-2, 2], [-1, 1], [0, 4], [-3, 3]],
            "data.target_range": [[0, 4095], [0, 1000]],
        },
    )
    train(config, tmp_path / "run", console=Console(quiet=True))
    translator = Translator(tmp_path / "run")
    output = translator(np.full((20, 24, 5), 0.5, np.float32))
    assert (output.shape, output.dtype) == ((20, 24, 2), np.uint16)
    assert output[..., 0].max() > 1000 >= output[..., 1].max()
    backwards = Run(tmp_path / "run").values(config.in_direction("BtoA")).target
    assert backwards.dtype == np.float32
