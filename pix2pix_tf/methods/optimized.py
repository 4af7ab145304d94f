"""An optimizer together with the networks whose weights it updates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import keras
import tensorflow as tf

from pix2pix_tf.config.schema import TrainingConfig
from pix2pix_tf.methods.freezing import freeze
from pix2pix_tf.methods.loss_scaling import LossScaledAdam
from pix2pix_tf.methods.optimizer import EPSILON, FusedAdam, LinearDecay
from pix2pix_tf.utils.errors import UserError


@dataclass(frozen=True)
class Optimized:
    """An optimizer and the networks whose weights it updates.

    Attributes:
        optimizer: The optimizer, built, so that all its variables exist for a checkpoint.
        networks: The networks by their names in `Method.networks`.
    """

    optimizer: FusedAdam
    networks: Mapping[str, keras.Model]

    def minimize(self, loss: tf.Tensor, tape: tf.GradientTape) -> None:
        """Updates the networks once, by the gradients of `loss` summed over all replicas.

        Args:
            loss: This replica's part of the loss, a scalar.
            tape: The tape that recorded the loss.
        """
        variables = trainable_variables(self.networks)
        gradients = tape.gradient(
            loss,
            [variable.value for variable in variables],
            output_gradients=self.optimizer.loss_scale,
        )
        self.optimizer.apply(gradients, variables)

    def state(self) -> dict[str, tf.Variable]:
        """Returns the variables of the optimizer, without the learning rate, by checkpoint name.

        If there are several networks, the names of moments begin with the name of their network,
        since layers of two networks can have the same name.
        """
        if len(self.networks) == 1:
            return {variable.path: variable.value for variable in self.optimizer.state}
        owners = [
            name for name, network in self.networks.items() for _ in network.trainable_variables
        ]
        owner = {
            id(moment): name
            for moments in self.optimizer.moments
            for name, moment in zip(owners, moments, strict=True)
        }
        return {
            "/".join(filter(None, (owner.get(id(variable)), variable.path))): variable.value
            for variable in self.optimizer.state
        }


def optimized(
    networks: Mapping[str, keras.Model],
    training: TrainingConfig,
    total_updates: int,
    decay_start: int | None,
) -> Optimized:
    """Makes the optimizer of networks that are updated together, except for frozen layers.

    Args:
        networks: The networks by their names in `Method.networks`.
        training: The settings of the training.
        total_updates: Number of updates of the whole training, where the learning rate reaches 0.
        decay_start: The update from which the learning rate decays, or None to keep it constant.

    Raises:
        UserError: All weights are frozen.
    """
    freeze(networks, training.freeze)
    if not trainable_variables(networks):
        raise UserError(
            f"training.freeze: {', '.join(training.freeze)} leaves nothing of "
            f"{' and '.join(networks)} to train; leave out a name"
        )
    rate: float | LinearDecay = training.learning_rate
    if decay_start is not None:
        rate = LinearDecay(training.learning_rate, decay_start, total_updates)
    # bfloat16 has the range of float32, so that only float16 needs its losses scaled.
    adam = LossScaledAdam if training.precision == "mixed_float16" else FusedAdam
    # Named, since Keras would otherwise number optimizers, and checkpoints use their names.
    optimizer = adam(
        rate, beta_1=training.beta_1, beta_2=training.beta_2, epsilon=EPSILON, name="adam"
    )
    optimizer.build(trainable_variables(networks))
    return Optimized(optimizer, networks)


def trainable_variables(networks: Mapping[str, keras.Model]) -> list[keras.Variable]:
    """Returns the trainable variables of several networks, in order."""
    return [variable for network in networks.values() for variable in network.trainable_variables]
