"""Methods that the package does not know go through every command: see `toys`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.evaluation.evaluate import evaluate
from pix2pix_tf.images.io import read_image, write_image
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.training import train
from pix2pix_tf.utils.errors import UserError
from tests.conftest import TINIEST
from tests.methods import toys
from tests.training.test_loop import assert_same_weights, quiet, weights

ROOT = Path(__file__).parents[2]
SETTINGS = {
    **TINIEST,
    "data.sample_train": 6,
    "data.sample_val": 2,
    "generator.width": 2,
    "training.batch_size": 2,
    "logging.tensorboard": False,
    "logging.validate_every": 1_000_000,
    "logging.sheet_every": 1_000_000,
    "logging.checkpoint_every": 2,
}
METHODS = list(toys.TOYS)


@pytest.fixture(autouse=True)
def registered():
    toys.register()
    yield
    toys.unregister()


def config(method, **overrides):
    return load_config("sample", {"method": method, **SETTINGS, **overrides})


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A finished run of each toy, of seven steps."""
    toys.register()
    folder = tmp_path_factory.mktemp("toys")
    for method in METHODS:
        train(config(method, **{"training.steps": 7}), folder / method, console=quiet())
    toys.unregister()
    return folder


def killed_while_training(method, run):
    """Starts a training by the command and kills it when its first checkpoint is there."""
    sets = [f"--set={key}={value}" for key, value in SETTINGS.items()]
    command = [sys.executable, "-m", "tests.methods.toy_command", "train", "--config", "sample"]
    process = subprocess.Popen(
        [*command, "--run", str(run), *sets, f"--set=method={method}", "--set=training.steps=7"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
    )
    end = time.monotonic() + 300
    while not (run / "checkpoints" / "step-2.index").exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.slow("starts a process and trains")
@pytest.mark.parametrize("method", METHODS)
def test_killed_and_resumed_gives_the_weights_of_a_run_never_stopped(tmp_path, runs, here, method):
    run = tmp_path / "run"
    killed_while_training(method, run)
    code, _, err = here("train", "--run", run)
    assert code == 0, err
    assert_same_weights(runs / method, run)


@pytest.mark.parametrize("method", METHODS)
def test_resumed_gives_the_weights_of_a_run_never_stopped(tmp_path, runs, method):
    for steps in (3, 7):
        train(config(method, **{"training.steps": steps}), tmp_path / "run", console=quiet())
    whole, saved = weights(runs / method), weights(tmp_path / "run")
    assert whole.keys() == saved.keys()
    for name, value in whole.items():  # the parts were validated twice, so that the best may differ
        assert name.startswith("best_l1") or np.array_equal(value, saved[name]), name
    assert all(np.isfinite(value).all() for value in saved.values())
    parts = {name.split("/")[0] for name in saved} - {"step", "best_l1"}
    assert (
        parts
        == {
            "toy_cycle": {
                *("generator_AtoB", "generator_BtoA", "generators_optimizer"),
                *(
                    "discriminator_AtoB",
                    "discriminator_BtoA",
                    "discriminators_optimizer",
                    "buffers",
                ),
            },
            "toy_latent": {"generator", "encoder", "both_optimizer"},
        }[method]
    )


def test_optimizer_of_two_networks_keeps_moments_of_both(runs):
    """Layers of two networks have the same names."""
    saved = weights(runs / "toy_cycle")
    moments = [name for name in saved if name.startswith("generators_optimizer")]
    kernels = [name for name in saved if name.startswith("generator_")]
    assert len(moments) == 2 * len(kernels) + 1  # and the number of updates


def test_pool_holds_the_last_images_of_the_global_batch(runs):
    pool = weights(runs / "toy_cycle")["buffers/pool_AtoB/.ATTRIBUTES/VARIABLE_VALUE"]
    assert pool.shape == (toys.POOL_SIZE, 16, 16, 3)
    assert len({image.tobytes() for image in pool}) == toys.POOL_SIZE  # all of it was filled
    assert all(image.any() for image in pool)


@pytest.mark.parametrize("method", METHODS)
def test_two_replicas_train_like_one(tmp_path, two_replicas, method):
    settings = config(method, **{"training.steps": 4})
    train(settings, tmp_path / "one", console=quiet())
    train(settings, tmp_path / "two", strategy=two_replicas, console=quiet())
    one, other = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert one.keys() == other.keys()
    for name, value in one.items():
        if "optimizer" not in name:
            np.testing.assert_allclose(value, other[name], atol=2e-5, err_msg=name)


def test_translates_in_each_direction(runs, image):
    ways = {way: Translator(runs / "toy_cycle", direction=way) for way in toys.DIRECTIONS}
    made = {way: translator(image, dropout=False) for way, translator in ways.items()}
    assert {output.shape for output in made.values()} == {image.shape}
    assert not np.array_equal(made["AtoB"], made["BtoA"])
    assert Translator(runs / "toy_cycle").direction == config("toy_cycle").data.direction
    (other,) = set(toys.DIRECTIONS) - {config("toy_latent").data.direction}
    with pytest.raises(UserError, match=rf"direction {other}: .* only"):
        Translator(runs / "toy_latent", direction=other)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)


