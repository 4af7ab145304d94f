"""Reading of pairs from files: the input and the target of a run.

Images have the type, the values and the size of their files here, [H, W, C].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.checking.outside import given_ranges
from pix2pix_tf.data.derived.derivation import derivation
from pix2pix_tf.data.layout.pair_files import PairFiles, SideTypes, decode_pair, read_pair
from pix2pix_tf.data.layout.pair_spec import pair_spec
from pix2pix_tf.images.crops import Window
from pix2pix_tf.images.image_file import Reading
from pix2pix_tf.images.io import decode_image
from pix2pix_tf.images.value_range import EIGHT_BIT, PairValues, image_values
from pix2pix_tf.images.windows import ImageWindows, windows_save_time

Pair = tuple[np.ndarray, np.ndarray]  # input and target
Derive = Callable[[np.ndarray, str], np.ndarray]  # from a photograph and its name to an input


class PairSource:
    """Reads the input and the target of pairs by the config of a run.

    Attributes:
        spec: The input and the target of a pair.
        derivation: The derivation of inputs from photographs; None if inputs are read.
        ranges: The ranges that the config gives for the values of the sides.
    """

    def __init__(self, config: Config) -> None:
        """Initializes the source.

        Args:
            config: The config of the run.
        """
        self.spec = pair_spec(config.data)
        self.derivation = derivation(config)
        self.ranges = given_ranges(config.data, self.spec)
        self._data = config.data

    @property
    def at_own_size(self) -> bool:
        """Whether images are not resized."""
        return self._data.scale in ("native", 1)

    def values(self, types: SideTypes) -> PairValues:
        """Returns the types and the meaning of the values of inputs and targets.

        Args:
            types: The data types of the files of each side.

        Raises:
            UserError: The files have no range of their own and the config gives none.
        """
        if self.spec.input is None:
            return EIGHT_BIT  # inputs are derived of 8 bits
        return PairValues(
            image_values(
                self._data.input_range, types.get(self.spec.input.name, ()), "data.input_range"
            ),
            image_values(
                self._data.target_range, types.get(self.spec.target.name, ()), "data.target_range"
            ),
        )

    def read(self, files: PairFiles) -> Pair:
        """Reads the input and the target of a pair.

        If inputs are derived, both are the photograph, uint8: the input is derived from it after
        it is resized.

        Args:
            files: The file or the two files of the pair.

        Returns:
            Input and target, each [H, W, C] of the type of its file.

        Raises:
            UserError: A file cannot be read, or the two do not fit together.
        """
        if self.derivation is not None:
            photo = self.derivation.photograph(self._decode_photo(files))
            return photo, photo
        return self.directed(*read_pair(files, self.spec))

    def directed(self, a: np.ndarray, b: np.ndarray) -> Pair:
        """Returns the input and the target of a pair with the sides A and B, see `read`."""
        sides = {"A": a, "B": b, "photo": a}
        target = sides[self.spec.target.name]
        if self.derivation is not None or self.spec.input is None:
            return target, target
        return sides[self.spec.input.name], target

    def window(self, files: PairFiles, window: Window) -> Pair | None:
        """Reads a window of both images of a pair, which are of the same size.

        Args:
            files: The file or the two files of the pair.
            window: The window, within the images.

        Returns:
            Input and target, each [height, width, C] of the type of its file, as parts of `read`'s
            result; None if only whole files can be read, or if that takes no longer.

        Raises:
            UserError: A file cannot be read.
        """
        if self.derivation is not None or self.spec.input is None:
            return None
        parts = []
        for side in (self.spec.input, self.spec.target):
            key = "A|B" if files.b is None else side.name
            path = files.sides[key]
            axes = self.spec.reading_of(key).axes
            reading = Reading(side.channels, axes, (side.nodata,), side.array)
            if not windows_save_time(path, reading):
                return None
            half = side.half if files.b is None else None
            with ImageWindows(path, reading, half=half) as image:
                rows = slice(window.top, window.top + window.height)
                parts.append(image[rows, window.left : window.left + window.width])
        return parts[0], parts[1]

    def derive_on_reading(self, *, training: bool) -> Derive | None:
        """Returns the function that derives inputs when pairs are read.

        In training, holes are cut into crops instead, see `Derivation.input_of_crop`.

        Args:
            training: Whether the pairs are training pairs.

        Returns:
            A function from a photograph and its name to the input; None if inputs are not derived
            when pairs are read.
        """
        if self.derivation is None or (training and self.derivation.masks):
            return None
        return self.derivation.input_of

    def _decode_photo(self, files: PairFiles) -> np.ndarray:
        if files.is_photo:
            return decode_image(files.a, *self.spec.reading_of("photo"))
        # Both sides are decoded to check that they fit together.
        return decode_pair(files, self.spec)[self.spec.target.half]
