import json
import platform

import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.runs import versions as run_versions
from pix2pix_tf.runs.versions import FORMAT, check_format, record_session
from pix2pix_tf.utils.errors import UserError


def test_sessions_are_recorded_one_a_line(tmp_path):
    file = tmp_path / "versions.json"
    assert record_session(file, 7, 0) == []
    assert record_session(file, 7, 120) == []
    made = json.loads(file.read_text())
    assert (made["format"], made["seed"]) == (FORMAT, 7)
    assert [session["step"] for session in made["sessions"]] == [0, 120]
    assert made["sessions"][1]["tensorflow"] == tf.__version__
    assert made["sessions"][1]["numpy"] == np.__version__
    assert made["sessions"][1]["python"] == platform.python_version()
    assert made["sessions"][1]["began"].endswith("+00:00")
    assert len(file.read_text().splitlines()) == 8
    check_format(file, "run")


def test_other_packages_than_before_are_said_in_one_line(tmp_path, monkeypatch):
    file = tmp_path / "versions.json"
    record_session(file, 0, 0)
    monkeypatch.setattr(run_versions, "_version", lambda name: f"{name}-9")
    (note,) = record_session(file, 0, 5)
    assert note.startswith(f"now with tensorflow tensorflow-9 (was {tf.__version__}), ")
    assert note.endswith("may differ in their last bits from those of an uninterrupted run")
    assert "\n" not in note
    assert record_session(file, 0, 6) == []


def test_a_run_without_versions_was_not_trained_yet(tmp_path):
    check_format(tmp_path / "versions.json", "run")


def test_a_newer_run_is_refused(tmp_path):
    file = tmp_path / "versions.json"
    newer = {"format": FORMAT + 1, "sessions": [{"pix2pix_tf": "7.0"}], "unknown": {}}
    file.write_text(json.dumps(newer))
    expected = rf"newer pix2pix-tf \(7\.0, run format {FORMAT + 1}; .*: use that version or a newer"
    with pytest.raises(UserError, match=expected):
        check_format(file, "run")


def test_an_older_run_is_refused_with_the_version_that_reads_it(tmp_path):
    file = tmp_path / "versions.json"
    file.write_text(json.dumps({"format": 1, "sessions": [{"pix2pix_tf": "0.9"}]}))
    with pytest.raises(UserError, match=r"an older pix2pix-tf \(0\.9, run format 1;.*use that ver"):
        check_format(file, "run")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": "2"}'])
def test_damaged_versions_are_named(tmp_path, text):
    (tmp_path / "versions.json").write_text(text)
    with pytest.raises(UserError, match=r"versions\.json: is damaged .*; move it away to go on"):
        check_format(tmp_path / "versions.json", "run")
