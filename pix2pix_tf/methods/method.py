"""Protocols of a method of image translation, which training, translation and exports rely on.

A method is one file in this package beside `pix2pix.py`, a section of the config
(`pix2pix_tf.config.objectives`), an entry in `pix2pix_tf.methods.registry`, and its tests.
Training, checkpoints, translation, evaluation and exports do not depend on the names of networks.

Sides: a method handles `input` and `target`, not A and B. `data.direction` sets which side of a
pair is the input: with `AtoB`, the default, A is the input and B the target; with `BtoA` it is the
other way round. Translations are named by direction in the same way, so the name of the translation
from input to target is the value of `data.direction`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
"""Scalar losses by "network/term". Each is the part of one replica in a mean over the global batch:
the parts of all replicas add up to the mean."""


@dataclass(frozen=True)
class LossRule:
    """Rule for a warning about a loss that has fallen too low.

    Attributes:
        key: Key in the section `warnings` of the config that holds the threshold, a fraction of
            `reference`.
        loss: Name of the loss, such as "discriminator/loss".
        reference: Value that the threshold is relative to, such as the loss of a discriminator that
            cannot tell real from fake.
        text: Function from the mean loss and its fraction of `reference` to the text of the
            warning.
        line: Name of the line that TensorBoard draws at `reference`, or None for no line.
    """

    key: str
    loss: str
    reference: float
    text: Callable[[float, float], str]
    line: str | None = None


class Translation(Protocol):
    """Function from images of one side to images of the other.

    It is the only part of a method that is used after training.

    Attributes:
        networks: The networks it computes with, by their parts in checkpoints.
        channels: Number of channels of its input images and of its output images.
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
        """Translates images whose size fits `size_multiple` and `smallest_size`.

        Args:
            images: Images, float32 [N, H, W, C] in [-1, 1].
            seeds: Seeds for dropout, a latent code or the noise of a sampler, int32 [N, 2]; None
                turns off all randomness.

        Returns:
            The translations, float32 [N, H, W, D] in [-1, 1].
        """
        ...


class Method(Protocol):
    """Networks, their optimizers, and the update of one replica.

    Attributes:
        networks: All networks by name, including moving averages; checkpoints keep these names.
        optimizers: Optimizers by name, each with the networks it updates.
        buffers: Further variables that an update reads and writes, such as pools of images.
    """

    networks: Mapping[str, keras.Model]
    optimizers: Mapping[str, Optimized]
    buffers: Mapping[str, tf.Variable]

    def update(self, batch: Batch, step: tf.Tensor) -> Losses:
        """Updates every network on the share of one replica of a global batch.

        Args:
            batch: This replica's shares of `DataNeeds.batches_per_update` batches, concatenated.
            step: Number of updates before this one, int64.

        Returns:
            The losses before the update.
        """
        ...

    def translations(self) -> Mapping[str, Translation]:
        """Returns translations with the current networks, by direction: "AtoB", "BtoA"."""
        ...

    def update_flops(self) -> int | None:
        """Returns the operations of one update per image of its batch, or None if not known."""
        ...


@dataclass(frozen=True)
class MethodType:
    """Functions that make a method from a config, and facts about it.

    Attributes:
        build: Returns the method with all variables created, given the config, the number of
            updates of the whole training, and the update from which the learning rate decays, or
            None if it never does. It is called within the scope of the strategy.
        translations: Returns translations by direction, given the config, for images of any size.
            Their networks have no weights yet; those of a checkpoint are restored by part.
        data_needs: Returns what the method needs of the training data, given the config.
        warnings: Returns the rules of the losses to warn about, given the config.
        stabilizing_settings: Returns settings to try if outputs are of one colour or do not vary
            with the input, most promising first, given the config.
        size_keys: Keys of the config, besides batch, crop and precision, on which the memory of a
            training depends most.
        loss_labels: Labels of losses in progress lines, such as "D" for "discriminator/loss".
        averages: Networks that are moving averages, each with the name of the network it follows.
    """

    build: Callable[[Config, int, int | None], Method]
    translations: Callable[[Config], Mapping[str, Translation]]
    data_needs: Callable[[Config], DataNeeds]
    warnings: Callable[[Config], Sequence[LossRule]]
    stabilizing_settings: Callable[[Config], Sequence[str]]
    size_keys: Sequence[str]
    loss_labels: Mapping[str, str]
    averages: Mapping[str, str] = field(default_factory=dict)


def checkpoint_parts(method: Method) -> dict[str, dict[str, tf.Variable]]:
    """Returns all variables of a training by part and then by name, as in checkpoints.

    The parts are the names of networks, the names of optimizers with the suffix `_optimizer`, and
    `buffers` if there are any.
    """
    parts = {name: network_variables(network) for name, network in method.networks.items()}
    for name, each in method.optimizers.items():
        parts[f"{name}_optimizer"] = each.state()
    if method.buffers:
        parts["buffers"] = dict(method.buffers)
    return parts


def translating_parts(method: Method) -> set[str]:
    """Returns the names of the networks that translate, which the best checkpoint keeps."""
    return {name for each in method.translations().values() for name in each.networks}


def network_variables(network: keras.Model) -> dict[str, tf.Variable]:
    """Returns the variables of a network by their paths, such as `encoder_1/kernel`."""
    return {variable.path: variable.value for variable in network.variables}