def test_code_is_drawn_from_the_seed(runs, image):
    translator = Translator(runs / "toy_latent")
    outputs = [translator(image, seed=seed) for seed in (1, 1, 2)]
    assert np.array_equal(outputs[0], outputs[1])
    assert not np.array_equal(outputs[0], outputs[2])
    assert not np.array_equal(outputs[0], translator(image, dropout=False))


WAYS = [("toy_cycle", "AtoB"), ("toy_cycle", "BtoA"), ("toy_latent", None)]


@pytest.mark.parametrize(("method", "way"), WAYS)
def test_commands_translate_and_evaluate(runs, here, tmp_path, image, method, way):
    write_image(tmp_path / "input.png", image)
    run, direction = runs / method, ("--direction", way) if way else ()
    words = ("--run", run, "--input", "input.png", "--output", "out", "--no-dropout", *direction)
    code, _, err = here("translate", *words)
    assert code == 0, err
    (output,) = (tmp_path / "out").rglob("*.png")
    expected = Translator(run, direction=way)(image, dropout=False)
    assert np.array_equal(read_image(output, 3), expected)
    code, _, err = here("evaluate", "--run", run, *direction)
    assert code == 0, err
    entry = json.loads((run / "metrics.json").read_text())[-1]
    assert entry["scores"]["l1"] > 0
    trained = load_config("sample").data.direction
    assert entry.get("direction", trained) == (way or trained)


def test_a_translation_of_unknown_networks_is_not_computed_in_tiles(runs, here, tmp_path):
    write_image(tmp_path / "input.png", np.zeros((300, 300, 3), np.uint8))
    words = ("--run", runs / "toy_latent", "--input", "input.png", "--output", "out")
    code, _, err = here("translate", *words, "--tile", 256)
    assert code == 2
    assert "only the translation of a single generator can be computed in tiles" in err


@pytest.mark.parametrize(("method", "way"), WAYS)
def test_commands_export(runs, here, tmp_path, image, method, way):
    run, direction = runs / method, ("--direction", way) if way else ()
    for form, size in (("saved_model", ()), ("tflite", ("--size", "20x24"))):
        words = ("export", "--run", run, "--format", form, "--output", tmp_path / form)
        code, out, err = here(*words, *size, *direction)
        assert code == 0, (out, err)
    translator = Translator(run, direction=way)
    expected = translator(image, dropout=False).astype(int)
    model = next((tmp_path / "tflite").rglob("*.tflite"))
    runner = Interpreter(model_path=str(model)).get_signature_runner()
    found = runner(images=image[np.newaxis].astype(np.float32))["images"][0]
    assert np.abs(found - expected).max() <= 1
    folder = next((tmp_path / "saved_model").rglob("saved_model.pb")).parent
    signatures = tf.saved_model.load(str(folder)).signatures
    found = signatures["images"](images=tf.constant(image[np.newaxis]))["images"].numpy()[0]
    assert np.abs(found - expected).max() <= 1
    seeds = {"images": tf.constant(image[np.newaxis]), "seed": tf.constant([3])}
    found = signatures["sample"](**seeds)["images"].numpy()[0]
    assert np.abs(found - translator(image, seed=3).astype(int)).max() <= 1


@pytest.mark.parametrize(
    ("method", "frozen"), [("toy_cycle", "generator_AtoB"), ("toy_latent", "encoder")]
)
def test_starts_from_another_run_with_frozen_networks(runs, tmp_path, method, frozen):
    """Of two networks under one optimizer, one is frozen."""
    settings = {"training.init_from": str(runs / method), "training.freeze": [frozen]}
    train(config(method, **settings, **{"training.steps": 2}), tmp_path / "run", console=quiet())
    before, after = weights(runs / method), weights(tmp_path / "run")
    networks = [
        name
        for name in before
        if "_optimizer/" not in name and not name.startswith("buffers/") and "/" in name
    ]
    kept = {name for name in networks if np.array_equal(before[name], after[name])}
    assert kept
    assert kept == {name for name in networks if name.startswith(f"{frozen}/")}


def test_is_validated_on_whole_images_of_any_size(tmp_path):
    for side in "AB":
        for split, sizes in (("train", [(20, 24), (30, 20)]), ("val", [(17, 33), (40, 18)])):
            for number, size in enumerate(sizes):
                path = tmp_path / "data" / side / split / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                random = np.random.default_rng([number, ord(side)])
                write_image(path, random.integers(0, 256, (*size, 3), np.uint8))
    settings = {"data.dataset": None, "data.root": str(tmp_path / "data"), "data.scale": "native"}
    settings |= {"logging.validate_every": 1, "training.steps": 1}
    result = train(config("toy_cycle", **settings), tmp_path / "run", console=quiet())
    scored = evaluate(tmp_path / "run")
    assert scored.scores == pytest.approx(result.after, rel=1e-5)
