import csv

import numpy as np
import pytest

from pix2pix_tf.study.database import AnswerDatabase
from pix2pix_tf.study.plan import draw_plan
from pix2pix_tf.study.records import Answer
from pix2pix_tf.study.report import answers_csv, make_report, table_csv
from pix2pix_tf.study.settings import Protocol
from tests.study.participants import tiny_study

PROTOCOL = Protocol(inputs="different", practice=1, trials=4, seconds=1.0)


def take_part(study, algorithm, fooled, trials=4, answer=None):
    """A session fooled in the first so many of its main trials."""
    answers = AnswerDatabase(study.answers_file)
    token = answers.start((algorithm,), lambda seed: draw_plan(seed, 6, PROTOCOL), 1)
    session = answers.session(token)
    for number in range(1 + trials):
        fake_first = answers.trial(session, number).fake_first
        chose = fake_first != (1 <= number <= fooled)
        given = (answer or {}).get(number, (1000.0, 1000.0, 500.0, 1))
        answers.record(session, number, Answer(chose, *given), last=number == 4)
    answers.close()


@pytest.fixture
def study(tmp_path):
    """L1 fools nobody, twice; L1+cGAN 1, 2 and 3 of 4 times; one session each is cut short."""
    made = tiny_study(tmp_path, PROTOCOL)
    for algorithm, fooled in (("L1", 0), ("L1", 0), *(("L1+cGAN", n) for n in (1, 2, 3))):
        take_part(made, algorithm, fooled)
        if fooled in (0, 3):
            take_part(made, algorithm, 4, trials=3)
    return made


def test_table_by_hand(study):
    report = make_report(study.folder)
    l1, ours = report.rows
    assert (l1.algorithm, l1.participants, l1.trials, l1.incomplete) == ("L1", 2, 8, 2)
    assert (l1.fooled.mean, l1.fooled.standard_deviation, l1.fooled.standard_error) == (0, 0, 0)
    assert (ours.participants, ours.trials, ours.incomplete) == (3, 12, 1)
    assert ours.fooled.mean == 0.5
    assert ours.fooled.standard_deviation == pytest.approx(0.25)  # of ¼, ½, ¾
    assert ours.fooled.standard_error == pytest.approx(np.sqrt(1 / 24 / 3), abs=0.005)
    (comparison,) = report.comparisons
    assert (comparison.a, comparison.b, comparison.difference) == ("L1", "L1+cGAN", -0.5)
    assert 0.05 < comparison.p < 0.3
    assert (report.off_time, len(report.answers)) == (0, 20)


def test_csv_says_the_same(study):
    rows = list(csv.DictReader(table_csv(make_report(study.folder)).splitlines()))
    assert [row["algorithm"] for row in rows] == ["L1", "L1+cGAN"]
    assert [float(row["labelled_real_percent"]) for row in rows] == [0, 50]
    assert [float(row["deviation_over_participants"]) for row in rows] == [0, 25]
    assert [row["participants"] for row in rows] == ["2", "3"]
    assert rows[0]["p_versus_L1+cGAN"] == rows[1]["p_versus_L1"] != ""
    assert rows[0]["p_versus_L1"] == ""


def test_every_main_trial_as_csv(study):
    rows = list(csv.DictReader(answers_csv(make_report(study.folder)).splitlines()))
    assert len(rows) == 20
    assert [row["trial"] for row in rows[:5]] == ["1", "2", "3", "4", "1"]
    assert sum(int(row["labelled_real"]) for row in rows) == 6
    assert {row["real_image"] for row in rows} <= set("012345")
    assert all(row["real_image"] != row["fake_image"] for row in rows)
    assert all(
        (row["fake_first"] != row["chose_first"]) == (row["labelled_real"] == "1") for row in rows
    )


def test_trials_off_time_are_reported_and_left_out_when_asked(tmp_path):
    study = tiny_study(tmp_path, PROTOCOL)
    late, again = (1000.0, 1060.0, 500.0, 1), (1000.0, 1000.0, 500.0, 2)
    # The practice trial 0 is late too, and counts nowhere.
    take_part(study, "L1", 2, answer={0: late, 1: late, 4: again})
    report = make_report(study.folder)
    assert report.off_time == 2
    assert (report.rows[0].trials, report.rows[0].fooled.mean) == (4, 0.5)
    strict = make_report(study.folder, on_time_only=True)
    assert strict.off_time == 2
    assert (strict.rows[0].trials, strict.rows[0].fooled.mean) == (2, 0.5)
    assert make_report(study.folder, tolerance=0.1).off_time == 1


def test_study_without_answers_has_a_table_of_nothing(tmp_path):
    report = make_report(tiny_study(tmp_path).folder)
    assert [row.participants for row in report.rows] == [0, 0]
    assert np.isnan(report.comparisons[0].p)
    rows = list(csv.DictReader(table_csv(report).splitlines()))
    assert rows[0]["labelled_real_percent"] == ""


def test_report_is_the_same_every_time(study):
    assert make_report(study.folder) == make_report(study.folder)
    other = make_report(study.folder, seed=1)
    assert (
        other.rows[1].fooled.standard_error
        != make_report(study.folder).rows[1].fooled.standard_error
    )
