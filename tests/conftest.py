import gc
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import pytest
import tensorflow as tf

# Before TensorFlow starts its devices: two logical CPUs, to test with two replicas.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
tf.get_logger().setLevel("ERROR")


COMMAND = str(Path(sys.executable).with_name("pix2pix-tf"))


def typed(*words, cwd):
    """Runs the command as a user types it."""
    return subprocess.run(
        [COMMAND, *map(str, words)], cwd=cwd, capture_output=True, text=True, check=False
    )


# Whatever uses these fixtures is slow, see the markers in pyproject.toml.
SLOW_FIXTURES = {"browser": "drives a browser", "two_replicas": "traces every replica"}


def pytest_collection_modifyitems(items):
    for item in items:
        for fixture in SLOW_FIXTURES.keys() & set(item.fixturenames):
            item.add_marker(pytest.mark.slow(SLOW_FIXTURES[fixture]))


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory):
    """What is known of files goes into no user's folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module", autouse=True)
def _graphs_end_with_their_module():
    """Else Python's garbage collector looks through those of thousands of tests again and again."""
    yield
    keras.utils.clear_session()
    gc.collect()
    gc.freeze()


def pytest_sessionfinish():
    gc.unfreeze()


@pytest.fixture
def here(monkeypatch, capsys, tmp_path):
    """Runs the command in this process, in tmp_path: for what ends early."""
    from pix2pix_tf.cli import main as cli

    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr("sys.argv", ["pix2pix-tf", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capsys.readouterr()
        return end.value.code, captured.out, captured.err

    return run


@contextmanager
def run_eagerly():
    """What is a tf.function runs as Python, without the seconds that TensorFlow takes to trace it.

    For tests that ask what a training computes or leaves behind, not how TensorFlow compiles it.
    """
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.fixture
def eagerly():
    """The test runs within `run_eagerly`."""
    with run_eagerly():
        yield


@pytest.fixture(scope="session")
def one_device():
    return tf.distribute.MirroredStrategy(["CPU:0"])


@pytest.fixture(scope="session")
def two_replicas():
    """One for all tests of a process: two over the same devices mix up their messages."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture
def tiny():
    """A config of networks that take milliseconds: 32×32, 4 filters; keyword arguments override."""
    from pix2pix_tf.config.schema import make_config

    def config(**overrides):
        tree = {
            "data": {"dataset": "sample", "load_size": 36, "crop_size": 32},
            "generator": {"width": 4},
            "discriminator": {"width": 4, "receptive_field": 34},
            "training": {"steps": 4},
        }
        for key, value in overrides.items():
            section, name = key.split("__")
            tree.setdefault(section, {})[name] = value
        return make_config(tree)

    return config


def write_pairs(root, size=(36, 36), **splits):
    """Writes side-by-side pairs of blocks (A) and the same blocks in other colours (B)."""
    import numpy as np

    from pix2pix_tf.images.io import write_image

    for split, count in (splits or {"train": 6, "val": 2}).items():
        (root / split).mkdir(parents=True)
        for number in range(count):
            random = np.random.default_rng([number, len(split)])
            a = np.full((*size, 3), 40, np.uint8)
            top, left = random.integers(0, size[0] // 2, 2)
            a[top : top + size[0] // 3, left : left + size[1] // 3] = random.integers(60, 255, 3)
            write_image(root / split / f"{number}.png", np.concatenate([a, 255 - a], axis=1))
    return root


@pytest.fixture
def pairs_folder(tmp_path):
    """A function that writes a folder of pairs, see `write_pairs`."""
    return lambda name="pairs", **words: write_pairs(tmp_path / name, **words)


class HelpersHere:
    """In place of `HelperProcesses`: works in this process, without the second that others take."""

    def __init__(self, *, low_priority=False):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def kill(self):
        pass

    def map(self, work, items):
        return map(work, items)


def make_small_large(monkeypatch):
    """Datasets of more than 4 files count as large, and 2 of their training pairs as a sample."""
    from pix2pix_tf.data.checking import pending
    from pix2pix_tf.training import background_check

    pending._cache.cache_clear()
    monkeypatch.setattr(pending, "OPENED_AT_MOST", 4)
    monkeypatch.setattr(pending, "SAMPLED", 2)
    for module in (pending, background_check):
        monkeypatch.setattr(module, "HelperProcesses", HelpersHere)


# Settings of a training that takes seconds, as typed; the rest is the paper's.
TINY = {
    "data.load_size": 36,
    "data.crop_size": 32,
    "generator.width": 4,
    "discriminator.width": 4,
    "discriminator.receptive_field": 34,
}


# The same with a network of four levels: for tests that train several times over.
TINIEST = {
    **TINY,
    "data.load_size": 18,
    "data.crop_size": 16,
    "discriminator.receptive_field": 16,
}


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    from pix2pix_tf.config.schema import load_config
    from pix2pix_tf.training import train

    folder = tmp_path_factory.mktemp("finished")
    root = write_pairs(folder / "trained_on")
    overrides = {**TINY, "data.root": str(root), "training.steps": 2, "logging.tensorboard": False}
    with run_eagerly():
        train(load_config("facades", overrides), folder / "run")
    return folder / "run"


@pytest.fixture
def tiny_run(finished_run, tmp_path):
    """A finished run of two steps on a folder of pairs, the test's own copy."""
    return Path(shutil.copytree(finished_run, tmp_path / "tiny_run"))
