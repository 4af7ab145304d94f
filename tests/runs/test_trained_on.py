import json

import numpy as np
import pytest

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.checking.check_pairs import SkippedPair
from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.data.pairs import OpenedPairs
from pix2pix_tf.images.io import write_image
from pix2pix_tf.runs import trained_on
from pix2pix_tf.runs.pairs_record import record_of
from pix2pix_tf.runs.run import Run
from pix2pix_tf.utils.errors import UserError


def opened(root, train, val="x", skipped=()):
    """Pairs whose files hold their name, or what `NAME=CONTENT` says."""

    def split(entries):
        names, files = [], []
        for entry in entries:
            name, _, content = entry.partition("=")
            (root / "B").mkdir(parents=True, exist_ok=True)
            file = root / f"{name}.png"
            file.write_text(content or name, errors="surrogateescape")
            names.append(name)
            files.append((file,))
        return Pairs(names, lambda index: None, (4, 4), np.uint8, files=files)

    left_out = [SkippedPair("train", name, (f"{name} is bad",)) for name in skipped]
    return OpenedPairs(split(train), split(val), "", "folders", left_out)


@pytest.fixture
def session(tmp_path, monkeypatch):
    """One session of a training at a step: its pairs are compared and recorded."""
    run = Run(tmp_path / "run")
    run.path.mkdir()

    def go_on(train, val="x", skipped=(), *, step=0, root="data", changed=False):
        monkeypatch.setattr(trained_on, "newest_step", lambda folder: step)
        pairs = opened(tmp_path / root, train, val, skipped)
        now = record_of(pairs, make_config({"data": {"root": str(tmp_path / root)}}).data)
        trained_on.check_pairs(run, now, changed)
        return trained_on.record_pairs(run, now, pairs)

    go_on.run = run
    return go_on


def test_every_skipped_pair_is_listed_and_ten_are_said(session):
    names = [str(number) for number in range(12)]
    notes = session("a", skipped=names)
    listed = session.run.skipped_file.read_text().splitlines()
    assert listed == [f"train/{n}: {n} is bad" for n in names]
    assert notes[0] == f"12 bad pairs skipped, listed in {session.run.skipped_file}:"
    assert notes[1:] == [f"  {n} is bad" for n in names[:10]] + ["  and 2 more"]


def test_list_goes_when_nothing_is_skipped_any_more(session):
    session("ab", skipped="c")
    session("abc", changed=True)
    assert not session.run.skipped_file.exists()


def test_the_same_pairs_are_nothing_to_talk_about_wherever_they_lie(session):
    assert session("abc") == []
    assert session("abc", step=5) == []
    assert session("abc", step=5, root="moved") == []


@pytest.mark.parametrize(
    ("train", "val", "skipped", "words"),
    [
        ("ab", "x", "", "train: 1 missing (c)"),
        ("abcd", "x", "", "train: 1 more (d)"),
        ("abd", "x", "", "train: 1 more (d); train: 1 missing (c)"),
        (["a", "b=other", "c"], "x", "", "train: 1 of other contents (b)"),
        (["a", "b=B", "c"], "x", "", "train: 1 of other contents (b)"),  # of the same size
        ("ab", "x", "c", "train: 1 bad now, and skipped (c)"),
        ("abc", "xy", "", "val: 1 more (y)"),
        ("abx", "c", "", "train: 1 more (x); train: 1 missing (c); none of the 1 pair of val is"),
        ("def", "x", "", "none of the 3 pairs of train is there"),
    ],
)
def test_other_pairs_are_refused_by_name_before_anything_is_written(
    session, train, val, skipped, words
):
    session("abc")
    before = session.run.pairs_file.read_bytes()
    with pytest.raises(UserError) as refused:
        session(train, val, skipped, step=5)
    assert words in str(refused.value)
    assert all(way in str(refused.value) for way in ("--fresh", "--run", "--data-changed"))
    assert session.run.pairs_file.read_bytes() == before
    assert not session.run.skipped_file.exists()


def test_changed_pairs_are_taken_where_that_is_said(session):
    session("abc")
    (note,) = session(["a", "b=mended", "d"], step=5, changed=True)
    assert note.startswith("the pairs have changed since the last session (3 to train on, 3 then;")
    assert session(["a", "b=mended", "d"], step=9) == []


