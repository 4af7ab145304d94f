"""What the served pages share: files, headers, bounded bodies, and Uvicorn to serve them."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Lifespan, Message, Receive, Scope, Send

from pix2pix_tf.utils.errors import UserError

if TYPE_CHECKING:
    from starlette.applications import Starlette

CONNECTIONS = 500  # at once; browsers keep up to six each, and more are told to come back
IDLE_SECONDS = 15  # before an unused connection is closed: longer than most answers take


def serve_page(
    make_app: Callable[[], Starlette],
    host: str = "127.0.0.1",
    port: int = 8000,
    ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serves an application until a signal stops it; requests under way are finished.

    Neither addresses nor requests are logged. Where only this machine reaches the page, it answers
    to this machine's own names only, see `pix2pix_tf.web.server.LoopbackOnly`.

    Args:
        make_app: Makes the application; called when the address is known to be free.
        host: Address to listen on; by default only this machine's own programs reach it.
        port: 0 takes any free one.
        ready: Called with the page's address once connections are taken.

    Raises:
        UserError: Starlette or Uvicorn are not installed, or the address is not this machine's
            or in use.
        KeyboardInterrupt: Ctrl-C, after all is closed.
    """
    try:
        import starlette  # noqa: F401  what `make_app` will need
        import uvicorn
    except ImportError as error:
        raise UserError(
            f"serving a page needs {error.name}, which is not installed: "
            "pip install 'pix2pix-tf[serve]'"
        ) from error
    with _listening(host, port) as listener:
        from pix2pix_tf.web.server import LoopbackOnly

        app = LoopbackOnly(make_app()) if is_loopback(host) else make_app()
        ready(_address(host, listener.getsockname()[1]))
        config = uvicorn.Config(
            app,
            http="h11",  # which bounds the head of a request
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=5,
        )
        uvicorn.Server(config).run(sockets=[listener])


def is_loopback(host: str) -> bool:
    """Whether a name or an address means this machine and is reached from it only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=CONNECTIONS)
        # Inherited by connections, on which asyncio sets it for sockets of its own only: without,
        # each response's body waits some 40 ms for its head to be acknowledged.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"--host {host} --port {port}: cannot be listened on: {reason}; give another one"
        ) from None


def _address(host: str, port: int) -> str:
    if host in ("0.0.0.0", "::"):  # every address: the machine's name stands for them
        host = socket.gethostname()
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


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


def _page_file(path: Path) -> Route:
    content, media_type = path.read_bytes(), _TYPES[path.suffix]

    async def file(request: Request) -> Response:
        return Response(content, media_type=media_type)

    return Route("/" if path.name == "index.html" else f"/{path.name}", file)


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse(
        {"error": error.detail}, status_code=error.status_code, headers=error.headers
    )


async def _failure(request: Request, error: Exception) -> Response:
    """Of the server itself; Starlette logs it. Made outside of `_WithHeaders`."""
    message = {"error": "The server could not do this. Please try again."}
    return JSONResponse(message, status_code=500, headers=HEADERS)
