"""What the applications of served pages share: page files, headers, refusals, bounded bodies.

Needs Starlette, the extra `pix2pix-tf[serve]`; `pix2pix_tf.web.server` serves such an application.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Lifespan, Message, Receive, Scope, Send

from pix2pix_tf.web.loopback import is_loopback

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",  # a picture stays in no cache to be looked at again
}
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_TYPES[".svg"] = "image/svg+xml"


def make_page_app(
    routes: Sequence[BaseRoute], lifespan: Lifespan[Starlette] | None = None
) -> Starlette:
    """An application with `HEADERS` on every response; it refuses with {"error": a sentence}."""
    return Starlette(
        routes=routes,
        middleware=[Middleware(_WithHeaders), Middleware(_OwnSiteOnly)],
        exception_handlers={HTTPException: _refusal, Exception: _failure},
        lifespan=lifespan,
    )


def page_files(*paths: Path) -> list[BaseRoute]:
    """Routes to the files of a page: `index.html` at `/`, the others by their names.

    They are read now and held in memory, so that no request names a file.
    """
    return [_page_file(path) for path in sorted(paths)]


def _page_file(path: Path) -> Route:
    content, media_type = path.read_bytes(), _TYPES[path.suffix]

    async def file(request: Request) -> Response:
        return Response(content, media_type=media_type)

    return Route("/" if path.name == "index.html" else f"/{path.name}", file)


async def read_body(
    request: Request, limit: int, seconds: float, admit: Callable[[int], None] = lambda count: None
) -> bytes:
    """The body of a request, bounded in size and time.

    Args:
        request: The request.
        limit: Bytes at most.
        seconds: Until all of it has come, at most.
        admit: Called with the size of each part before it is kept; may raise to refuse it.

    Raises:
        HTTPException: 413 or 408, or what `admit` raised.
    """
    try:
        return await asyncio.wait_for(_bytes(request, limit, admit), seconds)
    except asyncio.TimeoutError:  # in Python 3.10 not yet TimeoutError
        raise HTTPException(408, "The request took too long.") from None


async def _bytes(request: Request, limit: int, admit: Callable[[int], None]) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        if len(data) + len(chunk) > limit:
            raise HTTPException(413, f"Expected {limit} bytes at most.")
        admit(len(chunk))
        data += chunk
    return bytes(data)


class LoopbackOnly:
    """Answers requests for this machine's own names only, as a page on the loopback gets them.

    Another site can let its name mean this machine (DNS rebinding): to the browser the page is then
    that site's own, which may read and ask it. The name is in the request still.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http" or all(
            is_loopback(_name(value))
            for key, value in scope["headers"]
            if key == b"host"  # missing in what is older than HTTP/1.1, and in no browser's request
        ):
            await self._app(scope, receive, send)
            return
        message = (
            "Only this machine's own names are answered: open the page at its address as it was "
            "printed. A proxy before it must send that as Host; --host 0.0.0.0 takes any name."
        )
        response = JSONResponse({"error": message}, status_code=421, headers=HEADERS)
        await response(scope, receive, send)


def _name(host: bytes) -> str:
    """A Host header without its port."""
    text = host.decode("latin-1").strip()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


class _WithHeaders:
    """Puts `HEADERS` on every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *own]
            await send(message)

        await self._app(scope, receive, send_with_headers)


class _OwnSiteOnly:
    """Refuses what another site's page has a visitor's browser send; browsers say so themselves.

    Reading what is answered they do not allow anyway, but asking costs the server its time.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            sites = {value for key, value in scope["headers"] if key == b"sec-fetch-site"}
            if sites - {b"same-origin", b"none"}:
                message = {"error": "Another site's page may not send this."}
                await JSONResponse(message, status_code=403)(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse(
        {"error": error.detail}, status_code=error.status_code, headers=error.headers
    )


async def _failure(request: Request, error: Exception) -> Response:
    """Of the server itself; Starlette logs it. Made outside of `_WithHeaders`."""
    message = {"error": "The server could not do this. Please try again."}
    return JSONResponse(message, status_code=500, headers=HEADERS)