@pytest.mark.parametrize(
    ("train", "val", "named"),
    [
        ("ab", "xc", "c"),  # by its place
        ("ab", ["x", "c=mended"], "c"),
        ("ab", ["x", "new=c"], "new (trained on as c)"),  # by what it holds
        ("abc", ["x", "copy=a"], "copy (trained on as a)"),
    ],
)
def test_nothing_that_was_ever_trained_on_validates(session, train, val, named):
    session("abc")
    for step in (5, 7):  # in the last session, and in one before it
        with pytest.raises(UserError, match="was trained on 1 of the 2 pairs of val") as refused:
            session(train, val, step=step, changed=True)
        assert f": {named}. " in str(refused.value)
        if train == "ab":
            session("ab", step=6, changed=True)  # c is trained on no more


def test_validation_pairs_may_become_training_pairs(session):
    session("abc", "xy")
    assert session("abcy", "x", step=5, changed=True)[0].startswith("the pairs have changed")


def test_best_so_far_starts_anew_with_other_validation_pairs(session):
    session("abc", "xy")
    assert json.loads(session.run.pairs_file.read_text())["since_step"] == 0
    notes = session("abcd", "xy", step=5, changed=True)
    assert len(notes) == 1
    notes = session("abcd", "xyz", step=7, changed=True)
    assert (
        notes[1]
        == "scores are of other validation pairs from here on: the best score so far is reset"
    )
    assert json.loads(session.run.pairs_file.read_text())["since_step"] == 7
    session("abcd", "xyz", step=9)
    assert json.loads(session.run.pairs_file.read_text())["since_step"] == 7


def test_validation_images_that_are_trained_on_from_the_start_are_said_and_stay(session):
    (note,) = session("abc", ["x", "y=b"])
    assert note.startswith("warning: 1 of the 2 validation pairs are trained on as well")
    assert "y is b" in note
    assert session("abc", ["x", "y=b"], step=5) == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"train": 3, "val": null}', "\xff"])
def test_damaged_record_is_refused_by_name(session, content):
    session("abc")
    session.run.pairs_file.write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=r"pairs\.json: is damaged .* move it away to go on"):
        session("abc", step=5)
    session.run.pairs_file.unlink()
    (note,) = session("abc", step=5)
    assert note.endswith("the first 5 steps were trained on is not known and not compared")


def test_names_that_are_no_text_are_listed_all_the_same(session):
    name = b"a\xff".decode(errors="surrogateescape")
    session([name], skipped=[name])
    assert session.run.skipped_file.read_text() == "train/a\\xff: a\\xff is bad\n"
    assert session([name], skipped=[name], step=3) == session([name], skipped=[name], step=3)


def test_a_run_remembers_how_and_where_its_dataset_lies_on_disk(session, tmp_path):
    assert session.run.layout() is None
    session("abc")
    assert session.run.layout() == "folders"
    assert json.loads(session.run.pairs_file.read_text())["root"] == str(tmp_path / "data")


def test_starting_over_deletes_both(session):
    session("ab", skipped="c")
    session.run.delete()
    assert list(session.run.path.iterdir()) == []


def test_proportions_of_side_by_side_files_are_recorded(tmp_path):
    files = []
    for name, size in (("a", (30, 80)), ("b", (30, 90)), ("c", (30, 60))):
        write_image(tmp_path / f"{name}.png", np.zeros((*size, 3), np.uint8))
        files.append((tmp_path / f"{name}.png",))
    train = Pairs("abc", lambda index: None, (4, 4), np.uint8, files=files)
    val = Pairs("x", lambda index: None, (4, 4), np.uint8, False)
    run, data = Run(tmp_path), make_config({"data": {"root": str(tmp_path)}}).data
    for layout, proportions in (("side_by_side", (2, 3)), ("photographs", None)):
        pairs = OpenedPairs(train, val, "", layout)
        trained_on.record_pairs(run, record_of(pairs, data), pairs)
        assert run.layout() == layout
        assert run.proportions() == proportions
