"""Sequence of pairs of one size and type for training and evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf.data.checking.pending import PendingPairs
from pix2pix_tf.data.source import Derive, Pair
from pix2pix_tf.images.convert import resize_image
from pix2pix_tf.images.value_range import ImageValues, PairValues
from pix2pix_tf.utils.errors import UserError


class Pairs(Sequence[Pair]):
    """A sequence of (input, target), all inputs and all targets [H, W, C] of one size and type.

    Attributes:
        names: The names of the pairs, which their outputs get too.
        files: The file or the two files of each pair; empty if pairs are drawn rather than read.
        size: Height and width in pixels that every image is resized to, bicubically.
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
        size: tuple[int, int],
        values: PairValues,
        derive: Derive | None = None,
        files: Sequence[tuple[Path, ...]] = (),
        keep: int = 0,
        pending: PendingPairs | None = None,
    ) -> None:
        """Initializes the sequence; no pair is read yet.

        Args:
            names: The names of the pairs.
            read: Function that reads a pair by its number, at the size of its files.
            size: Height and width in pixels that every image is resized to.
            values: The types and the meaning of the values of inputs and targets.
            derive: Function that derives the input from the target and the pair's name; None if the
                input is read.
            files: The file or the two files of each pair.
            keep: The number of pairs that are kept in memory once they are read, at most.
            pending: The pairs whose contents have not been opened; None if all have been, or need
                not be.
        """
        self.names = list(names)
        self.files = list(files)
        self.size = size
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

    def at_size(self, size: tuple[int, int], derive: Derive | None) -> Pairs:
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
        first, second = self.original(index)
        if self._derive is not None:  # after resizing, which would blur derived lines
            photo = self._fit(second, self.values.target)
            return self._derive(photo, self.names[index]), photo
        return self._fit(first, self.values.input), self._fit(second, self.values.target)

    def _fit(self, image: np.ndarray, values: ImageValues) -> np.ndarray:
        return values.unify(resize_image(image, *self.size))
