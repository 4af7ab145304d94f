"""Sessions, their trials and what was answered: one SQLite file that outlives crashes.

What has been acknowledged is on the disk: write-ahead log with `synchronous=FULL`, one `fsync` an
answer, a few milliseconds of the seconds that an answer takes. A trial is answered once: its key
lets a second answer in nowhere. Nothing says who answered: no name, no address; a session is known
by the digest of a random token that only the participant's browser has.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from pix2pix_tf.study.plan import Trial
from pix2pix_tf.utils.errors import UserError

SCHEMA_VERSION = 1
ABANDONED = 1800.0  # seconds without an answer after which nobody waits for a session's end
_WAIT = 30.0  # seconds for another process that writes

_SCHEMA = f"""
PRAGMA journal_mode = WAL;
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    token_sha256 TEXT NOT NULL UNIQUE,
    algorithm TEXT NOT NULL,
    seed INTEGER NOT NULL,           -- of the plan in `trials`
    touched REAL NOT NULL,           -- Unix time of the start, then of the last answer
    complete INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE trials (
    session INTEGER NOT NULL REFERENCES sessions (id),
    number INTEGER NOT NULL,         -- from 0, the practice first
    practice INTEGER NOT NULL,
    real INTEGER NOT NULL,           -- places in the list of pictures of study.yaml
    fake INTEGER NOT NULL,
    fake_first INTEGER NOT NULL,
    PRIMARY KEY (session, number)
);
CREATE TABLE answers (
    session INTEGER NOT NULL,
    number INTEGER NOT NULL,
    chose_first INTEGER NOT NULL,    -- as the fake one
    first_ms REAL NOT NULL,          -- how long each picture was shown
    second_ms REAL NOT NULL,
    response_ms REAL NOT NULL,       -- from the end of the second to the answer
    showings INTEGER NOT NULL,       -- how often the showing was begun
    PRIMARY KEY (session, number),
    FOREIGN KEY (session, number) REFERENCES trials (session, number)
);
CREATE TABLE invites (
    code_sha256 TEXT PRIMARY KEY,
    session INTEGER UNIQUE REFERENCES sessions (id)
);
PRAGMA user_version = {SCHEMA_VERSION};
"""


@dataclass(frozen=True)
class Answer:
    """What a participant answered to one trial, and what the browser measured.

    Attributes:
        chose_first: Whether the first picture was taken for the fake, else the second.
        first_ms: Milliseconds that the first picture was on the screen.
        second_ms: Likewise of the second.
        response_ms: Milliseconds from the end of the second picture to the answer.
        showings: How often the showing was begun; more than once where it was cut short.
    """

    chose_first: bool
    first_ms: float
    second_ms: float
    response_ms: float
    showings: int = 1


@dataclass(frozen=True)
class Session:
    """A session as it stands.

    Attributes:
        id: Its number in the file.
        algorithm: The one whose fakes it shows.
        next: Number of its first trial that has no answer.
        touched: Unix time of its last answer, or of its start.
    """

    id: int
    algorithm: str
    next: int
    touched: float


@dataclass(frozen=True)
class AnsweredTrial:
    """A main trial and its answer, for the report."""

    session: int
    algorithm: str
    number: int
    trial: Trial
    answer: Answer

    @property
    def fooled(self) -> bool:
        """Whether the fake was labelled real."""
        return self.answer.chose_first != self.trial.fake_first


class UnknownInviteError(Exception):
    """A one-time code that the study does not have."""


class AnswerDatabase:
    """The file of one study; may be used by several threads, and by several processes.

    Raises:
        UserError: The file is not there, no answers' file, or that of another version.
    """

    def __init__(self, file: Path) -> None:
        if not file.is_file():
            raise UserError(f"{file} is missing: the study's answers were expected there")
        self._lock = threading.Lock()
        try:
            self._connection = _connect(file)
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise UserError(f"{file} cannot be used as the study's answers: {error}") from None
        if version != SCHEMA_VERSION:
            self._connection.close()
            raise UserError(
                f"{file} has version {version}, and this program reads version {SCHEMA_VERSION}"
            )

    @staticmethod
    def create(file: Path, invites: Iterable[str] = ()) -> None:
        """Writes a new file, with digests of one-time codes."""
        connection = _connect(file)
        connection.executescript(_SCHEMA)
        rows = [(code,) for code in invites]
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO invites (code_sha256) VALUES (?)", rows)
        connection.execute("COMMIT")
        connection.close()

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def start(
        self,
        algorithms: Sequence[str],
        draw: Callable[[int], Sequence[Trial]],
        practice: int,
        invite: str | None = None,
    ) -> str:
        """Starts a session and returns the token that its participant's browser keeps.

        The algorithm is one of those with the fewest sessions that are complete or under way, at
        random. A one-time code belongs to one session: used again, it continues that with a new
        token, on whichever device.

        Args:
            algorithms: To choose from.
            draw: Makes the session's trials of its seed.
            practice: How many of them are practice.
            invite: Digest of a one-time code, where one is needed.

        Raises:
            UnknownInviteError: There is no such code.
        """
        token = secrets.token_urlsafe(24)
        with self._transaction() as connection:
            if invite is not None and _continued(connection, invite, token):
                return token
            seed = secrets.randbits(62)  # SQLite's integers have 63 bits and a sign
            now = time.time()
            algorithm = _least_used(connection, algorithms, now, seed)
            session = connection.execute(
                "INSERT INTO sessions (token_sha256, algorithm, seed, touched) VALUES (?, ?, ?, ?)",
                (_digest(token), algorithm, seed, now),
            ).lastrowid
            trials = [
                (session, number, number < practice, trial.real, trial.fake, trial.fake_first)
                for number, trial in enumerate(draw(seed))
            ]
            connection.executemany("INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?)", trials)
            connection.execute(
                "UPDATE invites SET session = ? WHERE code_sha256 = ?", (session, invite)
            )
        return token

    def session(self, token: str) -> Session | None:
        """The session that a token belongs to, or None."""
        with self._lock:
            row = self._connection.execute(
                "SELECT id, algorithm, (SELECT COUNT(*) FROM answers WHERE session = id), touched "
                "FROM sessions WHERE token_sha256 = ?",
                (_digest(token),),
            ).fetchone()
        return Session(*row) if row else None

    def trial(self, session: Session, number: int) -> Trial:
        """What a session shows in its trial `number`, which it must have."""
        with self._lock:
            real, fake, fake_first = self._connection.execute(
                "SELECT real, fake, fake_first FROM trials WHERE session = ? AND number = ?",
                (session.id, number),
            ).fetchone()
        return Trial(real, fake, bool(fake_first))

    def record(self, session: Session, number: int, answer: Answer, *, last: bool) -> None:
        """Stores an answer for good; of a trial that has one already, the first stays.

        Args:
            session: Whose it is.
            number: The trial.
            answer: To store.
            last: Whether the session ends with it.
        """
        values = (
            int(answer.chose_first),
            answer.first_ms,
            answer.second_ms,
            answer.response_ms,
            answer.showings,
        )
        with self._transaction() as connection:
            stored = connection.execute(
                "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (session.id, number, *values),
            ).rowcount
            if stored:
                connection.execute(
                    "UPDATE sessions SET touched = ?, complete = ? WHERE id = ?",
                    (time.time(), last, session.id),
                )

    def sessions(self) -> list[tuple[str, bool]]:
        """Of each session: its algorithm, and whether it is complete."""
        with self._lock:
            rows = self._connection.execute("SELECT algorithm, complete FROM sessions").fetchall()
        return [(algorithm, bool(complete)) for algorithm, complete in rows]

    def answered(self) -> list[AnsweredTrial]:
        """The main trials of complete sessions, in order."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT s.id, s.algorithm, number, real, fake, fake_first, chose_first, first_ms, "
                "second_ms, response_ms, showings "
                "FROM sessions AS s JOIN trials AS t ON t.session = s.id "
                "JOIN answers AS a USING (session, number) "
                "WHERE s.complete AND NOT t.practice ORDER BY s.id, number"
            ).fetchall()
        return [
            AnsweredTrial(
                row[0],
                row[1],
                row[2],
                Trial(row[3], row[4], bool(row[5])),
                Answer(bool(row[6]), *row[7:]),
            )
            for row in rows
        ]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is done within is stored, or nothing."""
        with self._lock:
            # IMMEDIATE: who reads in order to write must not find that another wrote meanwhile.
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=_WAIT, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _continued(connection: sqlite3.Connection, invite: str, token: str) -> bool:
    """Gives the session that a code has already, if any, a new token."""
    row = connection.execute(
        "SELECT session FROM invites WHERE code_sha256 = ?", (invite,)
    ).fetchone()
    if row is None:
        raise UnknownInviteError
    if row[0] is not None:
        connection.execute(
            "UPDATE sessions SET token_sha256 = ? WHERE id = ?", (_digest(token), row[0])
        )
    return row[0] is not None


def _least_used(
    connection: sqlite3.Connection, algorithms: Sequence[str], now: float, seed: int
) -> str:
    counted = dict(
        connection.execute(
            "SELECT algorithm, COUNT(*) FROM sessions WHERE complete OR touched > ? "
            "GROUP BY algorithm",
            (now - ABANDONED,),
        )
    )
    fewest = min(counted.get(algorithm, 0) for algorithm in algorithms)
    least = [algorithm for algorithm in algorithms if counted.get(algorithm, 0) == fewest]
    return Random(seed).choice(least)
