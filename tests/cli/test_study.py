"""The commands `pix2pix-tf study ...`, as a user types them."""

import csv
import signal

import pytest

from pix2pix_tf.study.settings import load_study
from tests.conftest import typed
from tests.study.participants import Participant, Served, write_sides

SMALL = ("--practice", 1, "--trials", 3, "--seconds", 0.05)


def new(run, *words):
    return run("study", "new", "--name", "city", "--real", "real", *words)


def test_help_names_the_commands(tmp_path):
    done = typed("study", "--help", cwd=tmp_path)
    assert done.returncode == 0
    for name in ("new", "serve", "report"):
        assert f" {name} " in done.stdout


def test_from_folders_to_the_table(here, tmp_path):
    write_sides(tmp_path)
    fakes = ("--fake", "L1=L1", "--fake", "L1+cGAN=L1+cGAN")
    code, out, err = new(here, *fakes, *SMALL, "--inputs", "different", "--invites", 4)
    assert (code, err) == (0, "")
    assert "6 inputs, 2 algorithms, 8×8" in out
    assert "1 + 3 trials of 0.05 s, images of different inputs" in out
    assert "pix2pix-tf study serve --study studies/city" in out
    study = load_study(tmp_path / "studies/city")
    codes = study.invites_file.read_text().split()
    assert len(codes) == 4

    with Served(study) as served:
        shown = {}
        for code in codes[:3]:
            with Participant(served.address) as someone:
                someone.start(code)
                someone.looks(0)
                algorithm = next(side for side, _ in someone.looks(0) if side != "real")
                shown[algorithm] = shown.get(algorithm, 0) + 1
                fooled = 1 if algorithm == "L1" else 2
                someone.takes_part(lambda trial, fooled=fooled: 1 <= trial <= fooled, code)
        with Participant(served.address) as someone:
            someone.start(codes[3])
        out, err, code = served.end(signal.SIGINT)
    assert "#CODE with a code of" in served.said[1]
    assert (err, code) == ("", 0)

    code, out, err = here(
        *("study", "report", "--study", "studies/city", "--csv", "table.csv"),
        *("--answers", "answers.csv"),
    )
    assert (code, err) == (0, "")
    assert "% labelled real" in out
    lines = {
        line.split("│")[1].strip(): line.split("│") for line in out.splitlines() if "│" in line
    }
    for algorithm, percent in (("L1", "33.3%"), ("L1+cGAN", "66.7%")):
        assert lines[algorithm][2].strip() == str(shown[algorithm])
        assert lines[algorithm][4].strip().startswith(f"{percent} ± ")
    assert "L1 less L1+cGAN: -33.3%, p = " in out
    assert "0 of 9 trials, counted" in out
    rows = list(csv.DictReader((tmp_path / "table.csv").open()))
    assert [row["labelled_real_percent"] for row in rows] == ["33.3333", "66.6667"]
    assert sum(int(row["incomplete_sessions"]) for row in rows) == 1
    assert len((tmp_path / "answers.csv").read_text().splitlines()) == 10

    code, out, _ = here("study", "report", "--study", "studies/city", "--on-time-only")
    assert code == 0
    assert "left out" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fake", "L1"], "--fake L1: expected NAME=DIR"),
        (["--fake", "=L1"], "expected NAME=DIR"),
        (["--fake", "L1=L1", "--fake", "L1=real"], "the name L1 is given twice"),
        (["--fake", "L1=nowhere"], "--fake L1=nowhere: there is no such folder"),
        (["--fake", "L1=L1"], "needs 50"),
        (["--fake", "L1=L1", *SMALL, "--inputs", "both"], "--inputs both: expected same or"),
        (["--fake", "L1=L1", *SMALL, "--size", "8by8"], "--size 8by8: expected a number, or"),
        (["--fake", "L1=L1", *SMALL, "--size", "0"], "--size 0: expected"),
        (["--fake", "L1=L1", *SMALL, "--real-half", "C"], "--real-half C: expected A"),
        (["--fake", "L1=L1", *SMALL, "--invite", "abc"], "--invite abc: expected 6"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(here, tmp_path, words, said):
    write_sides(tmp_path)
    code, _, err = new(here, *words)
    assert code == 2
    assert said in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "studies").exists()


def test_pairs_and_sizes_as_options(here, tmp_path):
    write_sides(tmp_path, "real", size=(16, 32))
    write_sides(tmp_path, "L1", size=(16, 16))
    words = ("--fake", "L1=L1", *SMALL, "--real-half", "B", "--size", 8, "--output", "elsewhere")
    code, _, err = new(here, *words, "--about", "Ask Ada.", "--invite", "open sesame")
    assert (code, err) == (0, "")
    settings = load_study(tmp_path / "elsewhere").settings
    assert (settings.size, settings.about, settings.invite) == ((8, 8), "Ask Ada.", "shared")


def test_no_study_there(here, tmp_path):
    for command in ("serve", "report"):
        code, _, err = here("study", command, "--study", "nowhere")
        assert code == 2
        assert "study nowhere: there is no such folder" in err
