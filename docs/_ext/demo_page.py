"""The page to draw on, as `pix2pix-tf export --format web` writes it, with docs/demo's model."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.datasets.sample_city import render_city
from pix2pix_tf.exporters import web
from pix2pix_tf.exporters.page_task import PageImages

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DEMO = Path(__file__).parents[1] / "demo"
SIZE = 256  # of the exported model
_FIRST_CITY = 1_000_003  # what the page opens with, and no training saw
_CITIES = 12  # whose colours are on offer


def markdown(_: str = "") -> str:
    """The page within a page; where the browser runtime is missing, how to get it."""
    if not _available():
        return (
            "```{note}\nThis build of the site lacks the page: `make web-assets` in a checkout (it "
            "needs npm) gets the browser runtime, then `make docs` builds the site with it.\n```"
        )
    return (
        '<iframe class="demo" src="demo/index.html" title="Draw a street map"></iframe>\n\n'
        '<p><a href="demo/index.html">Open it as a page of its own</a></p>'
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Writes the page into the site once that is built."""
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _available() -> bool:
    return (web.RUNTIME / "index.js").is_file()


def _write(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    if not _available():
        print("the site lacks the page to draw on: run `make web-assets` first", file=sys.stderr)
        return
    folder = Path(app.outdir) / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    config = load_config(DEMO / "demo.yaml")
    model = (DEMO / "model.tflite").read_bytes()
    images = PageImages(_street_maps())
    web.write_page(folder, "Street map → aerial photo", model, config.data, images)


def _street_maps() -> list[np.ndarray]:
    cities = range(_FIRST_CITY, _FIRST_CITY + _CITIES)
    return [render_city(seed, SIZE, SIZE).street_map for seed in cities]
