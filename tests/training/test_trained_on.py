import numpy as np
import pytest

from pix2pix_tf.data.images import write_image
from pix2pix_tf.data.pairs import OpenedPairs, Pairs
from pix2pix_tf.data.sifting import Skipped
from pix2pix_tf.runs import Run
from pix2pix_tf.training.trained_on import record_pairs


def pairs(train, val="x", skipped=()):
    splits = [Pairs(names, lambda index: None, (4, 4), np.uint8, False) for names in (train, val)]
    return OpenedPairs(
        *splits, "", "folders", [Skipped("train", name, (f"{name} is bad",)) for name in skipped]
    )


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def test_every_skipped_pair_is_listed_and_ten_are_said(run):
    names = [str(number) for number in range(12)]
    notes = record_pairs(run, pairs("a", skipped=names))
    assert run.skipped_file.read_text().splitlines() == [f"train/{n}: {n} is bad" for n in names]
    assert notes[0] == f"12 bad pairs skipped, listed in {run.skipped_file}:"
    assert notes[1:] == [f"  {n} is bad" for n in names[:10]] + ["  and 2 more"]


def test_list_goes_when_nothing_is_skipped_any_more(run):
    record_pairs(run, pairs("ab", skipped="c"))
    record_pairs(run, pairs("abc"))
    assert not run.skipped_file.exists()


def test_the_same_pairs_are_nothing_to_talk_about(run):
    assert record_pairs(run, pairs("abc")) == []
    assert record_pairs(run, pairs("abc")) == []


@pytest.mark.parametrize(
    ("train", "val", "words"),
    [
        ("ab", "x", "the pairs of train (2 pairs, 3 then) are others than in the last session"),
        ("abd", "x", "the pairs of train (3 pairs, 3 then) are others"),
        ("ab", "xy", "the pairs of train (2 pairs, 3 then) and val (2 pairs, 1 then) are others"),
    ],
)
def test_other_pairs_than_in_the_last_session_are_said(run, train, val, words):
    record_pairs(run, pairs("abc"))
    (note,) = record_pairs(run, pairs(train, val))
    assert note.startswith(words)
    assert record_pairs(run, pairs(train, val)) == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"train": 3, "val": null}', "\xff"])
def test_damaged_record_is_made_anew(run, content):
    run.pairs_file.write_bytes(content.encode("latin-1"))
    assert record_pairs(run, pairs("abc")) == []
    assert record_pairs(run, pairs("abc")) == []


def test_names_that_are_no_text_are_listed_all_the_same(run):
    name = b"a\xff".decode(errors="surrogateescape")
    record_pairs(run, pairs([name], skipped=[name]))
    assert run.skipped_file.read_text() == "train/a\\xff: a\\xff is bad\n"


def test_a_run_remembers_how_its_dataset_lies_on_disk(run):
    assert run.layout() is None
    record_pairs(run, pairs("abc"))
    assert run.layout() == "folders"


def test_starting_over_deletes_both(run):
    record_pairs(run, pairs("ab", skipped="c"))
    run.delete()
    assert list(run.path.iterdir()) == []


def test_proportions_of_side_by_side_files_are_recorded(run, tmp_path):
    files = []
    for name, size in (("a", (30, 80)), ("b", (30, 90)), ("c", (30, 60))):
        write_image(tmp_path / f"{name}.png", np.zeros((*size, 3), np.uint8))
        files.append((tmp_path / f"{name}.png",))
    train = Pairs("abc", lambda index: None, (4, 4), np.uint8, False, files=files)
    val = Pairs("x", lambda index: None, (4, 4), np.uint8, False)
    record_pairs(run, OpenedPairs(train, val, "", "side_by_side"))
    assert run.layout() == "side_by_side"
    assert run.proportions() == (2, 3)
    record_pairs(run, OpenedPairs(train, val, "", "photographs"))
    assert run.proportions() is None
