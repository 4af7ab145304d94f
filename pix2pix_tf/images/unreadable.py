"""Naming all unreadable files at once, where work on many files ends at the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pix2pix_tf.images.io import decode_image
from pix2pix_tf.utils.errors import UserError, raise_problems
from pix2pix_tf.utils.parallel import parallel_map


@contextmanager
def report_all_unreadable(paths: Sequence[Path]) -> Iterator[None]:
    """Turns an error about one of these images into one about all that cannot be read.

    The other images are only opened after an error; one about something else stays as it is.

    Args:
        paths: The images that are read within the context.

    Raises:
        UserError: One or more of them cannot be read.
    """
    try:
        yield
    except UserError as error:
        if any(str(path) in str(error) for path in paths):
            problems = [problem for problem in parallel_map(_problem, paths) if problem]
            if len(problems) > 1:
                raise_problems(problems)
        raise


def _problem(path: Path) -> str | None:
    try:
        decode_image(path)
    except UserError as error:
        return str(error)
    return None
