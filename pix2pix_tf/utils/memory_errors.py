"""Out-of-memory errors of Python, TensorFlow and XLA: recognising and explaining them."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pix2pix_tf.utils.errors import UserError

# Texts of errors without a class of their own: C++'s, a GPU allocator's, oneDNN's (status 1),
# Python's from within an input pipeline.
_WORDS = (
    "std::bad_alloc",
    "OOM when allocating",
    "out of memory",
    "failed to allocate",
    "CUDA_ERROR_OUT_OF_MEMORY",
    "_STATUS_ALLOC_FAILED",
    "Cannot allocate memory",
    "Unable to allocate",
    "MemoryError",
    "Operation received an exception:Status: 1,",
)
# TensorFlow raises ResourceExhaustedError for disks and numbers of open files too.
_OTHERS = ("No space left on device", "Disk quota exceeded", "Too many open files")


def out_of_memory(error: BaseException) -> bool:
    """Whether an error, or one of its causes, is an out-of-memory error."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        if not isinstance(cause, UserError) and _of_memory(cause):
            return True
        seen.add(id(cause))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return False


def _of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    text = str(error)
    if any(words in text for words in _OTHERS):
        return False
    if type(error).__name__ == "ResourceExhaustedError":  # TensorFlow need not be imported
        return True
    lowered = text.lower()
    return isinstance(error, Exception) and any(words.lower() in lowered for words in _WORDS)


@contextmanager
def explain_out_of_memory(sentence: Callable[[], str]) -> Iterator[None]:
    """Turns out-of-memory errors of its block into a `UserError` that says what to do.

    Args:
        sentence: Makes the message, when it is needed.

    Raises:
        UserError: There was too little memory.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if not out_of_memory(error):
            raise
        raise UserError(sentence()) from error
