"""Serving of a page's application with Uvicorn.

Neither Starlette nor Uvicorn is imported at the top, so that the commands can report in one
sentence that the extra `pix2pix-tf[serve]` is not installed.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.web.loopback import is_loopback

if TYPE_CHECKING:
    from starlette.applications import Starlette

MAX_CONNECTIONS = 500  # browsers open up to six each; further requests are refused with 503
IDLE_SECONDS = 15  # time until an unused connection is closed; most answers take less


def serve_page(
    make_app: Callable[[], Starlette],
    host: str = "127.0.0.1",
    port: int = 8000,
    ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serves an application until a signal stops it; requests in progress are finished.

    Neither addresses nor requests are logged. On a loopback address, only requests for this
    machine's own names are answered, see `pix2pix_tf.web.app.LoopbackOnly`.

    Args:
        make_app: Returns the application; called once the address is known to be free.
        host: Address to listen on; by default only this machine can reach it.
        port: Port to listen on; 0 takes any free one.
        ready: Called with the page's address once the server accepts connections.

    Raises:
        UserError: Starlette or Uvicorn is not installed, or the address is not this machine's or
            in use.
        KeyboardInterrupt: Ctrl-C, after everything is closed.
    """
    try:
        import starlette  # noqa: F401  `make_app` will import it
        import uvicorn
    except ImportError as error:
        raise UserError(
            f"serving a page needs {error.name}, which is not installed: "
            "pip install 'pix2pix-tf[serve]'"
        ) from error
    with _listen(host, port) as listener:
        from pix2pix_tf.web.app import LoopbackOnly  # needs Starlette

        app = LoopbackOnly(make_app()) if is_loopback(host) else make_app()
        ready(_address(host, listener.getsockname()[1]))
        config = uvicorn.Config(
            app,
            http="h11",  # bounds the size of a request's head
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=5,
        )
        uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=MAX_CONNECTIONS)
        # Connections inherit this; asyncio sets it only for sockets of its own. Without it, each
        # response's body waits some 40 ms for its head to be acknowledged.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"--host {host} --port {port}: cannot be listened on: {reason}; give another one"
        ) from None


def _address(host: str, port: int) -> str:
    if host in ("0.0.0.0", "::"):  # every address of the machine
        host = socket.gethostname()
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
