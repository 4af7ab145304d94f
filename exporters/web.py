"""Web page for drawing and translating in the browser, as a folder for any static web server.

The page's own files are in `page/`. The runtime is LiteRT.js, which `make web-assets` copies to
`litert/` and which the wheel includes. The page loads nothing from other servers. `pix2pix_tf.demo`
serves the same page with another `model.js`, for models that are too large for a browser.
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
COLOURS = 12  # largest number of colours in the palette
_COARSE = 16  # levels per channel that are grouped into one colour at first
_APART = 24  # smallest difference of palette colours, in levels of the channel that differs most
_RARE = 0.002  # smallest fraction of the pixels that a palette colour has


def check_runtime() -> None:
    """Checks that LiteRT.js is installed.

    Raises:
        UserError: It is not; the error says how to install it.
    """
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
        folder: An empty folder.
        title: Title of the page.
        model: A TFLite model of fixed size with float32 input and output.
        data: Data config of the run, for the numbers of channels.
        inputs: Typical input images of the model's size, in full scale. The page opens with the
            first one, and their most common colours are the palette to draw with.
    """
    shutil.copytree(PAGE, folder, dirs_exist_ok=True)
    shutil.copytree(RUNTIME, folder / "litert")
    (folder / "model.tflite").write_bytes(model)
    write_image(folder / "example.png", for_display(inputs[0]))
    task = {**page_task(title, data, inputs), "modelBytes": len(model)}
    (folder / "page.json").write_text(strict_json(task) + "\n", encoding="utf-8")


def page_task(title: str, data: DataConfig, inputs: Sequence[np.ndarray]) -> dict[str, Any]:
    """Returns the content of `page.json`, which does not depend on where the model runs.

    Args:
        title: Title of the page.
        data: Data config of the run.
        inputs: Typical input images, see `write_page`.

    Returns:
        Values for JSON.

    Raises:
        UserError: A browser has no images of so many channels.
    """
    if max(data.image_channels) > 4:
        raise UserError(
            "a page shows images of 1 to 4 channels, and this run has "
            f"{max(data.image_channels)} (data.input_channels, data.target_channels)"
        )
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
    """Returns the most common colours of images, such as the palette of label images.

    Colours that are similar to a more common one are left out, because compression blurs the
    borders of labels.

    Args:
        images: Images in full scale, [H, W, C], see `for_display`.

    Returns:
        RGB colours in 0..255, the most common one first.
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
