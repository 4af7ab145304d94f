"""The server of the study's web page, as a Starlette application.

    GET  /                    the page; its other files beside it
    GET  /state               the protocol, and the progress of this browser's session
    POST /session             starts the session, or resumes it
    GET  /trials/N/first      the first image of trial N; .../second the second
    POST /trials/N            the answer; in the practice, the response says which image was fake

Requests do not contain file names: the page's files are read when the application is created, and
the images of a trial are stored in the session's plan. Only images of the next two trials are sent,
so that participants cannot look at an image for longer than intended, or at later ones.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pix2pix_tf.study.database import AnswerDatabase, UnknownInviteError
from pix2pix_tf.study.plan import draw_plan
from pix2pix_tf.study.records import Answer, Session
from pix2pix_tf.study.requests import AnswerBody, StartBody, parse_body, trial_number
from pix2pix_tf.study.settings import REAL, Study, load_study
from pix2pix_tf.study.timing import timing_problem
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.web.app import make_page_app, page_files

PAGE = Path(__file__).with_name("page")
COOKIE_SECONDS = 180 * 24 * 3600


def make_app(folder: str | Path) -> Starlette:
    """Creates the application that serves a study.

    Args:
        folder: The study's folder.

    Raises:
        UserError: There is no study in the folder, or parts of it are missing.
    """
    study = load_study(folder)
    _check_images(study)
    answers = AnswerDatabase(study.answers_file)
    handlers = _Handlers(study, answers)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        answers.close()  # SQLite then merges its log into the one file

    routes = [
        *page_files(*PAGE.iterdir()),
        Route("/state", handlers.state),
        Route("/session", handlers.start, methods=["POST"]),
        Route("/trials/{number}/{place}", handlers.image),
        Route("/trials/{number}", handlers.answer, methods=["POST"]),
    ]
    return make_page_app(routes, lifespan)


def _check_images(study: Study) -> None:
    settings = study.settings
    for side in (REAL, *settings.algorithms):
        for index in range(len(settings.images)):
            file = study.image_file(side, index)
            if not file.is_file():
                raise UserError(f"{file} is missing: create the study again, or put the image back")


class _Handlers:
    """Handlers of the requests; reading and writing of files runs in threads."""

    def __init__(self, study: Study, answers: AnswerDatabase) -> None:
        self._study, self._answers = study, answers
        self._settings, self._protocol = study.settings, study.settings.protocol
        self._cookie = f"study-{study.settings.id}"

    async def state(self, request: Request) -> Response:
        session = await run_in_threadpool(self._find_session, request)
        return JSONResponse(self._describe(session))

    async def start(self, request: Request) -> Response:
        body = await parse_body(request, StartBody)
        session = await run_in_threadpool(self._find_session, request)
        # One session per browser, unless each participant has a code of their own.
        if session is not None and self._settings.invite != "single":
            return JSONResponse({"started": False})
        token = await run_in_threadpool(self._start_session, body.invite)
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

    async def image(self, request: Request) -> Response:
        number, place = trial_number(request), request.path_params["place"]
        if place not in ("first", "second"):
            raise HTTPException(404, "There is no such picture.")
        png = await run_in_threadpool(self._read_image, request, number, place)
        return Response(png, media_type="image/png")

    async def answer(self, request: Request) -> Response:
        number = trial_number(request)
        body = await parse_body(request, AnswerBody)
        return await run_in_threadpool(self._record_answer, request, number, body)

    def _describe(self, session: Session | None) -> dict[str, Any]:
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

    def _find_session(self, request: Request) -> Session | None:
        token = request.cookies.get(self._cookie)
        return None if token is None else self._answers.session(token)

    def _require_session(self, request: Request) -> Session:
        session = self._find_session(request)
        if session is None:
            raise HTTPException(401, "This browser has no session: start on the first page.")
        return session

    def _start_session(self, code: str | None) -> str:
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
                lambda seed: draw_plan(seed, len(settings.images), self._protocol),
                self._protocol.practice,
                digest if settings.invite == "single" else None,
            )
        except UnknownInviteError:
            raise unknown from None

    def _read_image(self, request: Request, number: int, place: str) -> bytes:
        session = self._require_session(request)
        if not session.next <= number < min(session.next + 2, self._protocol.total_trials):
            raise HTTPException(404, "This picture is not to be seen now.")
        trial = self._answers.trial(session, number)
        if trial.fake_first == (place == "first"):
            return self._study.image_file(session.algorithm, trial.fake).read_bytes()
        return self._study.image_file(REAL, trial.real).read_bytes()

    def _record_answer(self, request: Request, number: int, body: AnswerBody) -> Response:
        session = self._require_session(request)
        if number > session.next or number >= self._protocol.total_trials:
            return JSONResponse(
                {"error": "Another trial comes first.", "next": session.next}, status_code=409
            )
        answer = Answer(chose_first=body.fake == "first", **body.model_dump(exclude={"fake"}))
        if number == session.next:  # otherwise it was sent twice, and the first answer stays
            elapsed = time.time() - session.last_active
            problem = timing_problem(answer, self._protocol.seconds, elapsed)
            if problem:
                raise HTTPException(400, f"These times cannot be: {problem}.")
            last = number == self._protocol.total_trials - 1
            self._answers.record(session, number, answer, last=last)
        reply: dict[str, Any] = {"next": max(session.next, number + 1)}
        if number < self._protocol.practice:
            trial = self._answers.trial(session, number)
            reply["fake"] = "first" if trial.fake_first else "second"
        return JSONResponse(reply)
