"""`pix2pix-tf export`, as a user types it, and the reports it leaves."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf import Translator
from pix2pix_tf.exporters import export, exporting
from pix2pix_tf.images.io import write_image
from pix2pix_tf.utils.errors import UserError
from tests.conftest import typed


@pytest.mark.slow("starts the command as a process")
def test_saved_model_journey(tiny_run, tmp_path):
    folder = tmp_path / "models" / "tiny_run"
    (folder / "1").mkdir(parents=True)  # as another export left it
    words = ("export", "--run", "tiny_run", "--format", "saved_model", "--output", "models")
    first = typed(*words, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    assert "serving_default" in first.stdout
    assert "models/tiny_run/2:" in first.stdout
    report = json.loads((folder / "2" / "export.json").read_text())
    assert [parity["variant"] for parity in report["parity"]] == [
        "serving_default",
        "images",
        "sample",
    ]
    assert all(parity["passed"] and parity["max_error"] <= 1 for parity in report["parity"])
    assert report["step"] == 2
    assert report["config"]["generator"]["width"] == 4

    assert sorted(entry.name for entry in folder.iterdir()) == ["1", "2"]
    assert not list((folder / "1").iterdir())
    assert sorted(entry.name for entry in (tmp_path / "models").iterdir()) == ["tiny_run"]
    picture = np.random.default_rng(0).integers(0, 256, (1, 40, 33, 3), np.uint8)
    loaded = tf.saved_model.load(str(folder / "2"))
    output = loaded.signatures["images"](images=tf.constant(picture))["images"][0]
    expected = Translator(tiny_run)(picture[0], dropout=False)
    assert np.abs(output.numpy().astype(int) - expected).max() <= 1


@pytest.mark.slow("starts the command as a process")
def test_tflite_journey(tiny_run, tmp_path):
    words = ("--format", "tflite", "--precision", "int8", "--size", "40x48", "--uint8")
    done = typed(
        "export", "--run", tiny_run, *words, "--name", "blocks", "--output", "phone", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert sorted(file.name for file in (tmp_path / "phone").iterdir()) == [
        "blocks.tflite",
        "export.json",
    ]
    report = json.loads((tmp_path / "phone" / "export.json").read_text())
    assert (report["precision"], report["size"], report["uint8"]) == ("int8", [40, 48], True)
    assert report["bytes"] == (tmp_path / "phone" / "blocks.tflite").stat().st_size
    (parity,) = report["parity"]
    assert parity["ssim"] >= 0.95
    assert parity["images"] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--run", "none", "--format", "tflite"], "run none: no such folder"),
        (["--run", "tiny_run", "--format", "coreml"], "expected saved_model, tflite, onnx or web"),
        (["--run", "tiny_run", "--format", "tflite", "--precision", "int4"], "dynamic or int8"),
        (
            ["--run", "tiny_run", "--format", "saved_model", "--precision", "int8"],
            "--precision: is",
        ),
        (["--run", "tiny_run", "--format", "web", "--uint8"], "--uint8: is not for format web"),
        (["--run", "tiny_run", "--format", "tflite", "--size", "big"], "HEIGHTxWIDTH"),
        (["--run", "tiny_run", "--format", "tflite", "--size", "0"], "at least one pixel"),
        (
            ["--run", "tiny_run", "--format", "tflite", "--size", "64", "--resizable"],
            "a resizable model has no size",
        ),
        (["--run", "tiny_run", "--format", "saved_model", "--name", "a/b"], "give another"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(here, tiny_run, tmp_path, words, message):
    code, _, err = here("export", *words, "--output", "out")
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["tiny_run"]


@pytest.mark.parametrize("format", ["tflite", "onnx", "web"])
def test_output_that_exists_is_kept(tiny_run, tmp_path, format):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("precious")
    with pytest.raises(UserError, match="already exists"):
        export(tiny_run, format, tmp_path / "out")
    assert (tmp_path / "out" / "mine").read_text() == "precious"


def test_run_without_checkpoint(tiny_run, tmp_path):
    shutil.rmtree(tiny_run / "checkpoints")
    with pytest.raises(UserError, match="no checkpoint there yet"):
        export(tiny_run, "tflite", tmp_path / "out")


def test_export_that_computes_something_else_is_not_left_behind(tiny_run, tmp_path, monkeypatch):
    honest = exporting.saved_model_variants

    def darker(translator, folder):
        variant = honest(translator, folder)[0]
        exported = variant.exported
        wrong = lambda image: np.maximum(exported(image), 5) - 5  # noqa: E731
        return [exporting.Variant(variant.name, wrong, variant.reference, variant.limit)]

    monkeypatch.setattr(exporting, "saved_model_variants", darker)
    with pytest.raises(UserError, match="serving_default: max 5 grey levels"):
        export(tiny_run, "saved_model", tmp_path / "models")
    assert [entry.name for entry in tmp_path.iterdir()] == ["tiny_run"]


def test_pictures_stand_in_for_data_that_is_not_at_hand(tiny_run, tmp_path):
    config = tiny_run / "config.yaml"
    config.write_text(config.read_text().replace("trained_on", "moved_away"))
    with pytest.raises(UserError, match="moved_away"):
        export(tiny_run, "tflite", tmp_path / "phone")
    (tmp_path / "mine").mkdir()
    with pytest.raises(UserError, match="holds no images"):
        export(tiny_run, "tflite", tmp_path / "phone", inputs=tmp_path / "mine")
    for number in range(3):
        picture = np.random.default_rng(number).integers(0, 256, (50, 40, 3), np.uint8)
        write_image(tmp_path / "mine" / f"{number}.jpg", picture)
    exported = export(
        tiny_run, "tflite", tmp_path / "phone", precision="int8", inputs=tmp_path / "mine"
    )
    assert exported.parity[0].images == 3
