"""Sequence of pairs of one size and type for training and evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf.data.source import Derive, Pair
from pix2pix_tf.images.convert import resize_image, to_16bit
from pix2pix_tf.utils.errors import UserError


class Pairs(Sequence[Pair]):
    """A sequence of (input, target), each uint8 or uint16 [H, W, C] of one size and type.

    Attributes:
        names: The names of the pairs, which their outputs get too.
        files: The file or the two files of each pair; empty if pairs are drawn rather than read.
        size: Height and width in pixels that every image is resized to, bicubically.
        dtype: uint16 if any of the images has 16 bits, else uint8.
        keep: The number of pairs that are kept in memory once they are read, at most.
        failure: The error of a read that failed within a tf.data pipeline, which itself only
            passes on its text; None if no read has failed.
    """

    def __init__(
        self,
        names: Sequence[str],
        read: Callable[[int], Pair],
        size: tuple[int, int],
        dtype: np.dtype,
        derive: Derive | None = None,
        files: Sequence[tuple[Path, ...]] = (),
        keep: int = 0,
    ) -> None:
        """Initializes the sequence; no pair is read yet.

        Args:
            names: The names of the pairs.
            read: Function that reads a pair by its number, at the size of its files.
            size: Height and width in pixels that every image is resized to.
            dtype: uint16 or uint8.
            derive: Function that derives the input from the target and the pair's name; None if the
                input is read.
            files: The file or the two files of each pair.
            keep: The number of pairs that are kept in memory once they are read, at most.
        """
        self.names = list(names)
        self.files = list(files)
        self.size = size
        self.dtype = np.dtype(dtype)
        self.failure: UserError | None = None
        self._read = read
        self._derive = derive
        self.keep = keep
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

    def original(self, index: int) -> Pair:
        """Reads a pair at the size of its files, without deriving its input.

        Args:
            index: The number of the pair.

        Returns:
            Input and target, each uint8 or uint16 [H, W, C].

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
        return Pairs(self.names, self._read, size, self.dtype, derive, self.files)

    def _load(self, index: int) -> Pair:
        first, second = self.original(index)
        if self._derive is not None:  # after resizing, which would blur derived lines
            photo = self._fit(second)
            return self._derive(photo, self.names[index]), photo
        return self._fit(first), self._fit(second)

    def _fit(self, image: np.ndarray) -> np.ndarray:
        image = resize_image(image, *self.size)
        return to_16bit(image) if self.dtype == np.uint16 else image
