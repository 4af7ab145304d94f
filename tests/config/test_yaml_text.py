"""Text keys take text as typed and as written; `tests/fuzz` tries odd ones."""

import re
from pathlib import Path
from typing import Annotated, Literal, TypedDict

import pytest
from pydantic import BaseModel, Field

from pix2pix_tf.config.schema import load_config, make_config
from pix2pix_tf.config.yaml_text import parse_value, read_yaml, takes_text
from pix2pix_tf.utils.errors import UserError

AS_TYPED = [
    "/disk/scans #2",
    "#2",
    "2024",
    "0123",
    "0x10",
    "1e3",
    "1_000",
    "12:30:45",
    ".inf",
    "yes",
    "off",
    "true",
    "Null",
    "none",
    "2001-01-01",
    "2001-13-99",
    "9" * 5000,
    "a: b",
    "a=b",
    "=",
    "<<",
    "[x]",
    "{x}",
    "[x",
    "- x",
    "*x",
    "&x",
    "!x",
    "|",
    "%x",
    "@x",
    "`x`",
    " x ",
    "it's",
    "'x",
    'x"',
    '"x" and "y"',
    "'a' #'",
    "a\nb",
    "a\tb",
    "$HOME/x",
    "\udcff",
    "Größe 図",
    "C:\\scans\\new",
]


@pytest.mark.parametrize("text", AS_TYPED)
def test_a_text_key_takes_what_is_typed(text, tmp_path):
    for key in ("root", "dataset"):
        config = load_config("facades", [f"data.{key}={text}"])
        assert getattr(config.data, key) == text
        (tmp_path / "again.yaml").write_text(config.to_yaml(), encoding="utf-8")
        assert load_config(tmp_path / "again.yaml") == config


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("null", None), ('"null"', "null"), ("'it''s'", "it's"), ('" x"', " x"), (r'"a\tb"', "a\tb")],
)
def test_null_is_none_and_quotes_around_the_whole_are_left_out(typed, meant):
    assert load_config("facades", [f"data.root={typed}"]).data.root == meant


@pytest.mark.parametrize(
    "value",
    [*(text for text in AS_TYPED if re.fullmatch(r"(?!Null)[\w.:=<-]+", text)), "0o17", "~x"],
)
def test_a_text_key_in_a_file_is_as_written(tmp_path, value):
    (tmp_path / "mine.yaml").write_text(f"data:\n  root: {value}  # mine\n  dataset: {value}\n")
    data = load_config(tmp_path / "mine.yaml").data
    assert (data.root, data.dataset) == (value, value)


@pytest.mark.parametrize("nothing", ["null", "Null", "~", "", "!!null x"])
def test_nothing_in_a_file_stays_none(tmp_path, nothing):
    (tmp_path / "mine.yaml").write_text(f"data: {{dataset: maps, root: {nothing}}}")
    assert load_config(tmp_path / "mine.yaml").data.root is None


def test_a_value_that_two_keys_share_is_read_for_each(tmp_path):
    (tmp_path / "mine.yaml").write_text("training: {epochs: &n 0x10}\ndata: {root: *n}")
    config = load_config(tmp_path / "mine.yaml")
    assert (config.training.epochs, config.data.root) == (16, "0x10")
    (tmp_path / "mine.yaml").write_text("data: {<<: {root: 0123}, crop_size: 64}")
    assert load_config(tmp_path / "mine.yaml").data.root == "0123"


class Entry(TypedDict):
    name: str
    number: int


class Schema(BaseModel):
    texts: list[str]
    pairs: tuple[Annotated[str, Field(min_length=1)], ...] | None
    either: Literal["epoch"] | int
    other: str | int


def test_text_at_any_depth_is_as_written(tmp_path):
    (tmp_path / "x.yaml").write_text(
        "texts: [01, yes, ~, null]\npairs: [1e3, 0x1]\neither: 0x3\nother: 0x3\nunknown: [0x3]"
    )
    assert read_yaml(tmp_path / "x.yaml", Schema) == {
        "texts": ["01", "yes", "~", "null"],
        "pairs": ["1e3", "0x1"],
        "either": 3,
        "other": 3,
        "unknown": [3],
    }
    (tmp_path / "y.yaml").write_text("{a: [{name: 1, number: 0x1}]}")
    entries = read_yaml(tmp_path / "y.yaml", dict[str, list[Entry]])
    assert entries == {"a": [{"name": "1", "number": 1}]}


