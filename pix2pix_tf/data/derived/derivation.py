"""Derivation of inputs from photographs as the config of a run describes it."""

from __future__ import annotations

import numpy as np

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.derived.inputs import (
    FIRST_FIXED_SEED,
    IDEMPOTENT,
    MASKS,
    fixed_mask_seed,
    make_input,
)
from pix2pix_tf.images.convert import to_8bit, to_channels


class Derivation:
    """Derives inputs from photographs by `data.derive`, the channels and the seed of a config.

    Attributes:
        kind: One of `derived.inputs.DERIVATIONS`.
        masks: Whether inputs are photographs with holes, which training cuts into each crop.
        idempotent: Whether deriving an input from an input gives the same input.
    """

    def __init__(self, config: Config) -> None:
        """Initializes the derivation.

        Args:
            config: The config of the run; its `data.derive` is one of `DERIVATIONS`.
        """
        self.kind = config.data.derive
        self.masks = self.kind in MASKS
        self.idempotent = self.kind in IDEMPOTENT
        self._input_channels, self._target_channels = config.data.image_channels
        self._seed = config.training.seed

    def photograph(self, image: np.ndarray) -> np.ndarray:
        """Converts an image to the photograph that is the target.

        Args:
            image: uint8 or uint16 [H, W, 1..4].

        Returns:
            uint8 [H, W, C] with the channels of the target.
        """
        return to_8bit(to_channels(image, self._target_channels))

    def input_of(self, photo: np.ndarray, name: str) -> np.ndarray:
        """Derives the input from a photograph.

        Args:
            photo: uint8 [H, W, 1..4].
            name: The name of the image, which determines the holes of `random_mask`.

        Returns:
            uint8 [H, W, C] with the channels of the input.
        """
        return self._derive(photo, fixed_mask_seed(self._seed, name))

    def input_of_crop(self, photo: np.ndarray, number: int) -> np.ndarray:
        """Derives the input from a crop in training, with other holes in each epoch.

        Args:
            photo: uint8 [H, W, 3].
            number: The number of the image, counted over all epochs.

        Returns:
            uint8 [H, W, C] with the channels of the input.
        """
        seed = np.random.default_rng([self._seed, number]).integers(FIRST_FIXED_SEED)
        return self._derive(photo, int(seed))

    def _derive(self, photo: np.ndarray, mask_seed: int) -> np.ndarray:
        image = make_input(self.kind, to_channels(photo, 3), mask_seed)
        return to_channels(image, self._input_channels)


def derivation(config: Config) -> Derivation | None:
    """Returns the derivation of a config; None if it reads inputs from files."""
    return None if config.data.derive == "pair" else Derivation(config)
