"""The server of the demo's page, as a Starlette application.

    GET  /            the page; its other files beside it
    GET  /page.json   the page's settings; GET /example.png, /example.npy the input it opens with
    POST /translate   translates the image in the body; the response is a PNG file, of what is shown
                      of the translation. ?as=npy or ?as=tiff asks for its values instead, ?seed=N
                      makes the noise repeatable, ?dropout=off turns it off, ?axes=YXC or CYX is the
                      order of axes of a .npy
    POST /image       converts the image in the body to the input of the page's size that the
                      training reads: a PNG file, or a .npy of inputs that are no colours of 8 bits

Images are JPEG, PNG or WebP, whose 8 bits span the range of the inputs in /translate; and .npy or
TIFF, with the numbers of the run's files, if its inputs are no colours of 8 bits.

Requests do not contain file names, and nothing is stored. One image at a time is decoded or
translated; the queue of requests and the memory of their bodies are bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, NamedTuple, cast, get_args

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pix2pix_tf.demo.uploads import holds_array, read_input, read_middle, read_photo
from pix2pix_tf.exporters import web
from pix2pix_tf.exporters.inputs import typical_images
from pix2pix_tf.exporters.page_task import is_array, page_display, page_task
from pix2pix_tf.images.convert import to_8bit
from pix2pix_tf.images.display import Display
from pix2pix_tf.images.image_file import Axes
from pix2pix_tf.images.io import encode_npy, encode_png, encode_tiff
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.strict_json import strict_json
from pix2pix_tf.web.app import make_page_app, page_files, read_body, static_route

PAGE = Path(__file__).with_name("page")
SHARED = [web.PAGE / name for name in ("index.html", "page.css", "arrays.js", "page.js")]
MAX_BODY_BYTES = 20_000_000  # limit per image, or the bytes of an array of MAX_SIDE if more
MAX_BUFFERED_BYTES = 10 * MAX_BODY_BYTES  # limit of all requests that are not answered yet
BODY_SECONDS = 60.0  # allows for a phone's photograph over a slow connection
MAX_QUEUE = 64  # requests that wait for their turn
RETRY_SECONDS = 2  # after which a refused client should try again
MAX_SIDE = 1024  # pixels a side of an image to translate, or the training's size if larger
_HEADER_BYTES = 2**16  # of a file of an array, at most
SEED_LIMIT = 2**31

Format = Literal["png", "npy", "tiff"]  # of a translation in a response


def make_app(translator: Translator, title: str, inputs: Sequence[np.ndarray]) -> Starlette:
    """Creates the application that serves one model.

    Args:
        translator: The model.
        title: Title of the page.
        inputs: Typical inputs of the training's size, with the values of the run.
    """
    data, images = translator.config.data, typical_images(translator, inputs)
    handlers = _Handlers(translator, page_display(data, images).target)
    task = page_task(title, data, images)
    task |= {"noise": translator.config.generator.dropout > 0, "bodyBytes": handlers.max_body_bytes}
    task["target"]["suffix"] = ".tif" if _is_tiff(translator.target_suffix) else ".npy"
    kinds = {".png": "image/png", ".npy": "application/octet-stream"}
    return make_page_app(
        [
            *page_files(*SHARED, PAGE / "model.js"),
            static_route("/page.json", strict_json(task, indent=None).encode(), "application/json"),
            *(
                static_route(f"/{name}", content, kinds[Path(name).suffix])
                for name, content in web.example_files(data, images).items()
            ),
            Route("/translate", handlers.translate, methods=["POST"]),
            Route("/image", handlers.image, methods=["POST"]),
        ]
    )


def _is_tiff(suffix: str | None) -> bool:
    return suffix in (".tif", ".tiff")


class _File(NamedTuple):
    """The body of a response and its media type."""

    content: bytes
    kind: str


class _Handlers:
    """Handlers of the requests, which are processed one at a time."""

    def __init__(self, translator: Translator, display: Display) -> None:
        """Initializes the handlers.

        Args:
            translator: The model.
            display: How translations are shown.
        """
        self._translator = translator
        self._display = display
        self._size = translator.config.data.crop_size
        self._max_side = max(MAX_SIDE, *self._size)
        channels, dtype = translator.source.spec.input_channels, translator.values.input.dtype
        self._arrays = is_array(translator.values.input, channels)
        largest = self._max_side**2 * channels * dtype.itemsize + _HEADER_BYTES
        self._array_bytes = largest if self._arrays else 0
        self._lock = asyncio.Lock()  # first come, first served
        self._queued = 0
        self._buffered_bytes = 0

    @property
    def max_body_bytes(self) -> int:
        """The largest accepted body of a request."""
        return max(MAX_BODY_BYTES, self._array_bytes)

    async def translate(self, request: Request) -> Response:
        options = _options(request)

        def work(data: bytes) -> _File:
            values, source = self._translator.values, self._translator.source
            image = read_input(data, source, self._max_side, arrays=self._arrays, axes=options.axes)
            if image.dtype == np.uint8 and not holds_array(data):  # drawn or shown on the page
                image = values.input.from_full_scale(image)
            output = self._translator(image, dropout=options.dropout, seed=options.seed)
            return self._encoded(output, options.format)

        return await self._respond(request, work)

    async def image(self, request: Request) -> Response:
        def work(data: bytes) -> _File:
            if not self._arrays:
                return _File(encode_png(read_photo(data, self._size)), "image/png")
            image = read_middle(data, self._translator.source, self._size)
            values = self._translator.values.input
            if not values.takes(image.dtype):
                raise UserError(
                    f"This picture has values of type {image.dtype}; expected {values.types}."
                )
            return _File(encode_npy(values.unify(image)), "application/octet-stream")

        return await self._respond(request, work)

    def _encoded(self, output: np.ndarray, format: Format) -> _File:
        """Returns a translation with its values, or as it is shown."""
        if format == "npy":
            return _File(encode_npy(output), "application/octet-stream")
        if format == "tiff":
            return _File(encode_tiff(output), "image/tiff")
        shown = self._translator.values.target.full_scale(output)
        # Colours keep their channels, also alpha.
        image = self._display(shown) if self._display.channels else to_8bit(shown)
        return _File(encode_png(image), "image/png")

    async def _respond(self, request: Request, work: Callable[[bytes], _File]) -> Response:
        _require_image_type(request)
        async with self._buffered_body(request) as data, self._turn():
            if await request.is_disconnected():
                return Response()  # the client has disconnected
            try:
                file = await run_in_threadpool(lambda: work(data))
            except UserError as error:
                raise HTTPException(422, str(error)) from None
            except asyncio.CancelledError:  # after Ctrl-C, if the request takes too long
                raise HTTPException(503, "The server has been stopped.") from None
        return Response(file.content, media_type=file.kind)

    @asynccontextmanager
    async def _buffered_body(self, request: Request) -> AsyncIterator[bytes]:
        """Reads the request's body, which counts as buffered within the context."""
        own = 0

        def admit(count: int) -> None:
            nonlocal own
            if self._buffered_bytes + count > max(MAX_BUFFERED_BYTES, 2 * self._array_bytes):
                raise _busy()
            self._buffered_bytes += count
            own += count

        try:
            yield await read_body(request, self.max_body_bytes, BODY_SECONDS, admit)
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


