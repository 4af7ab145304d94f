"""Serving of a study's page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pix2pix_tf.web.server import serve_page

if TYPE_CHECKING:
    from starlette.applications import Starlette


def serve(
    folder: str | Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serves a study until a signal stops it.

    Args:
        folder: The study's folder.
        host: Address to listen on; by default only this machine can reach it.
        port: Port to listen on; 0 takes any free one.
        ready: Called with the page's address once the server accepts connections.

    Raises:
        UserError: There is no study in `folder`, parts of it are missing, or the address cannot be
            listened on, see `pix2pix_tf.web.server.serve_page`.
    """

    def make() -> Starlette:
        from pix2pix_tf.study.app import make_app  # needs Starlette

        return make_app(folder)

    serve_page(make, host, port, ready)
