"""A web page that draws and translates in the browser: a folder for any static web server.

The page's own files lie in `page/`; the runtime is LiteRT.js, taken by `make web-assets` into
`litert/` and carried in the wheel. Nothing is fetched from elsewhere. `pix2pix_tf.demo` serves the
same page with another `model.js`, for models too large for a browser.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pix2pix_tf.config.schema import DataConfig
from pix2pix_tf.images.convert import for_display
from pix2pix_tf.images.io import write_image
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.strict_json import strict_json

PAGE = Path(__file__).with_name("page")
RUNTIME = Path(__file__).with_name("litert")
COLOURS = 12  # on offer at most
_COARSE = 16  # levels a channel that count as one colour at first
_APART = 24  # levels, in the channel that differs most, between two colours on offer
_RARE = 0.002  # share of the pixels below which a colour is not offered


def check_runtime() -> None:
    """Raises a `UserError` that says what to do if LiteRT.js is not there."""
    if not (RUNTIME / "index.js").is_file():
        raise UserError(
            "format web: this checkout lacks the browser runtime; run `make web-assets` in it "
            "(which needs npm), or install the wheel, which has it"
        )


def write_page(
    folder: Path, title: str, model: bytes, data: DataConfig, inputs: Sequence[np.ndarray]
) -> None:
    """Writes the page.

    Args:
        folder: An empty one.
        title: What the page is called.
        model: A TFLite model of fixed size, float32 in and out.
        data: Of the run: its channels.
        inputs: Typical input images of the model's size: the first is what the page opens with,
            and their commonest colours are those it offers to draw with.
    """
    shutil.copytree(PAGE, folder, dirs_exist_ok=True)
    shutil.copytree(RUNTIME, folder / "litert")
    (folder / "model.tflite").write_bytes(model)
    write_image(folder / "example.png", for_display(inputs[0]))
    task = {**page_task(title, data, inputs), "modelBytes": len(model)}
    (folder / "page.json").write_text(strict_json(task) + "\n", encoding="utf-8")


def page_task(title: str, data: DataConfig, inputs: Sequence[np.ndarray]) -> dict[str, Any]:
    """What `page.json` tells the page, wherever its model runs; arguments as of `write_page`."""
    palette = [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in common_colours(inputs)]
    height, width = inputs[0].shape[:2]
    return {
        "title": title,
        "height": height,
        "width": width,
        "inputChannels": data.image_channels[0],
        "targetChannels": data.image_channels[1],
        "palette": palette,
        "background": palette[0],
    }


def common_colours(images: Sequence[np.ndarray]) -> list[tuple[int, ...]]:
    """The commonest colours of images, RGB in 0..255, the commonest first: a label palette.

    Colours that are much like a commoner one are left out: compression blurs the borders of labels.
    """
    pixels = np.concatenate([for_display(image).reshape(-1, 3) for image in images])
    coarse = (pixels // _COARSE).astype(np.int32) @ [1, 256, 65536]
    _, members, counts = np.unique(coarse, return_inverse=True, return_counts=True)
    chosen: list[np.ndarray] = []
    for group in np.argsort(-counts, kind="stable"):
        if len(chosen) == COLOURS or counts[group] < _RARE * len(pixels):
            break
        colour = np.median(pixels[members == group], axis=0)
        if all(np.abs(colour - other).max() >= _APART for other in chosen):
            chosen.append(colour)
    return [tuple(int(level) for level in colour.round()) for colour in chosen]
