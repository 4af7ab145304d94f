"""Tables of pairs: read, refused, and trained on through the command line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.data.layout.layout import find_layout
from pix2pix_tf.utils.errors import UserError
from tests.conftest import TINIEST, run_eagerly


@pytest.fixture
def folder(tmp_path):
    """Images in1.png to in4.png and out1.png to out4.png, in folders of their own."""
    random = np.random.default_rng(0)
    for side in ("in", "out"):
        (tmp_path / side).mkdir()
        for number in range(1, 5):
            image = random.integers(0, 256, (18, 18, 3), np.uint8)
            Image.fromarray(image).save(tmp_path / side / f"{side}{number}.png")
    return tmp_path


def rows(*lines, heading="input,target"):
    return "\n".join([heading, *lines]) + "\n"


PAIRS = [f"in/in{number}.png,out/out{number}.png" for number in range(1, 5)]


@pytest.mark.parametrize("heading", ["input,target", "A,B"])
def test_a_row_is_a_pair_of_paths_relative_to_the_table(folder, heading):
    (folder / "t.csv").write_text(rows(*PAIRS[:2], heading=heading))
    layout = find_layout(folder / "t.csv")
    assert (layout.kind, layout.is_table, list(layout.splits)) == ("folders", True, [""])
    first, second = layout.pairs("")
    assert (first.name, second.name) == ("in/in1", "in/in2")
    assert first.sides == {"A": folder / "in" / "in1.png", "B": folder / "out" / "out1.png"}


def test_splits_names_absolute_paths_and_json_lines(folder):
    lines = [
        {"input": str(folder / "in/in1.png"), "target": "out/out1.png", "split": "Training"},
        {"input": "in/in2.png", "target": "out/out2.png", "split": "dev", "name": "second"},
        {"input": "in/in1.png", "target": "out/out3.png", "split": "train", "name": "other"},
    ]
    text = "\n".join(json.dumps({**line, "author": "B"}) for line in lines)
    (folder / "t.jsonl").write_text(text)
    layout = find_layout(folder / "t.jsonl")
    names = {split: [pair.name for pair in layout.pairs(split)] for split in layout.splits}
    assert names == {"train": ["in/in1", "other"], "val": ["second"]}
    assert layout.notes == ["columns of t.jsonl that are not read: author"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (rows("x,y", heading="image,target"), "expected two columns of paths, .* found image, tar"),
        (rows("x", heading="input"), "expected two columns of paths, .* found input"),
        (rows("a,b,c", heading="input,target,a"), "expected two columns of paths, .* found input"),
        (rows(), "t.csv: has no row below its headings"),
        (rows(","), "t.csv: has no row below its headings"),
        (rows("in/in1.png,"), "line 2: has no target: each row has both files"),
        (rows(PAIRS[0], PAIRS[0]), "line 3: is the same pair as line 2"),
        (rows(PAIRS[0], PAIRS[0].replace("in/", "./in/")), "line 3: is the same pair as line 2"),
        (rows("in/in1.png,out/out1.png", "in/in1.png,out/out2.png"), "line 3: has the name in/in1"),
        (rows("in/in1.png,in/in1.png"), "line 2: .*in1.png is on both sides, here and in line 2"),
        (
            rows(f"{PAIRS[0]},val", f"{PAIRS[1]},x", heading="input,target,split"),
            "line 3: split x: expected train, val or test in every row",
        ),
        (
            rows(f"{PAIRS[0]},val", f"{PAIRS[1]},", heading="input,target,split"),
            "line 3: split without a value: expected",
        ),
        (
            rows(f"{PAIRS[0]},val", "in/in1.png,out/out2.png,train", heading="input,target,split"),
            "line 3: .*in1.png is in train and, by line 2, in val",
        ),
    ],
)
def test_what_no_row_can_mean_is_refused(folder, text, sentence):
    (folder / "t.csv").write_text(text)
    with pytest.raises(UserError, match=sentence):
        find_layout(folder / "t.csv")


def test_missing_files_are_listed_by_their_lines(folder):
    (folder / "t.csv").write_text(rows(PAIRS[0], "in/none.png,out/nothing.png"))
    layout = find_layout(folder / "t.csv")
    assert layout.splits[""].problems == [
        f"{folder / 't.csv'}, line 3: there is no file {folder / 'in/none.png'}",
        f"{folder / 't.csv'}, line 3: there is no file {folder / 'out/nothing.png'}",
    ]
    with pytest.raises(UserError, match="line 3: there is no file"):
        layout.pairs("")


def test_other_layouts_are_not_for_tables(folder):
    (folder / "t.csv").write_text(rows(*PAIRS))
    for setting in ("side_by_side", "photographs"):
        with pytest.raises(UserError, match="a table lists the two files of each pair"):
            find_layout(folder / "t.csv", setting)


def settings(**more):
    return [f"{key}={value}" for key, value in {**TINIEST, "training.steps": 1, **more}.items()]


def test_a_table_is_checked_trained_on_moved_and_scored(folder, here):
    splits = [f"{pair},{split}" for pair, split in zip(PAIRS, ["train"] * 3 + ["val"], strict=True)]
    (folder / "set").mkdir()
    for side in ("in", "out"):
        (folder / side).rename(folder / "set" / side)
    (folder / "set" / "mine.csv").write_text(rows(*splits, heading="input,target,split"))
    code, out, _ = here("data", "check", "set/mine.csv")
    assert code == 0
    assert "set/mine.csv: table of pairs, input (A) and target (B)" in out
    words = ("train", "--config", "facades", "--set", "data.root=set/mine.csv", *settings())
    code, _, err = here(*words)
    assert code == 2
    assert "data.direction=BtoA: set/mine.csv has columns input and target" in err
    with run_eagerly():
        code, out, err = here(*words, "data.direction=AtoB")
        assert (code, err) == (0, ""), err
        assert "3 training and 1 validation pairs" in out
        assert (folder / "runs" / "mine" / "pairs.json").exists()
        scored = ("evaluate", "--run", "runs/mine", "--json")
        assert here(*scored, "before.json")[0] == 0
        shutil.move(folder / "set", folder / "moved")
        assert here(*scored, "after.json", "--set", "data.root=moved/mine.csv")[0] == 0
    before, after = (
        json.loads((folder / f"{name}.json").read_text())["scores"] for name in ("before", "after")
    )
    assert before["l1"] == after["l1"] > 0
    text = (folder / "moved" / "mine.csv").read_text()
    (folder / "moved" / "mine.csv").write_text(text.replace(",train", ",test", 1))
    code, _, err = here(
        *words, "data.direction=AtoB", "data.root=moved/mine.csv", "training.steps=2"
    )
    assert code == 2
    assert "was trained on other pairs" in err
    assert "train: 1 missing (in/in1)" in err


def test_a_table_is_not_split_by_folders(folder, here):
    (folder / "t.csv").write_text(rows(*PAIRS))
    code, _, err = here("data", "split", "t.csv", "--val", "0.1", "--output", "new")
    assert code == 2
    assert "t.csv: is a table of pairs: its column split says where each belongs" in err
    assert not Path(folder / "new").exists()
