"""Web page for drawing and translating in the browser, as a folder for any static web server.

The page's own files are in `page/`. The runtime is LiteRT.js, which `make web-assets` copies to
`litert/` and which the wheel includes. The page loads nothing from other servers. `pix2pix_tf.demo`
serves the same page with another `model.js`, for models that are too large for a browser.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from pix2pix_tf.config.schema import DataConfig
from pix2pix_tf.exporters.page_task import PageImages, is_array, page_display, page_task
from pix2pix_tf.images.io import encode_npy, encode_png
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.strict_json import strict_json

PAGE = Path(__file__).with_name("page")
RUNTIME = Path(__file__).with_name("litert")


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
    folder: Path, title: str, model: bytes, data: DataConfig, images: PageImages
) -> None:
    """Writes the page.

    Args:
        folder: An empty folder.
        title: Title of the page.
        model: A TFLite model of fixed size with float32 input and output.
        data: Data config of the run.
        images: Typical images of the model's size.
    """
    shutil.copytree(PAGE, folder, dirs_exist_ok=True)
    shutil.copytree(RUNTIME, folder / "litert")
    (folder / "model.tflite").write_bytes(model)
    for name, content in example_files(data, images).items():
        (folder / name).write_bytes(content)
    task = {**page_task(title, data, images), "modelBytes": len(model)}
    (folder / "page.json").write_text(strict_json(task) + "\n", encoding="utf-8")


def example_files(data: DataConfig, images: PageImages) -> dict[str, bytes]:
    """Returns the files of the input that a page opens with, by their names.

    They are `example.png`, as it is shown, and `example.npy` with its values if inputs are arrays
    for the page.
    """
    image, inputs = images.inputs[0], images.values.input
    shown = page_display(data, images).input(inputs.full_scale(image))
    files = {"example.png": encode_png(shown)}
    if is_array(inputs, image.shape[-1]):
        files["example.npy"] = encode_npy(image)
    return files
