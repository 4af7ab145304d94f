"""The alternating update of section 3.3: the discriminator's step, then the generator's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import keras
import tensorflow as tf

from pix2pix_tf.config.schema import Config, TrainingConfig
from pix2pix_tf.methods.loss_scaling import LossScaledAdam
from pix2pix_tf.methods.losses import discriminator_loss, distance_loss, generator_gan_loss
from pix2pix_tf.methods.method import Translation
from pix2pix_tf.methods.optimizer import EPSILON, FusedAdam, LinearDecay
from pix2pix_tf.methods.translation import generator_translation
from pix2pix_tf.models import build_discriminator, build_generator
from pix2pix_tf.models.cpu_convolutions import cpu_convolutions
from pix2pix_tf.models.layers import batch_groups, dropout_seeds

# Input, target: float [N, H, W, C]; dropout seeds: int32 [N, 2].
Batch = tuple[tf.Tensor, tf.Tensor, tf.Tensor]
Losses = dict[str, tf.Tensor]


@dataclass(frozen=True)
class Networks:
    """The networks and their optimisers, with every variable made: what an update changes.

    Attributes:
        generator: The one that is trained.
        generator_optimizer: Its optimiser.
        discriminator: None where the objective has none.
        discriminator_optimizer: None likewise.
        average: A generator whose weights are the moving average of the trained one's; None where
            `training.ema_decay` is.
    """

    generator: keras.Model
    generator_optimizer: FusedAdam
    discriminator: keras.Model | None
    discriminator_optimizer: FusedAdam | None
    average: keras.Model | None

    @property
    def translating(self) -> keras.Model:
        """The generator to translate with: the average where there is one."""
        return self.average or self.generator

    def variables(self) -> dict[str, list[keras.Variable]]:
        """What a checkpoint must hold, by part; the learning rate is the config's."""
        parts = {
            "generator": self.generator.variables,
            "generator_optimizer": self.generator_optimizer.state,
        }
        if self.discriminator is not None and self.discriminator_optimizer is not None:
            parts["discriminator"] = self.discriminator.variables
            parts["discriminator_optimizer"] = self.discriminator_optimizer.state
        if self.average is not None:
            parts["generator_average"] = self.average.variables
        return parts


def build_networks(config: Config, total_steps: int, decay_start: int | None) -> Networks:
    """Builds networks and optimisers; call it within the strategy's scope.

    Args:
        config: The experiment.
        total_steps: Generator updates of the whole training; the learning rate's decay ends there.
        decay_start: The update from which the learning rate decays, or None to hold it.
    """
    generator = build_generator(config)
    discriminator = build_discriminator(config) if config.objective.adversarial else None
    d_steps = config.training.discriminator_steps
    return Networks(
        generator=generator,
        generator_optimizer=_adam(generator, config.training, total_steps, decay_start),
        discriminator=discriminator,
        discriminator_optimizer=discriminator
        and _adam(
            discriminator,
            config.training,
            total_steps * d_steps,
            decay_start and decay_start * d_steps,
        ),
        # Of the same seed: it starts as the generator does.
        average=build_generator(config) if config.training.ema_decay else None,
    )


def translations(config: Config) -> Mapping[str, Translation]:
    """Returns the one translation, in the direction it is trained in, without weights yet."""
    averaged = config.training.ema_decay is not None
    part = "generator_average" if averaged else "generator"
    return {config.data.direction: generator_translation(config, part=part)}


def _adam(
    network: keras.Model, training: TrainingConfig, total: int, decay_start: int | None
) -> FusedAdam:
    rate: float | LinearDecay = training.learning_rate
    if decay_start is not None:
        rate = LinearDecay(training.learning_rate, decay_start, total)
    # bfloat16 has the range of float32, so that only float16 needs its losses scaled.
    adam = LossScaledAdam if training.precision == "mixed_float16" else FusedAdam
    # Named, since Keras would otherwise number optimisers, and checkpoints go by names.
    optimizer = adam(
        rate, beta_1=training.beta_1, beta_2=training.beta_2, epsilon=EPSILON, name="adam"
    )
    # Built now, not at the first update, so that a checkpoint finds every variable in place.
    optimizer.build(network.trainable_variables)
    return optimizer


def make_update(
    config: Config, networks: Networks, strategy: tf.distribute.Strategy
) -> Callable[[Batch], Losses]:
    """Compiles one update of both networks under `strategy`.

    The returned function takes a distributed batch of `discriminator_steps` × `batch_size` pairs
    and returns the losses before their updates, as means over the global batch:
    `discriminator/loss`, `discriminator/real` and `discriminator/fake` (mean probabilities of being
    real), `generator/gan`, `generator/l1` or `generator/l2`: those that the objective has.
    """
    devices = strategy.extended.worker_devices
    replica_update = partial(_replica_update, config, networks)
    if _by_xla(config.training, strategy):
        replica_update = tf.function(replica_update, jit_compile=True, autograph=False)
    elif all("CPU" in device for device in devices):
        # Within the replica's own thread, which knows nothing of the scopes around it.
        replica_update = cpu_convolutions()(replica_update)

    @tf.function(autograph=False)
    def update(batch: Batch) -> Losses:
        losses = strategy.run(replica_update, args=(batch,))
        return {name: strategy.reduce("SUM", loss, axis=None) for name, loss in losses.items()}

    return update


