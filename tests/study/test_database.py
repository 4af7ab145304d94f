import sqlite3
import threading
from collections import Counter

import pytest

from pix2pix_tf.study import database as module
from pix2pix_tf.study.database import AnswerDatabase, UnknownInviteError
from pix2pix_tf.study.plan import draw_plan
from pix2pix_tf.study.records import Answer
from pix2pix_tf.study.settings import Protocol
from pix2pix_tf.utils.errors import UserError

QUICK = Protocol(practice=1, trials=2)
TOLD = Answer(True, 1000.5, 999.5, 700.25)


def draw(seed):
    return draw_plan(seed, 5, QUICK)


@pytest.fixture
def file(tmp_path):
    AnswerDatabase.create(tmp_path / "answers.sqlite", ["one", "two"])
    return tmp_path / "answers.sqlite"


@pytest.fixture
def answers(file):
    opened = AnswerDatabase(file)
    yield opened
    opened.close()


def start(answers, *algorithms, invite=None):
    return answers.session(answers.start(algorithms or ("A", "B"), draw, 1, invite))


def complete(answers, session):
    for number in range(3):
        answers.record(session, number, TOLD, last=number == 2)


def rows(file, query):
    with sqlite3.connect(file) as connection:
        return connection.execute(query).fetchall()


def test_plan_is_stored_with_its_seed(answers, file):
    session = start(answers)
    seed = rows(file, "SELECT seed FROM sessions")[0][0]
    assert [answers.trial(session, number) for number in range(3)] == draw(seed)
    assert rows(file, "SELECT number, practice FROM trials") == [(0, 1), (1, 0), (2, 0)]


def test_session_goes_on_where_it_stopped_also_in_another_process(answers, file):
    token = answers.start(("A",), draw, 1)
    answers.record(answers.session(token), 0, TOLD, last=False)
    other = AnswerDatabase(file)
    assert other.session(token).next == 1
    assert other.session(token).last_active > 0
    other.close()
    assert answers.session("another") is None
    assert answers.session("") is None


def test_second_answer_to_a_trial_changes_nothing(answers):
    session = start(answers)
    complete(answers, session)
    before = answers.answered()
    answers.record(session, 1, Answer(False, 1, 2, 3, 4), last=False)
    assert answers.answered() == before
    assert answers.sessions() == [(session.algorithm, True)]
    assert [one.answer for one in before] == [TOLD, TOLD]  # and the practice does not count
    assert [one.fooled for one in before] == [not one.trial.fake_first for one in before]


def test_answer_to_a_trial_that_is_not_planned_is_impossible(answers):
    with pytest.raises(sqlite3.IntegrityError):
        answers.record(start(answers), 3, TOLD, last=False)
    complete(answers, start(answers))  # and nothing is left locked


def test_incomplete_sessions_are_counted_apart(answers):
    session = start(answers)
    answers.record(session, 0, TOLD, last=False)
    answers.record(session, 1, TOLD, last=False)
    assert answers.answered() == []
    assert answers.sessions() == [(session.algorithm, False)]


def test_algorithms_are_given_out_evenly_while_sessions_go_on(answers):
    names = ("A", "B", "C")
    first = Counter(start(answers, *names).algorithm for _ in range(30))
    assert first == {"A": 10, "B": 10, "C": 10}


def test_order_of_algorithms_is_random(tmp_path):
    firsts = set()
    for number in range(20):
        AnswerDatabase.create(tmp_path / str(number))
        answers = AnswerDatabase(tmp_path / str(number))
        firsts.add(start(answers).algorithm)
        answers.close()
    assert firsts == {"A", "B"}  # alike in one case of 500,000


def test_abandoned_sessions_make_room_and_complete_ones_do_not(answers, monkeypatch):
    now = [1e9]
    monkeypatch.setattr(module.time, "time", lambda: now[0])
    for _ in range(3):
        complete(answers, start(answers, "A"))
    for _ in range(5):
        start(answers, "B")  # never answered
    assert start(answers).algorithm == "A"
    now[0] += module.ABANDONED_SECONDS + 1
    assert [start(answers).algorithm for _ in range(3)] == ["B"] * 3
    assert Counter(start(answers).algorithm for _ in range(6)) == {"A": 3, "B": 3}


def test_one_time_code_belongs_to_one_session(answers):
    first = answers.start(("A",), draw, 1, "one")
    session = answers.session(first)
    answers.record(session, 0, TOLD, last=False)
    again = answers.start(("A",), draw, 1, "one")  # on another device
    assert answers.session(again).id == session.id
    assert answers.session(again).next == 1
    assert answers.session(first) is None
    assert start(answers, invite="two").id != session.id
    with pytest.raises(UnknownInviteError):
        answers.start(("A",), draw, 1, "three")
    assert len(answers.sessions()) == 2


def test_one_code_at_the_same_moment_makes_one_session(answers):
    def begin():
        barrier.wait()
        answers.start(("A",), draw, 1, "one")

    barrier = threading.Barrier(8)
    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers.sessions()) == 1


def test_nothing_says_who_took_part(answers, file):
    token = answers.start(("A",), draw, 1)
    columns = [row[1] for row in rows(file, "PRAGMA table_info(sessions)")]
    assert columns == ["id", "token_sha256", "algorithm", "seed", "last_active", "complete"]
    answers.close()
    stored = b"".join(path.read_bytes() for path in file.parent.iterdir())
    assert token.encode() not in stored


def test_acknowledged_answers_are_on_the_disk(answers, file):
    connection = answers._connection
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_files_of_another_kind_or_version(tmp_path, file):
    with pytest.raises(UserError, match="is missing"):
        AnswerDatabase(tmp_path / "nowhere.sqlite")
    (tmp_path / "text").write_text("no database, and longer than a hundred bytes " * 5)
    with pytest.raises(UserError, match="cannot be used"):
        AnswerDatabase(tmp_path / "text")
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 9")
    with pytest.raises(UserError, match="has version 9"):
        AnswerDatabase(file)
