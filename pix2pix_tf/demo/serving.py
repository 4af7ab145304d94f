"""A run's model behind its page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pix2pix_tf.web.server import serve_page

if TYPE_CHECKING:
    from starlette.applications import Starlette

INPUTS = 20  # pictures whose colours are offered to draw with


def serve(
    run_dir: str | Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    checkpoint: str = "newest",
    pictures: str | Path | None = None,
    overrides: Sequence[str] = (),
    ready: Callable[[str, int], None] = lambda address, step: None,
) -> None:
    """Serves a run's page until a signal stops it; see `pix2pix_tf.web.server.serve_page`.

    Args:
        run_dir: The run directory.
        host: See there.
        port: See there.
        checkpoint: `newest` or `best`.
        pictures: A folder of input pictures, of which the first is what the page opens with and
            whose commonest colours are those it offers, or of photographs where inputs are made
            of such; by default the run's validation pairs.
        overrides: Where the run's data lies now, see `run_data.run_config`.
        ready: Called with the page's address and the model's training step once it translates.

    Raises:
        UserError: As there; no such run or checkpoint, or neither its data nor `pictures` are
            there.
    """
    step = 0

    def make() -> Starlette:
        nonlocal step
        from pix2pix_tf.demo.app import make_app  # needs Starlette
        from pix2pix_tf.exporters.inputs import run_inputs, spread_inputs
        from pix2pix_tf.inference.translator import Translator
        from pix2pix_tf.runs.data import run_config
        from pix2pix_tf.runs.run import Run

        translator = Translator(run_dir, checkpoint=checkpoint)
        step = translator.step
        size = translator.config.data.crop_size
        config = run_config(Run(Path(run_dir)), overrides)
        _, shown = run_inputs(config, translator.source, pictures, size)
        inputs = spread_inputs(shown, INPUTS)
        for dropout in (True, False):  # traced now, so that no visitor waits for it
            translator(inputs[0], dropout=dropout)
        return make_app(translator, Path(run_dir).absolute().name, inputs)

    serve_page(make, host, port, lambda address: ready(address, step))
