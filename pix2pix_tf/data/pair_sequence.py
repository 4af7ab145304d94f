"""Sequence of pairs of one type, and mostly of one size, for training and evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf.data.augment import Size, Window, cut
from pix2pix_tf.data.checking.pending import PendingPairs
from pix2pix_tf.data.source import Derive, Pair
from pix2pix_tf.images.convert import resize_image
from pix2pix_tf.images.value_range import ImageValues, PairValues
from pix2pix_tf.utils.errors import UserError

ReadWindow = Callable[[int, Window], Pair | None]


class Pairs(Sequence[Pair]):
    """A sequence of (input, target), all inputs and all targets [H, W, C] of one type.

    Both images of a pair have the same size, and all pairs too unless `size` is None.

    Attributes:
        names: The names of the pairs, which their outputs get too.
        files: The file or the two files of each pair; empty if pairs are drawn rather than read.
        size: Height and width in pixels that every image is resized to, bicubically; None if pairs
            have sizes of their own, see `size_of`.
        values: The types and the meaning of the values of inputs and targets.
        keep: The number of pairs that are kept in memory once they are read, at most.
        failure: The error of a read that failed within a tf.data pipeline, which itself only
            passes on its text; None if no read has failed.
        pending: The pairs whose contents have not been opened; None if all have been.
    """

    def __init__(
        self,
        names: Sequence[str],
        read: Callable[[int], Pair],
        size: Size | Sequence[Size],
        values: PairValues,
        derive: Derive | None = None,
        files: Sequence[tuple[Path, ...]] = (),
        keep: int = 0,
        read_window: ReadWindow | None = None,
        pending: PendingPairs | None = None,
    ) -> None:
        """Initializes the sequence; no pair is read yet.

        Args:
            names: The names of the pairs.
            read: Function that reads a pair by its number, at the size of its files.
            size: Height and width in pixels that every image is resized to, or a list of those of
                each pair.
            values: The types and the meaning of the values of inputs and targets.
            derive: Function that derives the input from the target and the pair's name; None if the
                input is read.
            files: The file or the two files of each pair.
            keep: The number of pairs that are kept in memory once they are read, at most.
            read_window: Function that reads a window of a pair by its number, at the size of its
                files, without the rest, or returns None where the whole pair is to be read; None if
                pairs are resized.
            pending: The pairs whose contents have not been opened; None if all have been, or need
                not be.
        """
        self.names = list(names)
        self.files = list(files)
        self.size = size if isinstance(size, tuple) else None
        self._sizes = [] if isinstance(size, tuple) else list(size)
        self._read_window = read_window
        self.values = values
        self.failure: UserError | None = None
        self._read = read
        self._derive = derive
        self.keep = keep
        self.pending = pending
        self._kept: dict[int, Pair] = {}

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Pair:  # type: ignore[override]  # no slices
        pair = self._kept.get(index)
        if pair is None:
            pair = self._load(index)
            if len(self._kept) < self.keep:
                self._kept[index] = pair
        return pair

    def sound_index(self, index: int, *seed: int) -> int:
        """Returns the number of a pair, or of another one in its place if it is bad.

        It is for training pairs of large datasets, not all of which were opened beforehand.

        Args:
            index: The number of the pair.
            seed: Numbers that the substitute for a bad pair depends on, beside `index`.

        Raises:
            UserError: The pair is bad, and `data.on_bad_image` is `stop`; `failure` keeps the
                error.
        """
        if self.pending is None:
            return index
        try:
            return self.pending.sound_index(index, *seed)
        except UserError as error:
            self.failure = error
            raise

    def size_of(self, index: int) -> Size:
        """Returns the height and width of a pair in pixels."""
        return self._sizes[index] if self.size is None else self.size

    def crop(self, index: int, choose: Callable[[Size], Window], size: Size) -> Pair:
        """Returns a window of both images of a pair, resized to a crop's size.

        A window of a large file that is not kept in memory is read without the rest, where the file
        allows that.

        Args:
            index: The number of the pair.
            choose: Function from height and width of the pair to the window.
            size: Height and width in pixels of the result.

        Returns:
            Input and target, [height, width, C].

        Raises:
            UserError: A file cannot be read; `failure` keeps the error.
        """
        window = choose(self.size_of(index))
        pair = self._part(index, window)
        if pair is None:
            first, second = self[index]
            pair = cut(first, window), cut(second, window)
        return resize_image(pair[0], *size), resize_image(pair[1], *size)

    def original(self, index: int) -> Pair:
        """Reads a pair at the size of its files, without deriving its input.

        Args:
            index: The number of the pair.

        Returns:
            Input and target, each [H, W, C] of the type of its file.

        Raises:
            UserError: A file cannot be read; `failure` keeps the error.
        """
        try:
            return self._read(index)
        except UserError as error:
            self.failure = error
            raise

    def at_size(self, size: Size, derive: Derive | None) -> Pairs:
        """Returns the same pairs at another size and with another derivation of inputs.

        Args:
            size: Height and width in pixels that every image is resized to.
            derive: Function that derives the input from the target and the pair's name; None if the
                input is read.

        Returns:
            A new sequence, which does not keep pairs in memory.
        """
        values, pending = self.values, self.pending
        return Pairs(self.names, self._read, size, values, derive, self.files, pending=pending)

    def _load(self, index: int) -> Pair:
        size = self.size_of(index)
        first, second = self.original(index)
        if self._derive is not None:  # after resizing, which would blur derived lines
            photo = _fit(second, size, self.values.target)
            return self._derive(photo, self.names[index]), photo
        return _fit(first, size, self.values.input), _fit(second, size, self.values.target)

    def _part(self, index: int, window: Window) -> Pair | None:
        """Reads a window without the rest of the pair; None if the whole pair is to be read."""
        if self._read_window is None or index in self._kept or len(self._kept) < self.keep:
            return None
        if not window.within(self.size_of(index)):
            return None
        try:
            pair = self._read_window(index, window)
        except UserError as error:
            self.failure = error
            raise
        if pair is None:
            return None
        return self.values.input.unify(pair[0]), self.values.target.unify(pair[1])


def _fit(image: np.ndarray, size: Size, values: ImageValues) -> np.ndarray:
    return values.unify(resize_image(image, *size))
