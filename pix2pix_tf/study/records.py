"""Records of the answer database: sessions, answers, answered trials."""

from __future__ import annotations

from dataclasses import dataclass

from pix2pix_tf.study.plan import Trial


@dataclass(frozen=True)
class Answer:
    """A participant's answer to one trial, and the times that the browser measured.

    Attributes:
        chose_first: Whether the participant took the first image for the fake, not the second.
        first_ms: How long the first image was on the screen, in milliseconds.
        second_ms: How long the second image was on the screen, in milliseconds.
        response_ms: Time from the end of the second image to the answer, in milliseconds.
        showings: How often the presentation was started; more than 1 where it was interrupted.
    """

    chose_first: bool
    first_ms: float
    second_ms: float
    response_ms: float
    showings: int = 1


@dataclass(frozen=True)
class Session:
    """The current state of a participant's session.

    Attributes:
        id: The session's number in the database.
        algorithm: The algorithm whose fakes the session shows.
        next: Number of the first trial without an answer.
        last_active: Unix time of the last answer, or of the start, in seconds.
    """

    id: int
    algorithm: str
    next: int
    last_active: float


@dataclass(frozen=True)
class AnsweredTrial:
    """A main trial with its answer.

    Attributes:
        session: The session's number in the database.
        algorithm: The algorithm that made the fake.
        number: The trial's number in its session, counted from 0 with the practice.
        trial: The two images and their order.
        answer: The participant's answer.
    """

    session: int
    algorithm: str
    number: int
    trial: Trial
    answer: Answer

    @property
    def fooled(self) -> bool:
        """Whether the participant labelled the fake real."""
        return self.answer.chose_first != self.trial.fake_first
