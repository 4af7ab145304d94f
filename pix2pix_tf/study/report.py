"""The table of a study, as Tables 4 and 5 of the paper, with a test for each pair of algorithms."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from pix2pix_tf.study.database import AnswerDatabase
from pix2pix_tf.study.records import AnsweredTrial
from pix2pix_tf.study.settings import Settings, load_study
from pix2pix_tf.study.statistics import Summary, p_value, summarize
from pix2pix_tf.study.timing import TOLERANCE, on_time


@dataclass(frozen=True)
class Row:
    """The row of one algorithm.

    Attributes:
        algorithm: Name of the algorithm.
        participants: Number of complete sessions.
        trials: Number of main trials in them that are counted.
        incomplete: Number of sessions that were started and not completed.
        fooled: Statistics of the shares of fakes that participants labelled real.
    """

    algorithm: str
    participants: int
    trials: int
    incomplete: int
    fooled: Summary


@dataclass(frozen=True)
class Comparison:
    """The comparison of two algorithms.

    Attributes:
        a: Name of the first algorithm.
        b: Name of the second algorithm.
        difference: Mean share of fakes labelled real, of `a` minus that of `b`, -1..1.
        p: p of the two-sided bootstrap test, 0..1; NaN where one has no participants.
    """

    a: str
    b: str
    difference: float
    p: float


@dataclass(frozen=True)
class Report:
    """The results of a study.

    Attributes:
        settings: The study's settings.
        rows: A row for each algorithm, in the study's order.
        comparisons: A comparison for each pair of algorithms.
        answers: Every main trial of the complete sessions.
        off_time: Number of those trials whose images were not shown exactly once and for the
            protocol's time.
        left_out: Whether those trials are left out of the statistics.
    """

    settings: Settings
    rows: list[Row]
    comparisons: list[Comparison]
    answers: list[AnsweredTrial]
    off_time: int
    left_out: bool


def make_report(
    folder: str | Path,
    *,
    on_time_only: bool = False,
    tolerance: float = TOLERANCE,
    seed: int = 0,
) -> Report:
    """Computes a study's table; works while the study is being served.

    The statistics are of each participant's share of main trials in which the fake was labelled
    real. Incomplete sessions are only counted.

    Args:
        folder: The study's folder.
        on_time_only: Whether to leave out trials in which an image was not shown exactly once and
            for the protocol's time; by default they count, and the report has their number.
        tolerance: Maximal deviation from that time, in seconds.
        seed: Random seed of the bootstrap.

    Raises:
        UserError: There is no study in the folder, or its answers cannot be read.
    """
    study = load_study(folder)
    answers = AnswerDatabase(study.answers_file)
    sessions, answered = Counter(answers.sessions()), answers.answered()
    answers.close()
    seconds = study.settings.protocol.seconds
    on_time_trials = [trial for trial in answered if on_time(trial.answer, seconds, tolerance)]
    counted = on_time_trials if on_time_only else answered
    trials = Counter(trial.algorithm for trial in counted)
    shares = {name: _shares(counted, name) for name in study.settings.algorithms}
    rows = [
        Row(name, own.size, trials[name], sessions[name, False], summarize(own, seed))
        for name, own in shares.items()
    ]
    comparisons = [
        Comparison(
            a.algorithm,
            b.algorithm,
            a.fooled.mean - b.fooled.mean,
            p_value(shares[a.algorithm], shares[b.algorithm], seed),
        )
        for a, b in combinations(rows, 2)
    ]
    off_time = len(answered) - len(on_time_trials)
    return Report(study.settings, rows, comparisons, answered, off_time, on_time_only)


def table_csv(report: Report) -> str:
    """Returns the table as CSV.

    It has a line per algorithm, with shares in percent and p against every other algorithm.
    """
    algorithms = [row.algorithm for row in report.rows]
    p = {(c.a, c.b): c.p for c in report.comparisons}
    head = ["algorithm", "participants", "trials", "incomplete_sessions", "labelled_real_percent"]
    head += ["deviation_over_participants", "bootstrap_deviation_of_mean", "low_95", "high_95"]
    lines = [[*head, *(f"p_versus_{name}" for name in algorithms)]]
    for row in report.rows:
        fooled = row.fooled
        spread = (fooled.standard_deviation, fooled.standard_error)
        shares = (fooled.mean, *spread, fooled.low, fooled.high)
        others = (
            p.get((row.algorithm, name), p.get((name, row.algorithm), np.nan))
            for name in algorithms
        )
        lines.append(
            [
                *(row.algorithm, str(row.participants), str(row.trials), str(row.incomplete)),
                *(_cell(100 * share) for share in shares),
                *map(_cell, others),
            ]
        )
    return _csv(lines)


def answers_csv(report: Report) -> str:
    """Returns the main trials of complete sessions as CSV, with the names of their inputs."""
    names = report.settings.images
    head = "session algorithm trial real_image fake_image fake_first chose_first labelled_real"
    lines = [[*head.split(), "first_ms", "second_ms", "response_ms", "showings"]]
    for one in report.answers:
        answer, trial = one.answer, one.trial
        number = one.number - report.settings.protocol.practice + 1
        flags = (trial.fake_first, answer.chose_first, one.fooled)
        times = (answer.first_ms, answer.second_ms, answer.response_ms)
        lines.append(
            [
                *(str(one.session), one.algorithm, str(number)),
                *(names[trial.real], names[trial.fake]),
                *(str(int(flag)) for flag in flags),
                *(f"{time:.1f}" for time in times),
                str(answer.showings),
            ]
        )
    return _csv(lines)


def _shares(answered: list[AnsweredTrial], algorithm: str) -> np.ndarray:
    """Each participant's share of trials in which the fake was labelled real, [participants]."""
    fooled: dict[int, list[bool]] = defaultdict(list)
    for one in answered:
        if one.algorithm == algorithm:
            fooled[one.session].append(one.fooled)
    return np.array([np.mean(trials) for trials in fooled.values()])


def _cell(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.4f}"


def _csv(lines: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue()
