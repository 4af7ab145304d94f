"""The study's application, served."""

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
    """Serves a study until a signal stops it; see `pix2pix_tf.web.server.serve_page`.

    Raises:
        UserError: As there; no study in `folder`, or parts of it are missing.
    """

    def make() -> Starlette:
        from pix2pix_tf.study.app import make_app  # needs Starlette

        return make_app(folder)

    serve_page(make, host, port, ready)
