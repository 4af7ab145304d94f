"""Opening of the images of a large dataset during its training, see `data.checking.pending`."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import TracebackType

from pix2pix_tf.data.checking.check_pairs import SkippedPair
from pix2pix_tf.data.checking.pending import PendingPairs
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.helper_processes import HelperLostError, HelperProcesses
from pix2pix_tf.utils.text import NAMED_AT_MOST, pluralize


class BackgroundCheck:
    """Opens all pairs that have not been opened, in helper processes; a context manager.

    Attributes:
        error: What is wrong with the data, which is to stop the training; None if nothing is.
    """

    def __init__(self, pending: PendingPairs | None, skip: Callable[[SkippedPair], None]) -> None:
        """Initializes the check; the context starts it.

        Args:
            pending: The pairs; None if all have been opened.
            skip: Called by `lines` with each pair that is bad and left out.
        """
        self.error: UserError | None = None
        self._pending, self._skip = pending, skip
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._helpers = HelperProcesses(low_priority=True)
        self._stopping = False
        self._opened = 0
        self._skipped = 0
        self._thread = threading.Thread(target=self._run, name="check of images", daemon=True)

    def __enter__(self) -> BackgroundCheck:
        if self._pending is not None:
            self._helpers.__enter__()
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping = True
        if self._pending is not None:
            self._helpers.kill()
            self._thread.join()
            self._helpers.__exit__(kind, error, traceback)

    def lines(self) -> list[str]:
        """Returns the sentences for the user since the last call."""
        lines = []
        for pair in () if self._pending is None else self._pending.new_bad():
            self._skip(pair)
            self._skipped += 1
            if self._skipped <= NAMED_AT_MOST:
                lines.append(f"warning: skipped: {' '.join(pair.problems)}")
            elif self._skipped == NAMED_AT_MOST + 1:
                lines.append("warning: more pairs are skipped, see the run's skipped.txt")
        return lines + [self._lines.get() for _ in range(self._lines.qsize())]

    def unfinished(self) -> list[str]:
        """Returns a sentence about images that have not been opened, if there are any."""
        if self._pending is None or not self._thread.is_alive():
            return []
        left = len(self._pending) - self._opened
        return [
            f"checked: {left:,} of {len(self._pending):,} training pairs have not been opened "
            "(`pix2pix-tf data check` opens all)"
        ]

    def _run(self) -> None:
        assert self._pending is not None
        try:
            warnings = self._pending.open_rest(self._helpers, self._advance)
        except HelperLostError as error:
            if not self._stopping:
                self._lines.put(
                    f"warning: the check of images has ended: {error}. Each image that was not "
                    "opened yet will be before it is trained on."
                )
        except UserError as error:
            self.error = error
        else:
            bad = pluralize(len(self._pending.bad), "bad pair")
            self._lines.put(
                f"checked: the other {len(self._pending):,} training pairs have been opened, {bad} "
                "among them"
            )
            for warning in warnings:
                self._lines.put(f"warning: {warning}")

    def _advance(self, total: int) -> None:
        self._opened += 1
