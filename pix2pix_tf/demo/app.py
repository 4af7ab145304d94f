"""The page's server, as a Starlette application.

    GET  /            the page; its other files beside it
    GET  /page.json   what it draws with; GET /example.png what it opens with
    POST /translate   a picture, JPEG, PNG or WebP, as the body; its translation comes back as PNG.
                      ?seed=N makes the noise repeatable, ?dropout=off leaves it out
    POST /picture     a picture as PNG of the drawing's size, read as the training's pictures are

Nothing in a request names a file, and nothing of it is stored. One picture at a time is decoded or
translated; how many wait for their turn, and what they hold, is bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pix2pix_tf.demo.uploads import read_input, read_photo
from pix2pix_tf.exporters import web
from pix2pix_tf.images.convert import for_display
from pix2pix_tf.images.io import encode_png
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.strict_json import strict_json
from pix2pix_tf.web.app import make_page_app, page_files, read_body

PAGE = Path(__file__).with_name("page")
SHARED = [web.PAGE / name for name in ("index.html", "page.css", "page.js")]
BODY_LIMIT = 20_000_000  # bytes of one picture
HELD_LIMIT = 10 * BODY_LIMIT  # bytes of all that have come and are not answered
BODY_SECONDS = 60.0  # a phone's photograph over a slow line
WAITING = 64  # pictures that wait for their turn, at most
RETRY_SECONDS = 2  # until one who was turned away should come back
LONGEST = 1024  # pixels a side to translate, or the training's size where that is more
SEEDS = 2**31


def make_app(translator: Translator, title: str, inputs: Sequence[np.ndarray]) -> Starlette:
    """The application that serves one model.

    Args:
        translator: The model.
        title: What the page is called.
        inputs: Typical input pictures of the training's size, see `web.write_page`.
    """
    handlers = _Handlers(translator)
    task = {
        **web.page_task(title, translator.config.data, inputs),
        "noise": translator.config.generator.dropout > 0,
        "bodyBytes": BODY_LIMIT,
    }
    return make_page_app(
        [
            *page_files(*SHARED, PAGE / "model.js"),
            _held("/page.json", strict_json(task, indent=None).encode(), "application/json"),
            _held("/example.png", encode_png(for_display(inputs[0])), "image/png"),
            Route("/translate", handlers.translate, methods=["POST"]),
            Route("/picture", handlers.picture, methods=["POST"]),
        ]
    )


class _Handlers:
    """Takes pictures and gives them back, one at a time."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator
        self._size = translator.config.data.crop_size
        self._turn = asyncio.Lock()  # taken in the order of asking
        self._waiting = 0
        self._held = 0

    async def translate(self, request: Request) -> Response:
        dropout, seed = _noise(request)

        def work(data: bytes) -> np.ndarray:
            image = read_input(data, self._translator.source, max(LONGEST, *self._size))
            return self._translator(image, dropout=dropout, seed=seed)

        return await self._answer(request, work)

    async def picture(self, request: Request) -> Response:
        return await self._answer(request, lambda data: read_photo(data, self._size))

    async def _answer(self, request: Request, work: Callable[[bytes], np.ndarray]) -> Response:
        _refuse_forms(request)
        async with self._body(request) as data, self._place():
            if await request.is_disconnected():
                return Response()  # nobody is there to read it
            try:
                png = await run_in_threadpool(lambda: encode_png(work(data)))
            except UserError as error:
                raise HTTPException(422, str(error)) from None
            except asyncio.CancelledError:  # Ctrl-C, and this one takes too long to wait for
                raise HTTPException(503, "The server has been stopped.") from None
        return Response(png, media_type="image/png")

    @asynccontextmanager
    async def _body(self, request: Request) -> AsyncIterator[bytes]:
        """The request's body; it counts as held until it is done with."""
        own = 0

        def admit(count: int) -> None:
            nonlocal own
            if self._held + count > HELD_LIMIT:
                raise _busy()
            self._held += count
            own += count

        try:
            yield await read_body(request, BODY_LIMIT, BODY_SECONDS, admit)
        finally:
            self._held -= own

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """This request's turn, waited for."""
        if self._waiting >= WAITING:
            raise _busy()
        self._waiting += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting -= 1


def _busy() -> HTTPException:
    message = "The server is busy. Please try again."
    return HTTPException(503, message, {"retry-after": str(RETRY_SECONDS)})


def _refuse_forms(request: Request) -> None:
    """Other sites' pages cannot send these types unasked, and so not use a visitor's server."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind.startswith("image/") and kind != "application/octet-stream":
        raise HTTPException(
            415, "Expected a picture as the body, with a content-type such as image/png."
        )


def _noise(request: Request) -> tuple[bool, int | None]:
    """Whether the address asks for dropout, and its seed; None draws one."""
    words = dict(request.query_params)
    dropout, seed = words.pop("dropout", "on"), words.pop("seed", None)
    if words or dropout not in ("on", "off"):
        raise HTTPException(400, "Expected no more than ?dropout=on or off and ?seed=NUMBER.")
    if seed is None:
        return dropout == "on", None
    if not (seed.isascii() and seed.isdecimal() and len(seed) <= 10 and int(seed) < SEEDS):
        raise HTTPException(400, f"seed: expected a number from 0 to {SEEDS - 1}.")
    return dropout == "on", int(seed)


def _held(path: str, content: bytes, media_type: str) -> Route:
    async def answer(request: Request) -> Response:
        return Response(content, media_type=media_type)

    return Route(path, answer)