def make_updates(update: Callable[[Batch], Losses]) -> Callable[[Sequence[Batch]], Losses]:
    """Compiles one call for several of `make_update`'s updates, by one batch each, in order.

    It is traced anew for every number of batches. Losses are [number of batches].
    """

    @tf.function(autograph=False)
    def updates(batches: Sequence[Batch]) -> Losses:
        losses = [update(batch) for batch in batches]
        return {name: tf.stack([each[name] for each in losses]) for name in losses[0]}

    return updates


def _by_xla(training: TrainingConfig, strategy: tf.distribute.Strategy) -> bool:
    """Whether a replica's update is one program of XLA's, which is slower on CPUs.

    Several GPUs sum within it; that is left to who asks for it until it has been measured.
    """
    if training.jit_compile == "auto":
        return strategy.num_replicas_in_sync == 1 and "GPU" in strategy.extended.worker_devices[0]
    return training.jit_compile


def _replica_update(config: Config, networks: Networks, batch: Batch) -> Losses:
    """One replica's share: losses divided by the global batch, gradients summed over replicas."""
    *earlier, (image, target, seeds) = _split(batch, config.training.discriminator_steps)
    for early_image, early_target, early_seeds in earlier:
        fake = _generate(networks, early_image, early_seeds)
        _update_discriminator(config, networks, early_image, early_target, fake)

    losses: Losses = {}
    with tf.GradientTape() as tape:
        fake = _generate(networks, image, seeds)  # the only forward pass: both steps use it
        with tape.stop_recording():
            losses |= _update_discriminator(config, networks, image, target, fake)
        terms = _generator_losses(config, networks, image, target, fake)
        loss = tf.add_n(
            [
                term if name == "generator/gan" else config.objective.l1_weight * term
                for name, term in terms.items()
            ]
        )  # equation 4
    _apply(networks.generator, networks.generator_optimizer, tape, loss)
    decay = config.training.ema_decay
    if networks.average is not None and decay is not None:
        _follow(networks.average, networks.generator, decay)
    return {**losses, **terms}


def _generator_losses(
    config: Config, networks: Networks, image: tf.Tensor, target: tf.Tensor, fake: tf.Tensor
) -> Losses:
    objective, terms = config.objective, {}
    if networks.discriminator is not None:
        logits = _judge(config, networks.discriminator, image, fake)
        terms["generator/gan"] = _global_mean(
            config, generator_gan_loss(logits, objective.gan_loss)
        )
    if objective.distance is not None:
        distance = distance_loss(target, fake, objective.distance)
        terms[f"generator/{objective.distance}"] = _global_mean(config, distance)
    return terms


def _generate(networks: Networks, image: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    with dropout_seeds(seeds):
        return networks.generator(image, training=True)


def _judge(
    config: Config, discriminator: keras.Model, image: tf.Tensor, output: tf.Tensor
) -> tf.Tensor:
    seen = [image, output] if config.objective.conditional else output
    return discriminator(seen, training=True)


def _update_discriminator(
    config: Config, networks: Networks, image: tf.Tensor, target: tf.Tensor, fake: tf.Tensor
) -> Losses:
    discriminator, optimizer = networks.discriminator, networks.discriminator_optimizer
    if discriminator is None or optimizer is None:
        return {}
    with tf.GradientTape() as tape, batch_groups(2):
        both = tf.concat([target, fake], 0)
        logits = _judge(config, discriminator, tf.concat([image, image], 0), both)
        real_logits, fake_logits = tf.split(logits, 2)
        loss = _global_mean(
            config, discriminator_loss(real_logits, fake_logits, config.objective.gan_loss)
        )
    _apply(discriminator, optimizer, tape, loss)
    return {
        "discriminator/loss": loss,
        "discriminator/real": _global_mean(config, _probability(real_logits)),
        "discriminator/fake": _global_mean(config, _probability(fake_logits)),
    }


def _follow(average: keras.Model, generator: keras.Model, decay: float) -> None:
    """Moves each weight of `average` by 1 - decay of its way to the generator's."""
    for mean, weight in zip(average.variables, generator.variables, strict=True):
        mean_now = tf.convert_to_tensor(mean.value)
        step = (1.0 - decay) * (tf.convert_to_tensor(weight.value) - mean_now)
        # On this replica's own copy: every replica makes the same step.
        tf.raw_ops.AssignAddVariableOp(resource=mean.value.handle, value=step)


def _apply(
    network: keras.Model, optimizer: FusedAdam, tape: tf.GradientTape, loss: tf.Tensor
) -> None:
    variables = network.trainable_variables
    gradients = tape.gradient(
        loss, [variable.value for variable in variables], output_gradients=optimizer.loss_scale
    )
    optimizer.apply(gradients, variables)


def _global_mean(config: Config, per_image: tf.Tensor) -> tf.Tensor:
    """This replica's part of the mean over the global batch: the parts of all replicas add up."""
    return tf.reduce_sum(per_image) / config.training.batch_size


def _probability(logits: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.sigmoid(logits), axis=[1, 2, 3])


def _split(batch: Batch, parts: int) -> list[Batch]:
    return list(zip(*(tf.split(tensor, parts) for tensor in batch), strict=True))
