"""Building blocks of a page's application: files, headers, error responses, bounded bodies.

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
    "cache-control": "no-store",  # images of a study must not be viewed again from a cache
}
_MEDIA_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def make_page_app(
    routes: Sequence[BaseRoute], lifespan: Lifespan[Starlette] | None = None
) -> Starlette:
    """Creates an application that sends `HEADERS` in every response and {"error": text} for errors.

    Args:
        routes: The application's routes.
        lifespan: A context manager that is open while the application runs.
    """
    return Starlette(
        routes=routes,
        middleware=[Middleware(_WithHeaders), Middleware(_SameSiteOnly)],
        exception_handlers={HTTPException: _error_response, Exception: _failure_response},
        lifespan=lifespan,
    )


def page_files(*paths: Path) -> list[BaseRoute]:
    """Creates the routes to the files of a page: `index.html` at `/`, the others by their names.

    The files are read once and kept in memory, so that requests cannot access other files.

    Args:
        paths: The files.
    """
    return [
        static_route(
            "/" if path.name == "index.html" else f"/{path.name}",
            path.read_bytes(),
            _MEDIA_TYPES[path.suffix],
        )
        for path in sorted(paths)
    ]


def static_route(path: str, content: bytes, media_type: str) -> BaseRoute:
    """Creates a route that always responds with the same content."""

    async def respond(request: Request) -> Response:
        return Response(content, media_type=media_type)

    return Route(path, respond)


async def read_body(
    request: Request, limit: int, seconds: float, admit: Callable[[int], None] = lambda count: None
) -> bytes:
    """Reads the body of a request, bounded in size and time.

    Args:
        request: The request.
        limit: Maximal number of bytes.
        seconds: Maximal time until the whole body has arrived.
        admit: Called with the number of bytes of each chunk before it is kept; may raise an
            HTTPException to refuse it.

    Raises:
        HTTPException: 413 for a body that is too large, 408 for one that is too slow, or what
            `admit` raised.
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
    """Middleware that accepts only requests for this machine's own names.

    It protects against DNS rebinding: another site can make its name resolve to this machine, and
    the browser then lets that site read the page and send requests. Such requests are recognised by
    their Host header, which still has the site's name.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http" or all(
            is_loopback(_host_name(value))
            for key, value in scope["headers"]
            if key == b"host"  # can be missing only before HTTP/1.1; browsers always send it
        ):
            await self._app(scope, receive, send)
            return
        message = (
            "Only this machine's own names are answered: open the page at its address as it was "
            "printed. A proxy before it must send that as Host; --host 0.0.0.0 takes any name."
        )
        response = JSONResponse({"error": message}, status_code=421, headers=HEADERS)
        await response(scope, receive, send)


def _host_name(header: bytes) -> str:
    """Returns the host of a Host header, without the port."""
    text = header.decode("latin-1").strip()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


class _WithHeaders:
    """Middleware that adds `HEADERS` to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *own]
            await send(message)

        await self._app(scope, receive, send_with_headers)


class _SameSiteOnly:
    """Middleware that refuses requests that a browser sends on behalf of another site's page.

    Browsers mark these requests by the header Sec-Fetch-Site. They do not let the other page read
    the response, but handling the request would cost time on the server.
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


async def _error_response(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse(
        {"error": error.detail}, status_code=error.status_code, headers=error.headers
    )


async def _failure_response(request: Request, error: Exception) -> Response:
    """Responds to an error of the server itself, which Starlette logs; outside `_WithHeaders`."""
    message = {"error": "The server could not do this. Please try again."}
    return JSONResponse(message, status_code=500, headers=HEADERS)