class _Options(NamedTuple):
    """Options of a translation.

    Attributes:
        dropout: Whether dropout is on.
        seed: Its seed; None for a random one.
        format: The format of the response.
        axes: The order of the axes of a .npy; None for that of the run's files.
    """

    dropout: bool
    seed: int | None
    format: Format
    axes: Axes | None


def _options(request: Request) -> _Options:
    """Returns the options in the query of a request for a translation."""
    query = dict(request.query_params)
    dropout, seed = query.pop("dropout", "on"), query.pop("seed", None)
    format, axes = query.pop("as", "png"), query.pop("axes", None)
    if query or dropout not in ("on", "off"):
        raise HTTPException(
            400,
            "Expected no more than ?dropout=on or off, ?seed=NUMBER, ?as=FORMAT and ?axes=AXES.",
        )
    if format not in get_args(Format):
        raise HTTPException(400, "as: expected png, npy or tiff.")
    if axes not in (None, *get_args(Axes)):
        raise HTTPException(400, "axes: expected YXC or CYX.")
    number = None
    if seed is not None:
        if not (seed.isascii() and seed.isdecimal() and len(seed) <= 10 and int(seed) < SEED_LIMIT):
            raise HTTPException(400, f"seed: expected a number from 0 to {SEED_LIMIT - 1}.")
        number = int(seed)
    return _Options(dropout == "on", number, cast(Format, format), cast("Axes | None", axes))
