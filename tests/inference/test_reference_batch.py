"""Runs with `bottleneck_norm` and batches of several images translate by a batch's statistics."""

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.evaluation.evaluate import evaluate
from pix2pix_tf.evaluation.metrics.pixel import score_pairs
from pix2pix_tf.exporters import export
from pix2pix_tf.inference.reference_batch import record_reference_batch, reference_moments
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.runs.lock import run_lock
from pix2pix_tf.runs.run import Run
from pix2pix_tf.training import train
from pix2pix_tf.utils.errors import UserError
from tests.conftest import TINIEST, typed, write_pairs

pytestmark = pytest.mark.usefixtures("eagerly")

SETTINGS = {
    **TINIEST,
    "generator.kind": "encoder_decoder",
    "generator.bottleneck_norm": True,
    "training.batch_size": 4,
    "training.steps": 2,
    "logging.tensorboard": False,
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    root = write_pairs(folder / "pairs", (18, 18), train=6, val=3)
    config = load_config("facades", {**SETTINGS, "data.root": str(root)})
    train(config, folder / "run")
    return folder / "run"


@pytest.fixture
def run(trained, tmp_path):
    return Path(shutil.copytree(trained, tmp_path / "run"))


def images(count=3, side=16):
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3)).astype(np.uint8)


@pytest.mark.parametrize("words", [{"seed": 1}, {"dropout": False}])
def test_the_output_depends_on_its_input_and_on_nothing_beside_it(trained, words):
    translator, seen = Translator(trained), images()
    alone = [translator(image, **words) for image in seen]
    assert not np.array_equal(alone[0], alone[1])
    np.testing.assert_array_equal(translator(seen, **words), alone)
    other = translator(seen[::-1].copy(), **words)
    np.testing.assert_array_equal(other[::-1], alone)


def test_training_evaluation_and_translation_score_the_same(run):
    recorded = Run(run).metrics()[-1]["scores"]
    translate = partial(Translator(run), seed=0)
    scores = score_pairs(translate, open_pairs(Run(run).load_config()).val)
    assert scores == pytest.approx(recorded, rel=1e-4)
    assert evaluate(run).scores["l1"] == pytest.approx(recorded["l1"], rel=1e-4)


def test_tiles_make_the_whole_picture_without_measuring_it(trained):
    image = np.kron(images(1, 40)[0], np.ones((8, 8, 1), np.uint8))
    translator = Translator(trained)
    whole = translator(image, dropout=False)
    tiled = translator.tiled(image, 256, dropout=False)
    assert np.abs(tiled.astype(int) - whole).max() <= 1
    # Four levels: each tile goes once through the eight convolutions.
    assert translator.steps(320, 320, 256) == 8 * 4


@pytest.mark.parametrize("format", ["saved_model", "tflite"])
def test_exports_have_the_statistics_in_their_graphs(format, trained, tmp_path):
    exported = export(trained, format, tmp_path / "out", images=3)
    assert all(parity.passed for parity in exported.parity)


def test_a_method_of_two_directions_does_not_take_the_statistics_of_the_other_one(run):
    config, translation = Run(run).load_config(), Translator(run).translation.translation
    assert config.data.direction == "BtoA"
    with pytest.raises(UserError, match=r"direction AtoB: run .* those of BtoA alone; train with"):
        reference_moments(translation, Run(run), config, "AtoB")


def test_a_run_keeps_its_batch_whatever_it_is_trained_on_later(run, tmp_path):
    before = Run(run).reference_file.read_bytes()
    other = load_config("sample", {**SETTINGS, "data.root": None})
    record_reference_batch(Run(run), other, open_pairs(other).train)
    assert Run(run).reference_file.read_bytes() == before


def test_a_finished_run_gets_its_batch_back_under_its_lock(run):
    file = Run(run).reference_file
    file.unlink()
    config = Run(run).load_config()
    with run_lock(run), pytest.raises(UserError, match="another process is training there"):
        train(config, run)
    assert not file.exists()
    train(config, run)
    assert file.exists()


@pytest.mark.slow("starts the command as a process")
def test_without_its_batch_a_run_says_how_to_get_it_back(run, tmp_path):
    file = Run(run).reference_file
    before = dict(np.load(file))
    file.unlink()
    with pytest.raises(UserError, match=r"lacks reference_batch.npz, .* `pix2pix-tf train --run"):
        Translator(run)
    done = typed("train", "--run", run, "--set", "training.steps=3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name, array in np.load(file).items():
        np.testing.assert_array_equal(array, before[name])
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(UserError, match=r"reference_batch.npz: is damaged .*; remove it: "):
        Translator(run)
    np.savez(file, inputs=before["inputs"][:1], seeds=before["seeds"])
    with pytest.raises(
        UserError, match=r"has inputs of \[1, 16, 16, 3\] where config.yaml .* \[4, "
    ):
        Translator(run)


@pytest.mark.parametrize(
    "settings",
    [
        {"training.batch_size": 1},
        {"generator.bottleneck_norm": False},
        {"generator.norm": "instance"},
    ],
)
def test_other_runs_translate_by_each_images_own_statistics(settings):
    config = load_config("sample", {**SETTINGS, **settings})
    assert not config.reference_statistics
    assert load_config("sample", SETTINGS).reference_statistics
