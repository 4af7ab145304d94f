import io
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from rich.console import Console

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.training import train
from pix2pix_tf.utils.errors import UserError
from tests.conftest import TINIEST, TINY

# What a checkpoint holds beside the training's state: TensorFlow's own bookkeeping.
OBJECT_GRAPH, SAVES = "_CHECKPOINTABLE_OBJECT_GRAPH", "save_counter/.ATTRIBUTES/VARIABLE_VALUE"


def quiet():
    return Console(quiet=True)


def config(root, **overrides):
    dotted = {key.replace("__", "."): value for key, value in overrides.items()}
    return load_config("facades", {**TINY, "data.root": str(root), **dotted})


def weights(run):
    path = tf.train.latest_checkpoint(str(run / "checkpoints"))
    reader = tf.train.load_checkpoint(path)
    names = reader.get_variable_to_shape_map().keys() - {OBJECT_GRAPH, SAVES}
    return {name: reader.get_tensor(name) for name in names}


def assert_same_weights(first, second):
    one, other = weights(first), weights(second)
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert np.array_equal(value, other[name]), name


@pytest.mark.usefixtures("eagerly")
def test_a_run_directory_has_everything(tmp_path, pairs_folder):
    root = pairs_folder()
    result = train(config(root, training__epochs=2), tmp_path / "run", console=quiet())
    run = tmp_path / "run"
    assert result.step == 12  # two epochs of six pairs
    assert load_config(run / "config.yaml") == config(root, training__epochs=2)
    assert sorted(p.name for p in (run / "samples").iterdir()) == [
        "step-0000000.png",
        "step-0000006.png",
        "step-0000012.png",
    ]
    metrics = json.loads((run / "metrics.json").read_text())
    assert [(entry["step"], entry["images"]) for entry in metrics] == [(0, 2), (6, 2), (12, 2)]
    assert metrics[0]["scores"] == result.before
    assert metrics[-1]["scores"] == result.after
    assert (run / "checkpoints" / "step-12.index").exists()
    assert list((run / "checkpoints" / "best").glob("step-*.index"))


@pytest.mark.usefixtures("eagerly")
def test_sheet_shows_input_output_target(tmp_path, pairs_folder):
    root = pairs_folder(train=3, val=2)
    train(config(root, training__steps=1), tmp_path / "run", console=quiet())
    sheet = np.asarray(Image.open(tmp_path / "run" / "samples" / "step-0000001.png"))
    pair = np.asarray(Image.open(root / "val" / "0.png").resize((64, 32), Image.Resampling.BICUBIC))
    top = sheet.shape[0] - 2 * (32 + 6)  # two rows of pictures at the bottom
    labels = np.asarray(
        Image.open(root / "val" / "0.png").crop((36, 0, 72, 36)).resize((32, 32), 3)
    )
    assert pair.shape == (32, 64, 3)
    assert np.array_equal(sheet[top : top + 32, 6:38], labels)  # BtoA: the right half goes in
    photo = np.asarray(Image.open(root / "val" / "0.png").crop((0, 0, 36, 36)).resize((32, 32), 3))
    assert np.array_equal(sheet[top : top + 32, 6 + 2 * 38 : 38 + 2 * 38], photo)


def test_training_learns_and_nothing_is_found_wrong_with_it(tmp_path, pairs_folder):
    told = io.StringIO()
    result = train(
        config(
            pairs_folder(),
            training__steps=60,
            training__learning_rate=2e-3,
            warnings__patience=10,
        ),
        tmp_path / "run",
        console=Console(file=told),
    )
    assert result.after["l1"] < 0.8 * result.before["l1"]
    assert "warning" not in told.getvalue()


def test_resuming_gives_the_weights_of_a_run_never_stopped(tmp_path, pairs_folder):
    root = pairs_folder()
    train(config(root, training__steps=9), tmp_path / "whole", console=quiet())
    train(config(root, training__steps=4), tmp_path / "parts", console=quiet())
    result = train(config(root, training__steps=9), tmp_path / "parts", console=quiet())
    assert result.step == 9
    assert_same_weights(tmp_path / "whole", tmp_path / "parts")


@pytest.mark.usefixtures("eagerly")
def test_finished_run_is_left_alone(tmp_path, pairs_folder):
    settings = config(pairs_folder(), training__steps=2)
    first = train(settings, tmp_path / "run", console=quiet())
    again = train(settings, tmp_path / "run", console=quiet())
    assert (again.step, again.before, again.after) == (2, None, first.after)


@pytest.mark.usefixtures("eagerly")
def test_discriminator_steps_and_batch_count_images(tmp_path, pairs_folder):
    settings = config(
        pairs_folder(), training__epochs=2, training__batch_size=2, training__discriminator_steps=2
    )
    assert train(settings, tmp_path / "run", console=quiet()).step == 3  # 12 images, 4 a step
    saved = weights(tmp_path / "run")
    updates = {name: int(value) for name, value in saved.items() if "iteration" in name}
    assert sorted(updates.values()) == [3, 6]


@pytest.mark.usefixtures("eagerly")
def test_non_finite_losses_stop_with_the_step_named(tmp_path, pairs_folder):
    root = pairs_folder()
    train(config(root, training__steps=2), tmp_path / "run", console=quiet())
    with pytest.raises(UserError, match=r"step \d+: .*(nan|inf).*step-2, is kept"):
        train(
            config(root, training__steps=20, training__learning_rate=1e30),
            tmp_path / "run",
            console=quiet(),
        )
    assert int(weights(tmp_path / "run")["step/.ATTRIBUTES/VARIABLE_VALUE"]) == 2


