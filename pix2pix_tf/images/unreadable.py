"""A context manager that reports all unreadable images at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pix2pix_tf.images.io import decode_image
from pix2pix_tf.utils.errors import UserError, raise_problems
from pix2pix_tf.utils.parallel import parallel_map


@contextmanager
def report_all_unreadable(
    paths: Sequence[Path], read: Callable[[Path], object] = decode_image
) -> Iterator[None]:
    """Replaces an error about one of several images by an error about all that cannot be read.

    The other images are opened only after such an error; errors about other files are unchanged.

    Args:
        paths: The images that are read within the context.
        read: Function that reads one of them, or raises a `UserError`.

    Raises:
        UserError: One or more of the images cannot be read.
    """

    def problem_of(path: Path) -> str | None:
        try:
            read(path)
        except UserError as error:
            return str(error)
        return None

    try:
        yield
    except UserError as error:
        if any(str(path) in str(error) for path in paths):
            problems = [problem for problem in parallel_map(problem_of, paths) if problem]
            if len(problems) > 1:
                raise_problems(problems)
        raise
