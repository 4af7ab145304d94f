"""Pairs by number, of one size and type, as training and evaluation take them."""

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
        names: The names of the pairs; outputs take them.
        files: The file or the two files of each pair; empty where pairs are drawn, not read.
        size: Height and width that every image is resized to, bicubically.
        dtype: uint16 where any of the images has 16 bits, else uint8.
        failure: The error of a read that failed within a tf.data pipeline, which itself only
            passes on a text.
    """

    def __init__(
        self,
        names: Sequence[str],
        read: Callable[[int], Pair],
        size: tuple[int, int],
        dtype: np.dtype,
        cache: bool,
        derive: Derive | None = None,
        files: Sequence[tuple[Path, ...]] = (),
    ) -> None:
        """Takes how pairs are read.

        Args:
            names: The names of the pairs.
            read: Reads a pair by its number, at the size of its files.
            size: Height and width that every image is resized to.
            dtype: uint16 or uint8.
            cache: Whether pairs are kept in memory once they are read.
            derive: Derives the input of the target and the pair's name; None where it is read.
            files: The file or the two files of each pair.
        """
        self.names = list(names)
        self.files = list(files)
        self.size = size
        self.dtype = np.dtype(dtype)
        self.failure: UserError | None = None
        self._read = read
        self._derive = derive
        self._cache: dict[int, Pair] | None = {} if cache else None

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Pair:  # type: ignore[override]  # no slices
        if self._cache is None:
            return self._load(index)
        if index not in self._cache:
            self._cache[index] = self._load(index)
        return self._cache[index]

    def original(self, index: int) -> Pair:
        """A pair at the size of its files, its input not derived.

        Raises:
            UserError: A file cannot be read; `failure` keeps the error.
        """
        try:
            return self._read(index)
        except UserError as error:
            self.failure = error
            raise

    def at_size(self, size: tuple[int, int], derive: Derive | None) -> Pairs:
        """The same pairs at another height and width, and with inputs derived otherwise."""
        return Pairs(self.names, self._read, size, self.dtype, False, derive, self.files)

    def _load(self, index: int) -> Pair:
        first, second = self.original(index)
        if self._derive is not None:  # at the size it is seen at: resized lines would be blurred
            photo = self._fit(second)
            return self._derive(photo, self.names[index]), photo
        return self._fit(first), self._fit(second)

    def _fit(self, image: np.ndarray) -> np.ndarray:
        image = resize_image(image, *self.size)
        return to_16bit(image) if self.dtype == np.uint16 else image
