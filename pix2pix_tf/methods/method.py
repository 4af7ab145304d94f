"""Protocols of a method of image translation: all that training, translation and exports know.

A method is one file in this package beside `pix2pix.py`, a section of the config
(`pix2pix_tf.config.objectives`), an entry in `pix2pix_tf.methods.registry`, and its tests.
Training, checkpoints, translation, evaluation and exports know no network by its name.

Sides: a method sees `input` and `target`, not A and B. `data.direction` says which side of a pair
is the input: with `AtoB`, the default, A is the input and B the target; with `BtoA` the other way
round. A translation is named by its direction in the same words, so that the translation from input
to target has the name that `data.direction` has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import keras
import tensorflow as tf

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.pipeline import Batch, DataNeeds
from pix2pix_tf.methods.optimized import Optimized

__all__ = [
    "Batch",
    "DataNeeds",
    "LossRule",
    "Losses",
    "Method",
    "MethodType",
    "Optimized",
    "Translation",
    "checkpoint_parts",
    "network_variables",
    "translating_parts",
]

Losses = dict[str, tf.Tensor]
"""Scalars by "network/term", each this replica's part of a mean over the global batch: the parts of
all replicas add up to it."""


@dataclass(frozen=True)
class LossRule:
    """A warning of a loss that has fallen too low for the training to go well.

    Attributes:
        key: The key of the config's section `warnings` with the threshold: a share of `reference`.
        loss: The loss, such as "discriminator/loss".
        reference: The loss that the share is of, such as where a discriminator cannot tell.
        text: From the mean loss and its share of `reference` to what the warning says.
        line: Name of the line that TensorBoard draws at `reference`, or None for none.
    """

    key: str
    loss: str
    reference: float
    text: Callable[[float, float], str]
    line: str | None = None


class Translation(Protocol):
    """From images of one side to images of the other: all that follows training sees of a method.

    Attributes:
        networks: The networks it computes with, by their parts in checkpoints.
        channels: Channels of the images it takes and of those it makes.
        size_multiple: Number that height and width of the images must be a multiple of.
        smallest_size: Smallest height and width of the images.
    """

    @property
    def networks(self) -> Mapping[str, keras.Model]:
        """See the class."""

    @property
    def channels(self) -> tuple[int, int]:
        """See the class."""

    @property
    def size_multiple(self) -> int:
        """See the class."""

    @property
    def smallest_size(self) -> int:
        """See the class."""

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
        networks: All networks by name, moving averages of others too; checkpoints keep these names.
        optimizers: Optimizers by name, each with the networks it updates.
        buffers: Further variables that an update reads and writes, such as pools of images.
    """

    networks: Mapping[str, keras.Model]
    optimizers: Mapping[str, Optimized]
    buffers: Mapping[str, tf.Variable]

    def update(self, batch: Batch, step: tf.Tensor) -> Losses:
        """Updates every network, on one replica's share of a global batch.

        Args:
            batch: This replica's shares of `DataNeeds.batches_per_update` batches, concatenated.
            step: int64, the number of updates before this one.

        Returns:
            The losses before the update.
        """
        ...

    def translations(self) -> Mapping[str, Translation]:
        """Translations with the networks as they are now, by direction: "AtoB", "BtoA"."""
        ...

    def update_flops(self) -> int | None:
        """Operations of one update for each image of its batch, or None where nobody counted."""
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
        data_needs: From the config to what the method needs of the training data.
        warnings: From the config to the losses that are to be warned of.
        stabilizing_settings: From the config to settings to try where outputs are of one colour or
            do not vary with the input, most promising first.
        size_keys: Keys of the config, beside batch, crop and precision, that the memory which a
            training takes depends on most.
        loss_labels: How progress lines name losses, such as "D" for "discriminator/loss".
    """

    build: Callable[[Config, int, int | None], Method]
    translations: Callable[[Config], Mapping[str, Translation]]
    data_needs: Callable[[Config], DataNeeds]
    warnings: Callable[[Config], Sequence[LossRule]]
    stabilizing_settings: Callable[[Config], Sequence[str]]
    size_keys: Sequence[str]
    loss_labels: Mapping[str, str]


def checkpoint_parts(method: Method) -> dict[str, dict[str, tf.Variable]]:
    """All variables of a training by their names in checkpoints: first the part, then the variable.

    Parts are networks by their names, optimizers with `_optimizer` behind theirs, and `buffers`
    where there are any.
    """
    parts = {name: network_variables(network) for name, network in method.networks.items()}
    for name, each in method.optimizers.items():
        parts[f"{name}_optimizer"] = each.state()
    if method.buffers:
        parts["buffers"] = dict(method.buffers)
    return parts


def translating_parts(method: Method) -> set[str]:
    """Names of the networks that translate: the parts that the best checkpoint keeps."""
    return {name for each in method.translations().values() for name in each.networks}


def network_variables(network: keras.Model) -> dict[str, tf.Variable]:
    """A network's variables by their paths, such as `encoder_1/kernel`."""
    return {variable.path: variable.value for variable in network.variables}