@pytest.mark.usefixtures("eagerly")
def test_learning_rate_of_the_config_counts_when_resuming(tmp_path, pairs_folder):
    root = pairs_folder()
    train(config(root, training__steps=2), tmp_path / "run", console=quiet())
    before = weights(tmp_path / "run")
    train(
        config(root, training__steps=3, training__learning_rate=1e-12),
        tmp_path / "run",
        console=quiet(),
    )
    after = weights(tmp_path / "run")
    kernel = "generator/output.Skernel/.ATTRIBUTES/VARIABLE_VALUE"
    assert np.allclose(before[kernel], after[kernel], atol=1e-9)


@pytest.mark.usefixtures("eagerly")
def test_other_experiment_in_the_run_directory_is_refused(tmp_path, pairs_folder):
    root = pairs_folder()
    train(config(root, training__steps=1), tmp_path / "run", console=quiet())
    with pytest.raises(UserError, match=r"generator\.width = 4 there and 8 here.*--fresh"):
        train(config(root, generator__width=8), tmp_path / "run", console=quiet())


def test_batch_must_fit_the_replicas(tmp_path, pairs_folder, two_replicas):
    with pytest.raises(UserError, match="must be a multiple of 2"):
        train(
            config(pairs_folder(), training__steps=1),
            tmp_path / "run",
            strategy=two_replicas,
            console=quiet(),
        )


def test_two_replicas_train_like_one(tmp_path, pairs_folder, two_replicas):
    settings = config(
        pairs_folder(),
        **TINIEST,
        training__steps=3,
        training__batch_size=2,
        training__discriminator_steps=2,
    )
    train(settings, tmp_path / "one", console=quiet())
    train(settings, tmp_path / "two", strategy=two_replicas, console=quiet())
    one, other = weights(tmp_path / "one"), weights(tmp_path / "two")
    for name, value in one.items():
        if name.startswith(("generator/", "discriminator/")):
            np.testing.assert_allclose(value, other[name], atol=1e-5, err_msg=name)


def test_bad_image_stops_a_training_before_it_starts(tmp_path, pairs_folder):
    root = pairs_folder(train=3, val=1)
    broken = root / "train" / "1.png"
    broken.write_bytes(broken.read_bytes()[:-40])
    with pytest.raises(UserError, match=r"1\.png is damaged or cut short.*\n.*on_bad_image=skip"):
        train(config(root, training__steps=4), tmp_path / "run", console=quiet())
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("eagerly")
def test_image_that_goes_bad_while_training_is_named(tmp_path, pairs_folder, monkeypatch):
    root = pairs_folder(train=3, val=1)

    def record(run, now, pairs):  # called when all has been checked
        broken = root / "train" / "1.png"
        broken.write_bytes(broken.read_bytes()[:-40])
        return []

    monkeypatch.setattr("pix2pix_tf.training.prepare.record_pairs", record)
    settings = config(root, training__steps=4, data__cache=False)
    with pytest.raises(UserError, match=r"1\.png is damaged or cut short"):
        train(settings, tmp_path / "run", console=quiet())


def test_bad_images_are_skipped_where_that_is_asked_for(tmp_path, pairs_folder, monkeypatch):
    root = pairs_folder(train=4, val=2)
    bad = root / "train" / "1.png"
    bad.write_bytes(b"")
    (root / "val" / "0.png").write_text("<html>")

    class Training:
        def __init__(self, prepared, console):
            self.pairs = prepared.pairs

        def run_to_end(self):
            return self.pairs.train.names, self.pairs.val.names

    monkeypatch.setattr("pix2pix_tf.training.loop._Training", Training)
    said = io.StringIO()
    settings = config(root, data__on_bad_image="skip")
    names = train(settings, tmp_path / "run", console=Console(file=said, width=300))
    assert names == (["0", "2", "3"], ["1"])
    assert f"2 bad pairs skipped, listed in {tmp_path / 'run' / 'skipped.txt'}:" in said.getvalue()
    assert f"  {bad} is empty (0 bytes): replace it or remove it.\n" in said.getvalue()


@pytest.mark.usefixtures("eagerly")
def test_tensorboard_has_the_curves(tmp_path, pairs_folder):
    train(config(pairs_folder(), training__steps=2), tmp_path / "run", console=quiet())
    tags, texts = set(), []
    for file in (tmp_path / "run" / "logs").glob("*/events*"):
        for record in tf.data.TFRecordDataset(str(file)):
            for value in tf.compat.v1.Event.FromString(record.numpy()).summary.value:
                tags.add((file.parent.name, value.tag))
                if value.tag == "config":
                    texts.append(value.tensor.string_val[0].decode())
    names = (
        "discriminator/loss discriminator/real discriminator/fake generator/gan generator/l1 "
        "learning_rate/generator learning_rate/discriminator speed/images_per_second "
        "speed/waiting_for_data validation/l1 validation/psnr validation/ssim sheet config"
    )
    assert {("train", name) for name in names.split()} <= tags
    assert ("ln2", "discriminator/loss") in tags
    assert "crop_size: [32, 32]" in texts[0]
