"""The table of a study, like Tables 4 and 5 of the paper, and a test between each two of it."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from pix2pix_tf.study.database import AnswerDatabase, AnsweredTrial
from pix2pix_tf.study.settings import Settings, load_study
from pix2pix_tf.study.statistics import Summary, p_value, summarise
from pix2pix_tf.study.timing import TOLERANCE, on_time


@dataclass(frozen=True)
class Row:
    """One algorithm: participants of complete sessions, their main trials, and their numbers."""

    algorithm: str
    participants: int
    trials: int
    incomplete: int
    fooled: Summary


@dataclass(frozen=True)
class Comparison:
    """Two algorithms: mean of `a` less that of `b`, and the bootstrap test's p."""

    a: str
    b: str
    difference: float
    p: float


@dataclass(frozen=True)
class Report:
    """What a study found.

    Attributes:
        settings: The study's.
        rows: One an algorithm, in the study's order.
        comparisons: Each two algorithms.
        answers: Every main trial of a complete session.
        off_time: How many of them were shown for other times than asked, or more than once.
        left_out: Whether those are left out of the numbers.
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
    """Computes a study's table; also while it is being served.

    A participant's share is that of their main trials in which the fake was labelled real. Sessions
    that are not complete are only counted.

    Args:
        folder: The study.
        on_time_only: Leaves out trials of which a picture was not shown once and as long as asked;
            by default they count, and the report says how many there are.
        tolerance: Seconds by which a time may be off.
        seed: Of the bootstrap.

    Raises:
        UserError: No study there, or its answers cannot be read.
    """
    study = load_study(folder)
    answers = AnswerDatabase(study.answers_file)
    sessions, answered = Counter(answers.sessions()), answers.answered()
    answers.close()
    seconds = study.settings.protocol.seconds
    timely = [one for one in answered if on_time(one.answer, seconds, tolerance)]
    counted = timely if on_time_only else answered
    trials = Counter(one.algorithm for one in counted)
    shares = {name: _shares(counted, name) for name in study.settings.algorithms}
    rows = [
        Row(name, own.size, trials[name], sessions[name, False], summarise(own, seed))
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
    off_time = len(answered) - len(timely)
    return Report(study.settings, rows, comparisons, answered, off_time, on_time_only)


def table_csv(report: Report) -> str:
    """The table as CSV: one line an algorithm, shares in percent, a column of p for each other."""
    algorithms = [row.algorithm for row in report.rows]
    p = {(c.a, c.b): c.p for c in report.comparisons}
    head = ["algorithm", "participants", "trials", "incomplete_sessions", "labelled_real_percent"]
    head += ["deviation_over_participants", "bootstrap_deviation_of_mean", "low_95", "high_95"]
    lines = [[*head, *(f"p_versus_{name}" for name in algorithms)]]
    for row in report.rows:
        numbers = row.fooled
        percent = (numbers.mean, numbers.deviation, numbers.error, numbers.low, numbers.high)
        others = (
            p.get((row.algorithm, name), p.get((name, row.algorithm), np.nan))
            for name in algorithms
        )
        lines.append(
            [
                *(row.algorithm, str(row.participants), str(row.trials), str(row.incomplete)),
                *(_cell(100 * share) for share in percent),
                *map(_cell, others),
            ]
        )
    return _csv(lines)


def answers_csv(report: Report) -> str:
    """Every main trial of the complete sessions as CSV, with the names of the pictures' inputs."""
    names = report.settings.pictures
    head = "session algorithm trial real_picture fake_picture fake_first chose_first labelled_real"
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
    """[participants], the share of each one's trials in which the fake was labelled real."""
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
