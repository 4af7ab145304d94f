"""Saves outputs and targets as two flat folders of PNG files for torch-fidelity and clean-fid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pix2pix_tf.evaluation.metrics.metric import EvaluationItem
from pix2pix_tf.images.convert import for_display
from pix2pix_tf.images.io import write_image
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import atomic_directory, check_new_directory


@contextmanager
def saved_images(folder: Path) -> Iterator[Callable[[EvaluationItem], None]]:
    """Provides a function that writes an item to `outputs/NAME.png` and `targets/NAME.png`.

    All images are 8-bit RGB. Sub-folders in names become part of the file name. The folder is
    created at the end of the context, and only if no error occurred.

    Args:
        folder: The folder to create.

    Yields:
        A function that saves an item.

    Raises:
        UserError: The folder already exists, or two items would have the same file name.
    """
    check_new_directory(folder)
    with atomic_directory(folder) as partial:
        for side in ("outputs", "targets"):
            (partial / side).mkdir()

        def save(item: EvaluationItem) -> None:
            name = f"{item.name.replace('/', '--')}.png"
            if (partial / "outputs" / name).exists():
                raise UserError(f"{item.name}: another image would be saved as {name} too")
            write_image(partial / "outputs" / name, for_display(item.output))
            write_image(partial / "targets" / name, for_display(item.target))

        yield save
