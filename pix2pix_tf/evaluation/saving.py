"""Saves outputs and targets as two flat folders, such as torch-fidelity and clean-fid take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pix2pix_tf.evaluation.metrics.metric import EvaluationItem
from pix2pix_tf.images.convert import for_display
from pix2pix_tf.images.io import write_image
from pix2pix_tf.images.value_range import ImageValues
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import atomic_directory, check_new_directory


@contextmanager
def saved_images(
    folder: Path, values: ImageValues, channels: int
) -> Iterator[Callable[[EvaluationItem], None]]:
    """Provides a function that writes an item to `outputs/NAME.png` and `targets/NAME.png`.

    Colours are written as 8-bit RGB; other images as TIFF files with their own channels, type and
    values. Sub-folders in names become part of the file name. The folder is created at the end of
    the context, and only if no error occurred.

    Args:
        folder: The folder to create.
        values: The type and the meaning of the values of the images.
        channels: The number of their channels.

    Yields:
        A function that saves an item.

    Raises:
        UserError: The folder already exists, or two items would have the same file name.
    """
    check_new_directory(folder)
    are_colours = values.are_colours(channels)
    suffix = ".png" if are_colours else ".tif"
    with atomic_directory(folder) as partial:
        for side in ("outputs", "targets"):
            (partial / side).mkdir()

        def save(item: EvaluationItem) -> None:
            name = f"{item.name.replace('/', '--')}{suffix}"
            if (partial / "outputs" / name).exists():
                raise UserError(f"{item.name}: another image would be saved as {name} too")
            for side, image in (("outputs", item.output), ("targets", item.target)):
                pixels = for_display(image) if are_colours else values.from_full_scale(image)
                write_image(partial / side / name, pixels)

        yield save
