"""Outputs and targets as two flat folders of PNG files, as torch-fidelity and clean-fid take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pix2pix_tf.evaluation.metrics.measuring import Subject
from pix2pix_tf.images.io import write_image
from pix2pix_tf.images.sheets import for_display
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import refuse_existing, written_aside


@contextmanager
def saved_images(folder: Path) -> Iterator[Callable[[Subject], None]]:
    """Gives a function that writes a subject to `outputs/NAME.png` and `targets/NAME.png`.

    All is 8-bit RGB. Sub-folders of names become part of the file's name. The folder appears at
    the end, whole, or not at all.

    Raises:
        UserError: The folder is there already.
    """
    refuse_existing(folder)
    with written_aside(folder) as partial:
        for side in ("outputs", "targets"):
            (partial / side).mkdir()

        def save(subject: Subject) -> None:
            name = f"{subject.name.replace('/', '--')}.png"
            if (partial / "outputs" / name).exists():
                raise UserError(f"{subject.name}: another picture would be saved as {name} too")
            write_image(partial / "outputs" / name, for_display(subject.output))
            write_image(partial / "targets" / name, for_display(subject.target))

        yield save