def test_what_is_text():
    assert all(map(takes_text, [str, str | None, Annotated[str | None, 1], Annotated[str, 1]]))
    assert not any(map(takes_text, [int, str | int, Literal["a"], list[str], None, type(None)]))


@pytest.mark.parametrize("text", ["5 # five", "[1, 2] x", "'a' #b", "5\n...\n", "5 #6"])
def test_nothing_typed_after_a_value_is_left_out_silently(text):
    with pytest.raises(UserError, match=r"--set x, line 1, column \d+: not valid YAML"):
        parse_value(text, "--set x", int)
    assert parse_value(" 5 ", "", int) == 5


def test_one_key_written_twice_in_two_ways_is_refused(tmp_path):
    (tmp_path / "x.yaml").write_text("{16: a, 0x10: b}")
    with pytest.raises(UserError, match="two keys are the same value"):
        read_yaml(tmp_path / "x.yaml")


@pytest.mark.parametrize("key", ["data.root", "data.dataset"])
@pytest.mark.parametrize("text", ["", "''", '""'])
def test_an_empty_text_is_refused(key, text):
    with pytest.raises(UserError, match=f"{key}: '': expected text that is not empty"):
        load_config("facades", [f"{key}={text}"])


@pytest.mark.parametrize("key", ["training.steps", "data.augment", "objective.name"])
def test_a_value_that_is_not_there_is_refused(key):
    """Of an empty variable, say, where the default would be taken instead."""
    with pytest.raises(UserError, match=f"--set {key}= *: has no value; give one, or null"):
        load_config("sample", [f"{key}= "])
    assert load_config("sample", ["training.steps=null"]).training.steps is None


def test_home_is_expanded_in_paths_and_nowhere_else(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.yaml").write_text("data: {root: ~/scans}")
    assert load_config(tmp_path / "mine.yaml").data.root == f"{tmp_path}/scans"
    for typed, meant in {
        "~": tmp_path,
        "~/a b": tmp_path / "a b",
        "'~/x'": tmp_path / "x",
        "~nobody-of-that-name/x": "~nobody-of-that-name/x",
        "./~": "./~",
        "x~": "x~",
    }.items():
        config = load_config("facades", [f"data.root={typed}"])
        assert config.data.root == str(meant)
        assert make_config(config.model_dump()) == config
    assert load_config("facades", ["data.dataset=~/x"]).data.dataset == "~/x"
    assert make_config({"data": {"root": "~"}}).data.root == str(tmp_path)


@pytest.mark.parametrize("folder", ["scans #2", "2024", "0123", "yes", "a: b", "[x]", " x"])
def test_the_command_trains_on_the_folder_that_is_typed(here, tmp_path, folder):
    """Up to its pairs, which are looked for there."""
    (tmp_path / folder).mkdir()
    settings = ("--set", f"data.root={folder}")
    for words in (
        ("train", "--config", "facades"),
        ("reproduce", "--table", "histogram", "--config", "facades"),
        ("train-segmenter", "--config", "cityscapes"),
    ):
        code, _, error = here(*words, *settings)
        assert code == 2
        assert f"{Path(folder)}" in error
        assert "There is no folder" not in error


def test_home_is_expanded_in_options_where_a_shell_did_not(here, monkeypatch, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    code, _, error = here("data", "sample", "--output=~/city", "--train=1", "--val=1", "--size=16")
    assert (code, error) == (0, "")
    assert (home / "city" / "train").is_dir()
    code, _, error = here("data", "check", "~/city")
    assert (code, error) == (0, "")
    code, _, error = here("train", "--config=~/mine.yaml")
    assert f"config {home}/mine.yaml: no such file" in error
    code, _, error = here("study", "new", "--name", "x", "--real", "~/city", "--fake", "a=~/no")
    assert f"{home}/no" in error
    assert not (tmp_path / "~").exists()
