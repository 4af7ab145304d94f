"""The folder that examples in docstrings run in."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import run_eagerly

# Local files come before shipped configs of the same name, so that `load_config("sample.yaml")`
# in an example is what a user types, and a training takes seconds.
RUN_CONFIG = """
data: {root: sample, direction: BtoA, load_size: 18, crop_size: 16}
generator: {width: 4}
discriminator: {width: 4, receptive_field: 16}
training: {steps: 2}
"""
SEGMENTER_CONFIG = """
data: {root: sample, crop_size: 32, augment: []}
palette: sample
segmenter: {width: 4, head: 8}
training: {epochs: 1, batch_size: 2}
"""


@pytest.fixture(scope="session")
def example_files(tmp_path_factory):
    """The sample city's pairs, a run and a segmenter trained on them; see `test_examples.py`."""
    from rich.console import Console

    from pix2pix_tf.config.schema import load_config
    from pix2pix_tf.datasets.sample import write_sample
    from pix2pix_tf.segmentation.config import load_segmenter_config
    from pix2pix_tf.segmentation.training import train_segmenter
    from pix2pix_tf.training import train

    folder = tmp_path_factory.mktemp("examples")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_sample("sample", train=4, val=2, size=(32, 32))
        Path("sample.yaml").write_text(RUN_CONFIG)
        with run_eagerly():
            train(load_config("sample.yaml"), "runs/sample", console=Console(quiet=True))
        Path("segmenter.yaml").write_text(SEGMENTER_CONFIG)
        config = load_segmenter_config("segmenter.yaml")
        train_segmenter(config, "segmenters/sample", Console(quiet=True))
    return folder


@pytest.fixture
def example_folder(example_files, tmp_path, monkeypatch):
    """A copy of `example_files`, as the current folder."""
    folder = shutil.copytree(example_files, tmp_path / "examples")
    monkeypatch.chdir(folder)
    return folder
