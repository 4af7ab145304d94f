"""The server of the demo's page, as a Starlette application.

    GET  /            the page; its other files beside it
    GET  /page.json   the page's settings; GET /example.png the image it opens with
    POST /translate   translates the image (JPEG, PNG or WebP) in the body; the response is a PNG
                      file. ?seed=N makes the noise repeatable, ?dropout=off turns it off
    POST /image       converts the image in the body to a PNG file of the drawing's size, as the
                      training reads its images

Requests do not contain file names, and nothing is stored. One image at a time is decoded or
translated; the queue of requests and the memory of their bodies are bounded.
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
from pix2pix_tf.images.convert import for_display, to_8bit
from pix2pix_tf.images.io import encode_png
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.strict_json import strict_json
from pix2pix_tf.web.app import make_page_app, page_files, read_body, static_route

PAGE = Path(__file__).with_name("page")
SHARED = [web.PAGE / name for name in ("index.html", "page.css", "page.js")]
MAX_BODY_BYTES = 20_000_000  # limit per image
MAX_BUFFERED_BYTES = 10 * MAX_BODY_BYTES  # limit of all requests that are not answered yet
BODY_SECONDS = 60.0  # allows for a phone's photograph over a slow connection
MAX_QUEUE = 64  # requests that wait for their turn
RETRY_SECONDS = 2  # after which a refused client should try again
MAX_SIDE = 1024  # pixels a side of an image to translate, or the training's size if larger
SEED_LIMIT = 2**31


def make_app(translator: Translator, title: str, inputs: Sequence[np.ndarray]) -> Starlette:
    """Creates the application that serves one model.

    Args:
        translator: The model.
        title: Title of the page.
        inputs: Typical inputs of the training's size, in full scale, see `web.write_page`.
    """
    handlers = _Handlers(translator)
    task = {
        **web.page_task(title, translator.config.data, inputs),
        "noise": translator.config.generator.dropout > 0,
        "bodyBytes": MAX_BODY_BYTES,
    }
    return make_page_app(
        [
            *page_files(*SHARED, PAGE / "model.js"),
            static_route("/page.json", strict_json(task, indent=None).encode(), "application/json"),
            static_route("/example.png", encode_png(for_display(inputs[0])), "image/png"),
            Route("/translate", handlers.translate, methods=["POST"]),
            Route("/image", handlers.image, methods=["POST"]),
        ]
    )


class _Handlers:
    """Handlers of the requests, which are processed one at a time."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator
        self._size = translator.config.data.crop_size
        self._lock = asyncio.Lock()  # first come, first served
        self._queued = 0
        self._buffered_bytes = 0

    async def translate(self, request: Request) -> Response:
        dropout, seed = _noise_options(request)

        def work(data: bytes) -> np.ndarray:
            image = read_input(data, self._translator.source, max(MAX_SIDE, *self._size))
            values = self._translator.values
            if image.dtype == np.uint8:  # drawn or shown on the page, in full scale
                image = values.input.from_full_scale(image)
            output = self._translator(image, dropout=dropout, seed=seed)
            return to_8bit(values.target.full_scale(output))

        return await self._respond(request, work)

    async def image(self, request: Request) -> Response:
        return await self._respond(request, lambda data: read_photo(data, self._size))

    async def _respond(self, request: Request, work: Callable[[bytes], np.ndarray]) -> Response:
        _require_image_type(request)
        async with self._buffered_body(request) as data, self._turn():
            if await request.is_disconnected():
                return Response()  # the client has disconnected
            try:
                png = await run_in_threadpool(lambda: encode_png(work(data)))
            except UserError as error:
                raise HTTPException(422, str(error)) from None
            except asyncio.CancelledError:  # after Ctrl-C, if the request takes too long
                raise HTTPException(503, "The server has been stopped.") from None
        return Response(png, media_type="image/png")

    @asynccontextmanager
    async def _buffered_body(self, request: Request) -> AsyncIterator[bytes]:
        """Reads the request's body, which counts as buffered within the context."""
        own = 0

        def admit(count: int) -> None:
            nonlocal own
            if self._buffered_bytes + count > MAX_BUFFERED_BYTES:
                raise _busy()
            self._buffered_bytes += count
            own += count

        try:
            yield await read_body(request, MAX_BODY_BYTES, BODY_SECONDS, admit)
        finally:
            self._buffered_bytes -= own

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Waits until it is this request's turn, which lasts as long as the context."""
        if self._queued >= MAX_QUEUE:
            raise _busy()
        self._queued += 1
        try:
            async with self._lock:
                yield
        finally:
            self._queued -= 1


def _busy() -> HTTPException:
    message = "The server is busy. Please try again."
    return HTTPException(503, message, {"retry-after": str(RETRY_SECONDS)})


def _require_image_type(request: Request) -> None:
    """Refuses content types that other sites' pages can send without a preflight, as forms do."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind.startswith("image/") and kind != "application/octet-stream":
        raise HTTPException(
            415, "Expected a picture as the body, with a content-type such as image/png."
        )


def _noise_options(request: Request) -> tuple[bool, int | None]:
    """Returns whether the query requests dropout, and its seed; None for a random one."""
    query = dict(request.query_params)
    dropout, seed = query.pop("dropout", "on"), query.pop("seed", None)
    if query or dropout not in ("on", "off"):
        raise HTTPException(400, "Expected no more than ?dropout=on or off and ?seed=NUMBER.")
    if seed is None:
        return dropout == "on", None
    if not (seed.isascii() and seed.isdecimal() and len(seed) <= 10 and int(seed) < SEED_LIMIT):
        raise HTTPException(400, f"seed: expected a number from 0 to {SEED_LIMIT - 1}.")
    return dropout == "on", int(seed)
