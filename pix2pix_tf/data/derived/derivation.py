"""How one run derives the inputs of its photographs."""

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
    """Derives inputs of photographs as a config says: `data.derive`, its channels, its seed.

    Attributes:
        kind: One of `derived.inputs.DERIVATIONS`.
        masks: Whether inputs are photographs with holes, which training cuts into each crop.
        idempotent: Whether the input of an input is that input again.
    """

    def __init__(self, config: Config) -> None:
        """Takes the parts of a config that say how inputs are derived; `data.derive` is one."""
        self.kind = config.data.derive
        self.masks = self.kind in MASKS
        self.idempotent = self.kind in IDEMPOTENT
        self._input_channels, self._target_channels = config.data.image_channels
        self._seed = config.training.seed

    def photograph(self, image: np.ndarray) -> np.ndarray:
        """The photograph of an image file, as the target: uint8 in the target's channels.

        Args:
            image: uint8 or uint16 [H, W, 1..4].
        """
        return to_8bit(to_channels(image, self._target_channels))

    def input_of(self, photo: np.ndarray, name: str) -> np.ndarray:
        """The input of a photograph: uint8 [H, W, C] in the input's channels.

        Args:
            photo: uint8 [H, W, 1..4].
            name: The name of the image, from which the holes of `random_mask` follow.
        """
        return self._derive(photo, fixed_mask_seed(self._seed, name))

    def input_of_crop(self, photo: np.ndarray, number: int) -> np.ndarray:
        """The input of a crop in training, with other holes in each epoch.

        Args:
            photo: uint8 [H, W, 3].
            number: The number of the image, counted over all epochs.
        """
        seed = np.random.default_rng([self._seed, number]).integers(FIRST_FIXED_SEED)
        return self._derive(photo, int(seed))

    def _derive(self, photo: np.ndarray, mask_seed: int) -> np.ndarray:
        made = make_input(self.kind, to_channels(photo, 3), mask_seed)
        return to_channels(made, self._input_channels)


def derivation(config: Config) -> Derivation | None:
    """How a config derives inputs; None where it reads them."""
    return None if config.data.derive == "pair" else Derivation(config)
