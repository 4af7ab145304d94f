"""Large datasets: the same is found as in small ones, contents of most training pairs later."""

import os
import time

import numpy as np
import pytest
import tifffile
from PIL import Image

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.checking import check_pairs, outside, pending
from pix2pix_tf.data.checking.report import check_dataset
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.data.pipeline import training_batches
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.helper_processes import HelperProcesses
from tests.conftest import make_small_large

COUNT, SAMPLED = 12, (0, 11)  # training pairs, and those that are opened before


@pytest.fixture(autouse=True)
def _small_is_large(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make_small_large(monkeypatch)


@pytest.fixture
def other_processes(monkeypatch):
    """Helpers are processes, as outside of tests."""
    monkeypatch.setattr(pending, "HelperProcesses", HelperProcesses)


@pytest.fixture
def root(pairs_folder):
    return pairs_folder(train=COUNT, val=2)


def config(root, **data):
    tree = {"data": {"root": str(root), "load_size": 40, "crop_size": 32, **data}}
    return make_config({**tree, "discriminator": {"receptive_field": 34}})


def opened(root, **data):
    return open_pairs(config(root, **data), check=True)


def opened_wholly(root, monkeypatch, **data):
    """As if the dataset were small."""
    with monkeypatch.context() as patch:
        patch.setattr("pix2pix_tf.data.pairs.is_large", lambda splits: False)
        return opened(root, **data)


def rest(pairs):
    with pending.HelperProcesses() as helpers:
        return pairs.pending.open_rest(helpers)


def cut(path):
    """Damages the pixels of an image, not its header."""
    path.write_bytes(path.read_bytes()[:-40])


def age(root):
    """Files as if they had been written a while ago: those of this very moment are not kept."""
    then = time.time() - 60
    for path in root.rglob("*.*"):
        os.utime(path, (then, then))


def refusal(action, *words, **data):
    with pytest.raises(UserError) as error:
        action(*words, **data)
    return str(error.value)


@pytest.mark.usefixtures("other_processes")
def test_what_is_found_is_what_a_small_dataset_has(root, monkeypatch):
    large, small = opened(root), opened_wholly(root, monkeypatch)
    assert large.train.names == small.train.names
    assert large.found == small.found
    assert large.train.values == small.train.values
    assert small.train.pending is None
    assert len(large.train.pending) == COUNT - 2
    assert large.val.pending is None


def test_bad_headers_stop_a_training_before_it_starts(root, monkeypatch):
    (root / "train" / "5.png").write_text("<html>")
    Image.new("RGB", (71, 36)).save(root / "train" / "7.png")
    said = refusal(opened, root)
    assert said == refusal(opened_wholly, root, monkeypatch)
    assert said.startswith(f"{root}: 2 of 14 pairs cannot be used:\n")
    skipping = opened(root, on_bad_image="skip")
    assert [one.name for one in skipping.skipped] == ["5", "7"]
    assert skipping.train.names == [str(n) for n in range(COUNT) if n not in (5, 7)]


@pytest.mark.parametrize("name", ["val/1", *(f"train/{number}" for number in SAMPLED)])
def test_contents_of_validation_and_of_a_sample_are_opened_before(root, monkeypatch, name):
    cut(root / f"{name}.png")
    assert refusal(opened, root) == refusal(opened_wholly, root, monkeypatch)
    (skipped,) = opened(root, on_bad_image="skip").skipped
    assert f"{skipped.split}/{skipped.name}" == name


def test_other_bad_contents_are_found_later_with_the_same_words(root, monkeypatch):
    cut(root / "train" / "5.png")
    said = refusal(opened_wholly, root, monkeypatch).replace("of 14 pairs", "of 12 pairs")
    assert refusal(rest, opened(root).train) == said
    pairs = opened(root).train
    assert pairs.sound_index(4) == 4
    assert refusal(pairs.sound_index, 5) == said
    assert str(pairs.failure) == said


def test_place_of_a_bad_pair_is_taken_by_one_that_depends_on_seed_and_number_alone(root):
    cut(root / "train" / "5.png")
    before, after = (opened(root, on_bad_image="skip").train for _ in range(2))
    assert before.names == after.names == [str(number) for number in range(COUNT)]
    rest(after)
    found = after.pending.new_bad()
    assert after.pending.new_bad() == []
    assert [(one.split, one.name) for one in found] == [("train", "5")]
    assert "5.png is damaged" in found[0].problems[0]
    assert list(after.pending.bad) == [5]
    substitutes = [before.sound_index(5, 0, number) for number in range(40)]
    assert substitutes == [after.sound_index(5, 0, number) for number in range(40)]
    assert 5 not in substitutes
    assert len(set(substitutes)) > 5
    assert substitutes != [before.sound_index(5, 1, number) for number in range(40)]


def test_batches_are_the_same_whenever_the_bad_pair_is_found(root):
    cut(root / "train" / "5.png")
    settings = config(root, on_bad_image="skip")
    before, after = (open_pairs(settings, check=True).train for _ in range(2))
    rest(after)
    one, other = (training_batches(pairs, settings, 0, 24) for pairs in (before, after))
    for first, second in zip(one, other, strict=True):
        assert np.array_equal(first["input"], second["input"])
        assert np.array_equal(first["target"], second["target"])
    late = list(training_batches(after, settings, 17, 24))
    assert np.array_equal(late[-1]["input"], second["input"])


def test_nearly_all_may_be_bad(root):
    for number in range(1, COUNT - 1):
        cut(root / "train" / f"{number}.png")
    pairs = opened(root, on_bad_image="skip").train
    assert {pairs.sound_index(number) for number in range(COUNT)} == set(SAMPLED)


def test_dataset_whose_sample_is_bad_is_refused(root):
    for number in SAMPLED:
        cut(root / "train" / f"{number}.png")
    assert "all 2 pairs of train are bad" in refusal(opened, root, on_bad_image="skip")


@pytest.fixture
def bands(tmp_path):
    """Pairs of 12-bit files, of which some have values beyond 12 bits and one is of one colour."""
    for side in "AB":
        (tmp_path / "bands" / side).mkdir(parents=True)
        for number in range(COUNT):
            image = np.random.default_rng(number).integers(0, 4000, (32, 32)).astype(np.uint16)
            if side == "A" and number in (3, 7):
                image[0, :number] = 60_000
            if side == "B" and number == 4:
                image[:] = 9
            tifffile.imwrite(tmp_path / "bands" / side / f"{number}.tif", image)
    age(tmp_path / "bands")
    return tmp_path / "bands"


TWELVE_BITS = {
    "input_channels": 1,
    "target_channels": 1,
    "input_range": [0, 4095],
    "target_range": [0, 4095],
    "validation_fraction": 0.2,
}


@pytest.mark.usefixtures("other_processes")
def test_notes_on_all_contents_come_with_the_rest(bands, monkeypatch):
    large = opened(bands, **TWELVE_BITS)
    assert large.notes == []
    said = sorted(rest(large.train))
    assert said == sorted(opened_wholly(bands, monkeypatch, **TWELVE_BITS).notes)
    assert "10 values of A lie outside and are clipped, in 2 of 12 images" in said[1]
    assert said[0].startswith("1 of 12 images of B are of a single colour")


def test_range_without_any_value_is_an_error_with_the_rest(bands, monkeypatch):
    words = {**TWELVE_BITS, "input_range": [-2, -1]}
    said = refusal(opened_wholly, bands, monkeypatch, **words)
    assert "no value of A lies in it" in said
    assert refusal(rest, opened(bands, **words).train) == said


def test_values_outside_are_counted_once(bands, monkeypatch):
    data = config(bands, **TWELVE_BITS).data
    said = check_dataset(bands, data=data).warnings
    monkeypatch.setattr(outside, "read_side", lambda *_: pytest.fail("read again"))
    assert sorted(opened_wholly(bands, monkeypatch, **TWELVE_BITS).notes) == sorted(said)


def test_data_check_leaves_nothing_to_open(root, monkeypatch):
    age(root)
    check_dataset(root)
    monkeypatch.setattr(check_pairs, "open_image", lambda *_: pytest.fail("opened again"))
    assert len(opened_wholly(root, monkeypatch).train) == COUNT


def test_pairs_of_an_earlier_list_are_opened_first(root):
    cut(root / "train" / "5.png")
    pairs = opened(root, on_bad_image="skip").train
    pairs.pending.open_named({"4", "5", "of another dataset"})
    assert list(pairs.pending.bad) == [5]


def test_many_pairs_that_are_held_out_are_said(root, monkeypatch):
    monkeypatch.setattr("pix2pix_tf.data.pairs._HELD_OUT_AT_MOST", 2)
    (note,) = opened(root / "train", validation_fraction=0.5, layout="side_by_side").notes
    assert "pairs are held out, and all of them are scored before the first step" in note
    assert note.endswith("data.validation_fraction=0.2 holds out fewer")
    assert opened(root).notes == []
