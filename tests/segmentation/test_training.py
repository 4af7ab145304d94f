import io
import json
import shutil
import signal
import sys

import h5py
import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from pix2pix_tf.images.io import write_image
from pix2pix_tf.segmentation.callbacks import best_epoch
from pix2pix_tf.segmentation.config import load_segmenter_config
from pix2pix_tf.segmentation.segmenter import Segmenter
from pix2pix_tf.segmentation.training import train_segmenter
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.signals import StoppedError

PALETTE = """
- {name: ground, colour: [0, 0, 0]}
- {name: disc, colour: [255, 0, 0]}
- {name: stripes, colour: [0, 0, 255]}
- {void: true, colour: [255, 255, 255]}
"""
COLOURS = np.array([[0, 0, 0], [255, 0, 0], [0, 0, 255], [255, 255, 255]], np.uint8)


def toy(seed, size=64):
    """A photo, noisy, of a greenish disc and a field of stripes, and its classes."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    centre = random.integers(size // 4, 3 * size // 4, 2)
    left, top = random.integers(0, size // 2, 2)
    classes = np.zeros((size, size), np.uint8)
    classes[top : top + size // 2, left : left + size // 2] = 2
    classes[np.hypot(y - centre[0], x - centre[1]) < size / 5] = 1
    photo = np.full((size, size, 3), 128.0)
    photo[classes == 1] = 110, 150, 110
    photo[classes == 2] += np.where(x // 2 % 2, 40, -40)[classes == 2, np.newaxis]
    classes[0] = 3  # void
    return np.clip(photo + random.normal(0, 12, photo.shape), 0, 255).astype(np.uint8), classes


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    """A folder of pairs of toys and their labels, and a config to train on them in seconds."""
    folder = tmp_path_factory.mktemp("toys")
    (folder / "toys.yaml").write_text(PALETTE)
    for split, seeds in (("train", range(32)), ("val", range(100, 104))):
        (folder / "pairs" / split).mkdir(parents=True)
        for seed in seeds:
            photo, classes = toy(seed)
            picture = np.concatenate([photo, COLOURS[classes]], axis=1)
            write_image(folder / "pairs" / split / f"{seed}.png", picture)
    (folder / "config.yaml").write_text(
        f"data: {{root: {folder / 'pairs'}, crop_size: 64}}\n"
        f"palette: {folder / 'toys.yaml'}\n"
        "segmenter: {width: 8, head: 32, dropout: 0.1}\n"
        "training: {epochs: 12, batch_size: 4, learning_rate: 3.0e-3}\n"
    )
    return folder / "config.yaml"


@pytest.fixture(scope="module")
def trained(toys, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "toys"
    return folder, train_segmenter(load_segmenter_config(toys), folder, Console(quiet=True))


def test_learns_three_classes_and_keeps_the_best_weights(trained):
    folder, scores = trained
    assert scores["per_pixel_accuracy"] > 0.9
    assert scores["class_iou"] > 0.8
    segmenter = Segmenter(folder)
    right = []
    for photo, classes in (toy(seed) for seed in range(100, 104)):
        found = segmenter(photo)
        assert (found.shape, found.dtype) == ((64, 64), np.uint8)
        right.append((found == classes)[1:])  # the first row is void
    assert np.mean(right) == pytest.approx(scores["per_pixel_accuracy"])


def test_folder_has_all_that_its_users_need(trained, tmp_path, monkeypatch):
    folder, scores = trained
    entries = json.loads((folder / "metrics.json").read_text())
    assert [entry["epoch"] for entry in entries] == list(range(1, 13))
    best = max(entries, key=lambda entry: entry["scores"]["class_iou"])
    assert best["scores"] == scores
    assert set(best["classes"]) == {"ground", "disc", "stripes"}
    tags = {
        value.tag
        for file in (folder / "logs" / "validation").glob("events*")
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
    }
    assert "epoch_class_iou" in tags
    with h5py.File(folder / "segmenter.weights.h5") as weights:
        assert "optimizer" not in weights

    moved = folder.rename(tmp_path / "moved")  # and without the palette's file
    monkeypatch.chdir(tmp_path)
    segmenter = Segmenter("moved")
    moved.rename(folder)
    assert segmenter.palette.classes == ("ground", "disc", "stripes")
    assert segmenter.palette.colours.tolist() == COLOURS[:3].tolist()
    assert segmenter.config.segmenter.width == 8


def test_photos_of_any_size(trained):
    segmenter = Segmenter(trained[0])
    photo, classes = toy(201, size=100)
    photo, classes = photo[3:, :75], classes[3:, :75]
    found = segmenter(photo)
    assert found.shape == (97, 75)
    assert (found == classes).mean() > 0.85
    assert segmenter(photo[:40, :1]).shape == (40, 1)


def tiny(toys):
    small = {"segmenter.width": 2, "segmenter.head": 4, "segmenter.dropout": 0.5}
    return load_segmenter_config(toys, {**small, "training.epochs": 2})


def state(folder):
    """Every number that the next epoch would start from."""
    reader = tf.train.load_checkpoint(str(folder / "checkpoints"))
    names = sorted(
        name for name in reader.get_variable_to_shape_map() if "save_counter" not in name
    )
    return {name: reader.get_tensor(name) for name in names if "OBJECT_GRAPH" not in name}


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGHUP")
def test_a_signal_ends_it_and_whole_epochs_are_kept(toys, tmp_path, monkeypatch):
    from pix2pix_tf.segmentation import training

    class Asking(training.Progress):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            if self.model.optimizer.iterations == 8:  # the last of the first epoch
                signal.raise_signal(signal.SIGHUP)

    monkeypatch.setattr(training, "Progress", Asking)
    with pytest.raises(StoppedError) as stopped:
        train_segmenter(tiny(toys), tmp_path / "cut", Console(quiet=True))
    assert stopped.value.signal == signal.SIGHUP
    assert len(json.loads((tmp_path / "cut" / "metrics.json").read_text())) == 1
    assert (tmp_path / "cut" / "checkpoints" / "epoch-1.index").exists()


@pytest.mark.parametrize(
    "error",
    [tf.errors.ResourceExhaustedError(None, None, "OOM when allocating"), MemoryError()],
    ids=lambda error: type(error).__name__,
)
def test_out_of_memory_is_one_sentence(toys, tmp_path, monkeypatch, error):
    from pix2pix_tf.segmentation import training

    def exhausted(self, batch, logs=None):
        raise error

    monkeypatch.setattr(training.Progress, "on_train_batch_end", exhausted)
    with pytest.raises(UserError) as refused:
        train_segmenter(tiny(toys), tmp_path / "cut", Console(quiet=True))
    words = str(refused.value)
    for name in ("training.batch_size of ", "data.crop_size ", "segmenter.width of "):
        assert name in words
    assert "no epoch was saved yet" in words


def test_killed_training_ends_as_one_never_stopped(toys, tmp_path, monkeypatch):
    from pix2pix_tf.segmentation import training

    quiet, said = Console(quiet=True), Console(file=io.StringIO())
    whole = train_segmenter(tiny(toys), tmp_path / "whole", quiet)

    class Dying(training.Progress):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations == 8 + 3:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "Progress", Dying)
        with pytest.raises(KeyboardInterrupt):
            train_segmenter(tiny(toys), tmp_path / "cut", quiet)
    assert len(json.loads((tmp_path / "cut" / "metrics.json").read_text())) == 1
    resumed = train_segmenter(tiny(toys), tmp_path / "cut", said)
    assert "going on after epoch 1 of 2 epochs" in said.file.getvalue()
    assert resumed == whole
    ended, expected = state(tmp_path / "cut"), state(tmp_path / "whole")
    assert len(expected) > 3 * 39  # of 39 weights, each with two moments
    assert list(ended) == list(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(ended[name], value)
    for name in ("metrics.json", "segmenter.yaml"):
        assert (tmp_path / "cut" / name).read_text() == (tmp_path / "whole" / name).read_text()


def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def test_a_segmenter_is_never_given_other_pairs_in_silence(trained, toys, tmp_path):
    folder = copied(trained[0], tmp_path)
    other = shutil.copytree(toys.parent / "pairs", tmp_path / "pairs")
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    photo, classes = toy(7)
    write_image(other / "val" / "new.png", np.concatenate([photo, COLOURS[classes]], axis=1))
    longer = load_segmenter_config(toys, {"data.root": str(other), "training.epochs": 13})
    with pytest.raises(UserError, match=r"val: 1 more \(val/new\)\. .*--output.*--data-changed"):
        train_segmenter(longer, folder, Console(quiet=True))
    (other / "val" / "new.png").unlink()
    shutil.copy(other / "train" / "3.png", other / "val" / "copy.png")
    with pytest.raises(UserError, match=r"val/copy \(trained on as train/3\)"):
        train_segmenter(longer, folder, Console(quiet=True), data_changed=True)
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before


def test_a_finished_segmenter_is_left_as_it_is(trained, toys, tmp_path):
    folder = copied(trained[0], tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".yaml"}
    fewer = load_segmenter_config(toys, {"training.epochs": 3})
    assert train_segmenter(fewer, folder, Console(quiet=True)) == trained[1]
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix == ".yaml"} == before


def test_more_epochs_say_how_the_learning_rate_jumps(trained, toys, tmp_path, monkeypatch):
    monkeypatch.setattr("pix2pix_tf.segmentation.training._fit", lambda *words: None)
    said = io.StringIO()
    longer = load_segmenter_config(toys, {"training.epochs": 16})
    train_segmenter(longer, copied(trained[0], tmp_path), Console(file=said, width=300))
    words = "the learning rate after epoch 12 is 0.00075 by the new schedule, and was 0 by that"
    assert words in said.getvalue()  # 3e-3 * 4 / 16


def test_the_best_epoch_is_of_those_scored_on_the_same_pairs():
    def entry(epoch, iou, data):
        return {"epoch": epoch, "data": data, "scores": {"class_iou": iou}}

    entries = [entry(1, 0.9, "a"), entry(2, 0.5, "b"), entry(3, 0.6, "b"), entry(4, 0.4, "b")]
    assert best_epoch(entries)["epoch"] == 3
    assert best_epoch(entries[:1])["epoch"] == 1


def test_a_diverged_loss_is_one_sentence(toys, tmp_path):
    settings = {"segmenter.width": 2, "segmenter.head": 4, "training.learning_rate": 1e30}
    config = load_segmenter_config(toys, settings)
    with pytest.raises(UserError, match=r"the loss is (nan|inf): the training has diverged; .* A "):
        train_segmenter(config, tmp_path / "far", Console(quiet=True))


def test_no_epoch_is_best_of_none():
    with pytest.raises(UserError, match=r"metrics\.json: is gone .*; start over with --fresh"):
        best_epoch([])
