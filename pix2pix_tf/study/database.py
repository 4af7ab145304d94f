"""Database of sessions, their trials and answers: one SQLite file that survives crashes.

An answer is acknowledged only when it is on the disk. The write-ahead log with `synchronous=FULL`
needs one `fsync` per answer, which takes a few milliseconds. The primary key allows one answer per
trial. The file contains neither names nor addresses of participants: a session is identified by the
digest of a random token that only the participant's browser has.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

from pix2pix_tf.study.plan import Trial
from pix2pix_tf.study.records import Answer, AnsweredTrial, Session
from pix2pix_tf.utils.errors import UserError

SCHEMA_VERSION = 2
ABANDONED_SECONDS = 1800.0  # a session counts as abandoned after this time without an answer
_LOCK_SECONDS = 30.0  # time to wait while another process writes

_SCHEMA = f"""
PRAGMA journal_mode = WAL;
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    token_sha256 TEXT NOT NULL UNIQUE,
    algorithm TEXT NOT NULL,
    seed INTEGER NOT NULL,           -- seed of the plan in `trials`
    last_active REAL NOT NULL,       -- Unix time of the start, then of the last answer
    complete INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE trials (
    session INTEGER NOT NULL REFERENCES sessions (id),
    number INTEGER NOT NULL,         -- counted from 0, the practice first
    practice INTEGER NOT NULL,
    real INTEGER NOT NULL,           -- indices into the list of images in study.yaml
    fake INTEGER NOT NULL,
    fake_first INTEGER NOT NULL,
    PRIMARY KEY (session, number)
);
CREATE TABLE answers (
    session INTEGER NOT NULL,
    number INTEGER NOT NULL,
    chose_first INTEGER NOT NULL,    -- took the first for the fake
    first_ms REAL NOT NULL,          -- how long each image was shown
    second_ms REAL NOT NULL,
    response_ms REAL NOT NULL,       -- time from the end of the second to the answer
    showings INTEGER NOT NULL,       -- how often the presentation was started
    PRIMARY KEY (session, number),
    FOREIGN KEY (session, number) REFERENCES trials (session, number)
);
CREATE TABLE invites (
    code_sha256 TEXT PRIMARY KEY,
    session INTEGER UNIQUE REFERENCES sessions (id)
);
PRAGMA user_version = {SCHEMA_VERSION};
"""


class UnknownInviteError(Exception):
    """The study has no such one-time code."""


class AnswerDatabase:
    """The answers of one study; safe to use from several threads and several processes."""

    def __init__(self, file: Path) -> None:
        """Opens the database.

        Raises:
            UserError: The file is missing, is no answer database, or has another schema version.
        """
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
        """Writes a new, empty database.

        Args:
            file: The file to write.
            invites: Digests of one-time codes.
        """
        connection = _connect(file)
        connection.executescript(_SCHEMA)
        rows = [(code,) for code in invites]
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO invites (code_sha256) VALUES (?)", rows)
        connection.execute("COMMIT")
        connection.close()

    def close(self) -> None:
        """Closes the database."""
        with self._lock:
            self._connection.close()

    def start(
        self,
        algorithms: Sequence[str],
        draw: Callable[[int], Sequence[Trial]],
        practice: int,
        invite: str | None = None,
    ) -> str:
        """Starts a session.

        The algorithm is drawn at random from those with the fewest sessions that are complete or
        in progress. A one-time code belongs to one session: used again, also on another device, it
        continues that session with a new token.

        Args:
            algorithms: The algorithms to choose from.
            draw: Draws the trials of a session from its seed.
            practice: How many of the trials are practice.
            invite: Digest of a one-time code, if the study needs one.

        Returns:
            The token that the participant's browser keeps.

        Raises:
            UnknownInviteError: There is no such code.
        """
        token = secrets.token_urlsafe(24)
        with self._transaction() as connection:
            if invite is not None and _continue_session(connection, invite, token):
                return token
            seed = secrets.randbits(62)  # SQLite's integers have 63 bits and a sign
            now = time.time()
            algorithm = _least_used_algorithm(connection, algorithms, now, seed)
            session = connection.execute(
                "INSERT INTO sessions (token_sha256, algorithm, seed, last_active) "
                "VALUES (?, ?, ?, ?)",
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
        """Returns the session that a token belongs to, or None."""
        with self._lock:
            row = self._connection.execute(
                "SELECT id, algorithm, (SELECT COUNT(*) FROM answers WHERE session = id), "
                "last_active FROM sessions WHERE token_sha256 = ?",
                (_digest(token),),
            ).fetchone()
        return Session(*row) if row else None

    def trial(self, session: Session, number: int) -> Trial:
        """Returns trial `number` of a session, which must exist."""
        with self._lock:
            real, fake, fake_first = self._connection.execute(
                "SELECT real, fake, fake_first FROM trials WHERE session = ? AND number = ?",
                (session.id, number),
            ).fetchone()
        return Trial(real, fake, bool(fake_first))

    def record(self, session: Session, number: int, answer: Answer, *, last: bool) -> None:
        """Stores an answer durably; if the trial already has an answer, that one is kept.

        Args:
            session: The participant's session.
            number: The trial's number.
            answer: The answer to store.
            last: Whether this is the session's last trial.
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
                    "UPDATE sessions SET last_active = ?, complete = ? WHERE id = ?",
                    (time.time(), last, session.id),
                )

    def sessions(self) -> list[tuple[str, bool]]:
        """Returns the algorithm of each session, and whether the session is complete."""
        with self._lock:
            rows = self._connection.execute("SELECT algorithm, complete FROM sessions").fetchall()
        return [(algorithm, bool(complete)) for algorithm, complete in rows]

    def answered(self) -> list[AnsweredTrial]:
        """Returns the main trials of all complete sessions, in order."""
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
        """Opens a transaction, whose changes are all stored or, after an error, none of them."""
        with self._lock:
            # IMMEDIATE prevents other writes between the reads and writes of the transaction.
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        file, timeout=_LOCK_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _continue_session(connection: sqlite3.Connection, invite: str, token: str) -> bool:
    """Gives the session that a code already belongs to a new token; False if there is none."""
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


def _least_used_algorithm(
    connection: sqlite3.Connection, algorithms: Sequence[str], now: float, seed: int
) -> str:
    counted = dict(
        connection.execute(
            "SELECT algorithm, COUNT(*) FROM sessions WHERE complete OR last_active > ? "
            "GROUP BY algorithm",
            (now - ABANDONED_SECONDS,),
        )
    )
    fewest = min(counted.get(algorithm, 0) for algorithm in algorithms)
    least = [algorithm for algorithm in algorithms if counted.get(algorithm, 0) == fewest]
    return Random(seed).choice(least)
