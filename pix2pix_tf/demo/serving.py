"""Serving of the demo's page for a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pix2pix_tf.web.server import serve_page

if TYPE_CHECKING:
    from starlette.applications import Starlette

MAX_INPUTS = 20  # images whose colours are offered to draw with


def serve(
    run_dir: str | Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    direction: str | None = None,
    checkpoint: str = "newest",
    images: str | Path | None = None,
    overrides: Sequence[str] = (),
    ready: Callable[[str, int], None] = lambda address, step: None,
) -> None:
    """Serves a page for a run's model until a signal stops it.

    Args:
        run_dir: The run directory.
        host: Address to listen on; by default only this machine can reach it.
        port: Port to listen on; 0 takes any free one.
        direction: `AtoB` or `BtoA`, see `Translator`; by default as in training.
        checkpoint: `newest` or `best`.
        images: A folder of inputs, or of photographs where inputs are derived from these; the page
            opens with the first and offers their most common colours to draw with. By default the
            run's validation pairs.
        overrides: Overrides of the run's data settings, see `pix2pix_tf.runs.data.run_config`.
        ready: Called with the page's address and the model's training step once it can translate.

    Raises:
        UserError: There is no such run, checkpoint or direction, neither its data nor `images` are
            there, or the address cannot be listened on, see `pix2pix_tf.web.server.serve_page`.
    """
    step = 0

    def make() -> Starlette:
        nonlocal step
        from pix2pix_tf.demo.app import make_app  # needs Starlette
        from pix2pix_tf.exporters.inputs import run_inputs, spread_inputs
        from pix2pix_tf.inference.translator import Translator
        from pix2pix_tf.runs.data import run_config
        from pix2pix_tf.runs.run import Run

        translator = Translator(run_dir, direction=direction, checkpoint=checkpoint)
        step = translator.step
        size = translator.config.data.crop_size
        config = run_config(Run(Path(run_dir)), overrides, translator.direction)
        _, shown = run_inputs(config, translator.source, images, size)
        inputs = spread_inputs(shown, MAX_INPUTS)
        for dropout in (True, False):  # traced before the first request
            translator(inputs[0], dropout=dropout)
        return make_app(translator, Path(run_dir).absolute().name, inputs)

    serve_page(make, host, port, lambda address: ready(address, step))
