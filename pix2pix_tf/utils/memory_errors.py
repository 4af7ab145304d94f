"""Recognition and messages of out-of-memory errors of Python, TensorFlow and XLA."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pix2pix_tf.utils.errors import UserError

# Texts of errors that have no exception class of their own: those of C++, of GPU allocators, of
# oneDNN (status 1), and of Python within an input pipeline.
_MEMORY_TEXTS = (
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
# TensorFlow also raises ResourceExhaustedError for full disks and too many open files.
_OTHER_TEXTS = ("No space left on device", "Disk quota exceeded", "Too many open files")


def out_of_memory(error: BaseException) -> bool:
    """Whether an error, or one of its causes, is an out-of-memory error."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        if not isinstance(cause, UserError) and _is_memory_error(cause):
            return True
        seen.add(id(cause))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return False


def _is_memory_error(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    text = str(error)
    if any(words in text for words in _OTHER_TEXTS):
        return False
    if type(error).__name__ == "ResourceExhaustedError":  # TensorFlow need not be imported
        return True
    lowered = text.lower()
    return isinstance(error, Exception) and any(words.lower() in lowered for words in _MEMORY_TEXTS)


@contextmanager
def explain_out_of_memory(sentence: Callable[[], str]) -> Iterator[None]:
    """Converts out-of-memory errors of its block to a `UserError` that says what to do.

    Args:
        sentence: Returns the message; called only after an error.

    Raises:
        UserError: The block ran out of memory.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if not out_of_memory(error):
            raise
        raise UserError(sentence()) from error
