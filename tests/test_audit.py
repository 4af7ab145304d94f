"""What is made of pip-audit's answers: without a database it says that nothing was found."""

import importlib.util
import json
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[1] / "tools" / "audit.py"
SAFE = {"name": "numpy", "version": "2.4.6", "vulns": []}
HOLE = {
    "name": "pillow",
    "version": "11.1",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["11.2", "12.0"]}],
}
UNKNOWN = {"name": "mine", "skip_reason": "Dependency not found on PyPI"}


@pytest.fixture
def audit():
    spec = importlib.util.spec_from_file_location("audit", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answer(*packages):
    return json.dumps({"dependencies": packages})


def test_a_known_hole_is_named_with_what_mends_it(audit):
    status, text = audit.judged(answer(SAFE, HOLE, UNKNOWN), "")
    assert status == 1
    assert text.splitlines() == [
        "2 packages looked at, 1 unknown, 1 known vulnerabilities",
        "  pillow 11.1: PYSEC-1, mended in 11.2, 12.0",
    ]


def test_no_known_hole(audit):
    assert audit.judged(answer(SAFE), "") == (0, "1 packages looked at, no known vulnerabilities")


@pytest.mark.parametrize(
    ("said", "complaints", "why"),
    [
        (answer(UNKNOWN), "No known vulnerabilities found", "has no answer"),
        (answer(), "", "has no answer"),
        ("", "Traceback\nConnectionError: no route", "ConnectionError: no route"),
    ],
)
def test_database_out_of_reach_is_no_clean_bill(audit, said, complaints, why):
    status, text = audit.judged(said, complaints)
    assert status == 2
    assert text.startswith("skipped, nothing was looked at: ")
    assert why in text


def test_it_does_not_wait_for_ever(audit, tmp_path):
    lock = tmp_path / "some.lock"
    lock.touch()
    assert audit.judged(*audit.ask(lock, seconds=0.01))[0] == 2


def test_a_report_fails_nothing(audit, monkeypatch, capsys):
    monkeypatch.setattr(audit, "ask", lambda lock: (answer(HOLE), ""))
    assert audit.main(["some.lock"]) == 1
    assert audit.main(["some.lock", "--report"]) == 0
    assert capsys.readouterr().out.count("audit: 1 packages looked at, 1 known") == 2
