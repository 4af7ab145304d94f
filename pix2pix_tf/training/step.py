"""The alternating update of section 3.3: the discriminator's step, then the generator's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import tensorflow as tf

from pix2pix_tf.config import Config, TrainingConfig
from pix2pix_tf.losses import discriminator_loss, generator_gan_loss, l1_loss
from pix2pix_tf.models import build_discriminator, build_generator
from pix2pix_tf.models.layers import batch_groups, dropout_seeds
from pix2pix_tf.training.optimizer import EPSILON, FusedAdam, LinearDecay

Batch = tuple[
    tf.Tensor, tf.Tensor, tf.Tensor
]  # input, target: float [N, H, W, C]; seeds: int32 [N, 2]
Losses = dict[str, tf.Tensor]


@dataclass(frozen=True)
class Networks:
    """Both networks and their optimisers, with every variable made: what an update changes."""

    generator: keras.Model
    discriminator: keras.Model
    generator_optimizer: FusedAdam
    discriminator_optimizer: FusedAdam

    def variables(self) -> dict[str, list[keras.Variable]]:
        """What a checkpoint must hold, by part; the learning rate is the config's."""
        return {
            "generator": self.generator.variables,
            "discriminator": self.discriminator.variables,
            "generator_optimizer": self.generator_optimizer.state,
            "discriminator_optimizer": self.discriminator_optimizer.state,
        }


def build_networks(config: Config, total_steps: int, decay_start: int | None) -> Networks:
    """Builds both networks and optimisers; call it within the strategy's scope.

    Args:
        config: The experiment.
        total_steps: Generator updates of the whole training; the learning rate's decay ends there.
        decay_start: The update from which the learning rate decays, or None to hold it.
    """
    generator, discriminator = build_generator(config), build_discriminator(config)
    d_steps = config.training.discriminator_steps
    networks = Networks(
        generator=generator,
        discriminator=discriminator,
        generator_optimizer=_adam(config.training, total_steps, decay_start),
        discriminator_optimizer=_adam(
            config.training, total_steps * d_steps, decay_start and decay_start * d_steps
        ),
    )
    # Built now, not at the first update, so that a checkpoint finds every variable in place.
    networks.generator_optimizer.build(generator.trainable_variables)
    networks.discriminator_optimizer.build(discriminator.trainable_variables)
    return networks


def _adam(training: TrainingConfig, total: int, decay_start: int | None) -> FusedAdam:
    rate: float | LinearDecay = training.learning_rate
    if decay_start is not None:
        rate = LinearDecay(training.learning_rate, decay_start, total)
    # Named, since Keras would otherwise number optimisers, and checkpoints go by names.
    return FusedAdam(
        rate, beta_1=training.beta_1, beta_2=training.beta_2, epsilon=EPSILON, name="adam"
    )


def make_update(
    config: Config, networks: Networks, strategy: tf.distribute.Strategy
) -> Callable[[Batch], Losses]:
    """Compiles one update of both networks under `strategy`.

    The returned function takes a distributed batch of `discriminator_steps` × `batch_size` pairs
    and returns the losses before their updates, as means over the global batch:
    `discriminator/loss`, `discriminator/real` and `discriminator/fake` (mean probabilities of being
    real), `generator/gan`, `generator/l1`.
    """

    @tf.function
    def update(batch: Batch) -> Losses:
        losses = strategy.run(_replica_update, args=(config, networks, batch))
        return {name: strategy.reduce("SUM", loss, axis=None) for name, loss in losses.items()}

    return update


def _replica_update(config: Config, networks: Networks, batch: Batch) -> Losses:
    """One replica's share: losses divided by the global batch, gradients summed over replicas."""
    *earlier, (image, target, seeds) = _split(batch, config.training.discriminator_steps)
    for early_image, early_target, early_seeds in earlier:
        fake = _generate(networks, early_image, early_seeds)
        _update_discriminator(config, networks, early_image, early_target, fake)

    with tf.GradientTape() as tape:
        fake = _generate(networks, image, seeds)  # the only forward pass: both steps use it
        with tape.stop_recording():
            losses = _update_discriminator(config, networks, image, target, fake)
        judged = networks.discriminator([image, fake], training=True)
        gan = _global_mean(config, generator_gan_loss(judged))
        l1 = _global_mean(config, l1_loss(target, fake))
        loss = gan + config.objective.l1_weight * l1  # equation 4
    _apply(networks.generator, networks.generator_optimizer, tape, loss)
    return {**losses, "generator/gan": gan, "generator/l1": l1}


def _generate(networks: Networks, image: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    with dropout_seeds(seeds):
        return networks.generator(image, training=True)


def _update_discriminator(
    config: Config, networks: Networks, image: tf.Tensor, target: tf.Tensor, fake: tf.Tensor
) -> Losses:
    with tf.GradientTape() as tape, batch_groups(2):
        images = tf.concat([image, image], 0)
        logits = networks.discriminator([images, tf.concat([target, fake], 0)], training=True)
        real_logits, fake_logits = tf.split(logits, 2)
        loss = _global_mean(config, discriminator_loss(real_logits, fake_logits))
    _apply(networks.discriminator, networks.discriminator_optimizer, tape, loss)
    return {
        "discriminator/loss": loss,
        "discriminator/real": _global_mean(config, _probability(real_logits)),
        "discriminator/fake": _global_mean(config, _probability(fake_logits)),
    }


def _apply(
    network: keras.Model, optimizer: FusedAdam, tape: tf.GradientTape, loss: tf.Tensor
) -> None:
    variables = network.trainable_variables
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    optimizer.apply(gradients, variables)


def _global_mean(config: Config, per_image: tf.Tensor) -> tf.Tensor:
    """This replica's part of the mean over the global batch: the parts of all replicas add up."""
    return tf.reduce_sum(per_image) / config.training.batch_size


def _probability(logits: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.sigmoid(logits), axis=[1, 2, 3])


def _split(batch: Batch, parts: int) -> list[Batch]:
    return list(zip(*(tf.split(tensor, parts) for tensor in batch), strict=True))
