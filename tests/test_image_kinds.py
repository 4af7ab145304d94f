"""Images of every kind of file, type and number of channels are read as they are, and given back.

The fast tests read every combination; the slow ones train, translate, score and export.
"""

import os

import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf import Translator, evaluate, export, load_config, train
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.data.representation import encode
from pix2pix_tf.images.io import read_image
from pix2pix_tf.inference.files import translate_files
from pix2pix_tf.inference.inputs import find_inputs
from tests.conftest import TINIEST, run_eagerly
from tests.image_kinds import KINDS, combinations, draw, value_range

THOROUGH = bool(os.environ.get("PIX2PIX_TF_ALL_COMBINATIONS"))  # `make test-combinations`
SIDE = 16
EVERY = combinations()


def write_side(folder, name, combination, seed, side=SIDE):
    kind, dtype, channels = combination
    folder.mkdir(parents=True, exist_ok=True)
    image = draw(seed, side, dtype, channels)
    KINDS[kind].write(folder / f"{name}{KINDS[kind].suffix}", image)
    return image


def settings(input, target, root):
    """The config of a run from one combination to another."""
    found = {**TINIEST, "data.root": str(root), "data.direction": "AtoB", "data.load_size": SIDE}
    for side, (kind, dtype, channels) in (("input", input), ("target", target)):
        found[f"data.{side}_channels"] = channels
        found[f"data.{side}_range"] = value_range(dtype)
        if KINDS[kind].axes is not None and channels > 1:
            found[f"data.{side}_axes"] = KINDS[kind].axes
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_and_number_of_channels_is_read_as_it_is(kind, tmp_path):
    for combination in EVERY:
        if combination[0] != kind:
            continue
        _, dtype, channels = combination
        root = tmp_path / f"{dtype}-{channels}"
        images = {
            name: write_side(root / split / "A", name, combination, seed)
            for seed, (split, name) in enumerate((("train", "one"), ("val", "two")))
        }
        for split, name in (("train", "one"), ("val", "two")):
            write_side(root / split / "B", name, ("PNG", "u1", 1), 9)
        config = load_config("facades", settings(combination, ("PNG", "u1", 1), root))
        opened = open_pairs(config, check=True)
        assert opened.train.values.input.dtype == np.dtype(dtype)
        for pairs, name in ((opened.train, "one"), (opened.val, "two")):
            image, _ = pairs[0]
            assert image.dtype == np.dtype(dtype)
            assert np.array_equal(image, images[name]), combination
        low, high = value_range(dtype)
        fractions = (images["one"].astype(np.float64) - low) / (high - low)
        encoded = encode(tf.constant(opened.train[0][0]), opened.train.values.input).numpy()
        assert encoded == pytest.approx(2 * fractions - 1, abs=1e-6)


def covering():
    """Pairs of combinations for runs: each is once an input and once a target.

    All of them thoroughly, otherwise one of each kind of file.
    """
    chosen = EVERY
    if not THOROUGH:
        of_kinds = [[each for each in EVERY if each[0] == kind] for kind in KINDS]
        chosen = [each[7 * place % len(each)] for place, each in enumerate(of_kinds)]
    targets = np.random.default_rng(0).permutation(len(chosen))
    return [(one, chosen[number]) for one, number in zip(chosen, targets, strict=True)]


def words(value):
    return "-".join(map(str, value))


@pytest.mark.slow("trains and exports many combinations")
@pytest.mark.parametrize(("input", "target"), covering(), ids=words)
def test_every_kind_trains_translates_is_scored_and_exported(input, target, tmp_path):
    root = tmp_path / "pairs"
    for number, split in enumerate(("train", "val")):
        write_side(root / split / "A", "one", input, number)
        write_side(root / split / "B", "one", target, number)
    config = load_config("facades", {**settings(input, target, root), "training.steps": 1})
    run = tmp_path / "run"
    with run_eagerly():
        result = train(config, run)
        assert np.isfinite([*result.after.values()]).all()
        assert evaluate(run).images == 1
        translator = Translator(run)
        image = write_side(tmp_path / "new", "new", input, 5, side=21)
        inputs = find_inputs([str(tmp_path / "new")], translator.source)
        (written,) = translate_files(translator, inputs, tmp_path / "out", dropout=False).written
        _, dtype, channels = target
        axes = "YXC" if written.suffix == ".npy" else None
        output = read_image(written, channels, axes)
        assert (output.shape, output.dtype) == ((21, 21, channels), np.dtype(dtype))
        assert np.array_equal(output, translator(image, dropout=False))
        low, high = value_range(dtype)
        assert low <= output.min() <= output.max() <= high
    format = ("saved_model", "tflite", "onnx")[covering().index((input, target)) % 3]
    exported = export(run, format, tmp_path / "exported")
    assert all(parity.passed for parity in exported.parity)
