"""What a method of image translation is: all that training, translation and exports know of it.

A method is one file in this room beside `pix2pix.py`, its section of the config
(`pix2pix_tf.config`), and its tests. Training, checkpoints, translation, evaluation and exports
know methods by these protocols alone, and no network by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import keras
import tensorflow as tf

from pix2pix_tf.config.schema import Config
from pix2pix_tf.methods.optimizer import FusedAdam

Batch = Mapping[str, tf.Tensor]
"""One replica's share of a batch: "A" and "B", the input and the target, float32 [N, H, W, C] in
[-1, 1], and "seed", int32 [N, 2], the seed of whatever is random in an image's update."""

Losses = dict[str, tf.Tensor]
"""Scalars by "network/term", each already divided by the global batch: replicas' parts add up."""


@dataclass(frozen=True)
class DataNeeds:
    """What a method needs of the training data.

    Attributes:
        paired: Whether input and target of a batch show the same; if not, each side has an order,
            a crop and a mirroring of its own.
        batches_per_update: Batches of `training.batch_size` that one update takes.
    """

    paired: bool = True
    batches_per_update: int = 1


@dataclass(frozen=True)
class Optimized:
    """An optimizer and the networks whose weights it updates.

    Attributes:
        optimizer: Built, so that a checkpoint finds every variable in place.
        networks: Their names in `Method.networks`.
    """

    optimizer: FusedAdam
    networks: Sequence[str]


class Translation(Protocol):
    """From images of one side to images of the other: all that follows training sees of a method.

    Attributes:
        networks: The networks it computes with, by their parts in checkpoints.
        channels: Channels of the images it takes and of those it makes.
        size_multiple: What height and width of the images must be a multiple of.
        smallest_size: What height and width must be at least.
    """

    @property
    def networks(self) -> Mapping[str, keras.Model]:
        """See above."""

    @property
    def channels(self) -> tuple[int, int]:
        """See above."""

    @property
    def size_multiple(self) -> int:
        """See above."""

    @property
    def smallest_size(self) -> int:
        """See above."""

    def __call__(self, images: tf.Tensor, seeds: tf.Tensor | None) -> tf.Tensor:
        """Translates images of a size that fits.

        Args:
            images: float32 [N, H, W, C] in [-1, 1].
            seeds: int32 [N, 2], from which dropout, a latent code or a sampler's noise is drawn;
                None turns off what is random.

        Returns:
            float32 [N, H, W, D] in [-1, 1].
        """
        ...


class Method(Protocol):
    """What is trained: networks, their optimizers, and the update of one replica.

    Attributes:
        data_needs: What it needs of the training data.
        networks: All networks by name, copies whose weights are averages too; checkpoints keep
            these names.
        optimizers: By name, each with the networks it updates.
        buffers: Further variables that an update reads and writes, such as pools of images.
    """

    data_needs: DataNeeds
    networks: Mapping[str, keras.Model]
    optimizers: Mapping[str, Optimized]
    buffers: Mapping[str, tf.Variable]

    def update(self, batch: Batch, step: tf.Tensor) -> Losses:
        """Updates every network once, on one replica's share of a global batch.

        Args:
            batch: This replica's share of `data_needs.batches_per_update` batches, concatenated.
            step: int64, the number of updates before this one.

        Returns:
            The losses before the update.
        """
        ...

    def translations(self) -> Mapping[str, Translation]:
        """Translations with the networks as they are now, by direction: "AtoB", "BtoA"."""
        ...


@dataclass(frozen=True)
class MethodType:
    """How a method is made from a config.

    Attributes:
        build: From the config, the updates of the whole training, and the update from which the
            learning rate decays (None: never) to the method, with every variable made. It is called
            within the strategy's scope.
        translations: From the config to translations by direction, for images of any size, whose
            networks have no weights yet: those of a checkpoint are restored by part.
    """

    build: Callable[[Config, int, int | None], Method]
    translations: Callable[[Config], Mapping[str, Translation]]
