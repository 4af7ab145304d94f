"""The study's web page and what it asks of the server, as a Starlette application.

    GET  /                    the page; its other files beside it
    GET  /state               what is asked for, and how far this browser's session is
    POST /session             starts the session, or goes on with it
    GET  /trials/N/first      the first picture of trial N; .../second the second
    POST /trials/N            the answer; told back in the practice which picture was the fake

Nothing in a request names a file: the page's files are read when the application is made, and which
picture a trial shows stands in the session's plan. Pictures of the next two trials are handed out
and no others, so that nobody looks longer than is meant, or ahead.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pix2pix_tf.study.database import Answer, AnswerDatabase, Session, UnknownInviteError
from pix2pix_tf.study.plan import draw_plan
from pix2pix_tf.study.settings import REAL, Study, load_study
from pix2pix_tf.study.timing import implausible
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.web.app import make_page_app, page_files, read_body

PAGE = Path(__file__).with_name("page")
BODY_LIMIT = 4096  # bytes; an answer has some 100
BODY_SECONDS = 10.0
COOKIE_SECONDS = 180 * 24 * 3600

Milliseconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Body = TypeVar("Body", bound=BaseModel)


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class StartBody(_Body):
    """What POST /session takes."""

    invite: Annotated[str, Field(max_length=200)] | None = None


class AnswerBody(_Body):
    """What POST /trials/N takes: the picture taken for the fake, and what the page measured."""

    fake: Literal["first", "second"]
    first_ms: Milliseconds
    second_ms: Milliseconds
    response_ms: Milliseconds
    showings: Annotated[int, Field(ge=1, le=10**6)]


def make_app(folder: str | Path) -> Starlette:
    """The application that serves one study.

    Raises:
        UserError: No study there, or parts of it are missing.
    """
    study = load_study(folder)
    _refuse_missing_pictures(study)
    answers = AnswerDatabase(study.answers_file)
    handlers = _Handlers(study, answers)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        answers.close()  # SQLite then folds its log into the one file

    routes = [
        *page_files(*PAGE.iterdir()),
        Route("/state", handlers.state),
        Route("/session", handlers.start, methods=["POST"]),
        Route("/trials/{number}/{place}", handlers.picture),
        Route("/trials/{number}", handlers.answer, methods=["POST"]),
    ]
    return make_page_app(routes, lifespan)


class _Handlers:
    """Answers what the page asks."""

    def __init__(self, study: Study, answers: AnswerDatabase) -> None:
        self._study, self._answers = study, answers
        self._settings, self._protocol = study.settings, study.settings.protocol
        self._cookie = f"study-{study.settings.id}"

    async def state(self, request: Request) -> Response:
        session = await run_in_threadpool(self._session, request)
        return JSONResponse(self._described(session))

    async def start(self, request: Request) -> Response:
        body = await _read(request, StartBody)
        session = await run_in_threadpool(self._session, request)
        # One session a browser, unless each participant is known by a code of their own.
        if session is not None and self._settings.invite != "single":
            return JSONResponse({"started": False})
        token = await run_in_threadpool(self._started, body.invite)
        response = JSONResponse({"started": True})
        response.set_cookie(
            self._cookie,
            token,
            max_age=COOKIE_SECONDS,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    async def picture(self, request: Request) -> Response:
        number, place = _number(request), request.path_params["place"]
        if place not in ("first", "second"):
            raise HTTPException(404, "There is no such picture.")
        png = await run_in_threadpool(self._picture, request, number, place)
        return Response(png, media_type="image/png")

    async def answer(self, request: Request) -> Response:
        number = _number(request)
        body = await _read(request, AnswerBody)
        return await run_in_threadpool(self._answer, request, number, body)

    def _described(self, session: Session | None) -> dict[str, Any]:
        height, width = self._settings.size
        return {
            "practice": self._protocol.practice,
            "trials": self._protocol.trials,
            "seconds": self._protocol.seconds,
            "height": height,
            "width": width,
            "about": self._settings.about,
            "invite": self._settings.invite,
            "next": None if session is None else session.next,
        }

    def _session(self, request: Request) -> Session | None:
        token = request.cookies.get(self._cookie)
        return None if token is None else self._answers.session(token)

    def _own_session(self, request: Request) -> Session:
        session = self._session(request)
        if session is None:
            raise HTTPException(401, "This browser has no session: start on the first page.")
        return session

    def _started(self, code: str | None) -> str:
        """Starts a session and returns its token."""
        settings = self._settings
        digest = settings.digest(code or "")
        unknown = HTTPException(403, "This invite code is not known. Please check it.")
        if settings.invite == "shared" and not hmac.compare_digest(
            digest, settings.invite_sha256 or ""
        ):
            raise unknown
        try:
            return self._answers.start(
                settings.algorithms,
                lambda seed: draw_plan(seed, len(settings.pictures), self._protocol),
                self._protocol.practice,
                digest if settings.invite == "single" else None,
            )
        except UnknownInviteError:
            raise unknown from None

    def _picture(self, request: Request, number: int, place: str) -> bytes:
        session = self._own_session(request)
        if not session.next <= number < min(session.next + 2, self._protocol.length):
            raise HTTPException(404, "This picture is not to be seen now.")
        trial = self._answers.trial(session, number)
        if trial.fake_first == (place == "first"):
            return self._study.picture(session.algorithm, trial.fake).read_bytes()
        return self._study.picture(REAL, trial.real).read_bytes()

    def _answer(self, request: Request, number: int, body: AnswerBody) -> Response:
        session = self._own_session(request)
        if number > session.next or number >= self._protocol.length:
            return JSONResponse(
                {"error": "Another trial comes first.", "next": session.next}, status_code=409
            )
        answer = Answer(
            chose_first=body.fake == "first",
            **body.model_dump(exclude={"fake"}),
        )
        if number == session.next:  # else it is a second submit, and the first answer stays
            elapsed = time.time() - session.touched
            problem = implausible(answer, self._protocol.seconds, elapsed)
            if problem:
                raise HTTPException(400, f"These times cannot be: {problem}.")
            last = number == self._protocol.length - 1
            self._answers.record(session, number, answer, last=last)
        told: dict[str, Any] = {"next": max(session.next, number + 1)}
        if number < self._protocol.practice:
            told["fake"] = "first" if self._answers.trial(session, number).fake_first else "second"
        return JSONResponse(told)


def _number(request: Request) -> int:
    text = request.path_params["number"]
    if not (text.isascii() and text.isdecimal() and len(text) <= 6):
        raise HTTPException(404, "There is no such trial.")
    return int(text)


async def _read(request: Request, kind: type[Body]) -> Body:
    """The body of a request, bounded in size and time."""
    # Other sites' forms cannot send this type, so that they cannot answer for a visitor.
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "Expected application/json.")
    data = await read_body(request, BODY_LIMIT, BODY_SECONDS)
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, problem["loc"])) or "body"
        raise HTTPException(400, f"{place}: {problem['msg']}.") from None


def _refuse_missing_pictures(study: Study) -> None:
    settings = study.settings
    for side in (REAL, *settings.algorithms):
        for number in range(len(settings.pictures)):
            if not study.picture(side, number).is_file():
                raise UserError(
                    f"{study.picture(side, number)} is missing: make the study anew, or put the "
                    "picture back"
                )
