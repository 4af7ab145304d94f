"""The method pix2pix: alternating updates of D and G by Adam (section 3.3)."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import tensorflow as tf

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.pipeline import Batch, DataNeeds
from pix2pix_tf.methods.losses import discriminator_loss, distance_loss, generator_gan_loss
from pix2pix_tf.methods.method import Losses, MethodType, Translation
from pix2pix_tf.methods.optimized import Optimized, optimized
from pix2pix_tf.methods.pix2pix_warnings import stabilizing_settings, warnings
from pix2pix_tf.methods.translation import generator_translation
from pix2pix_tf.methods.update import global_mean, split_batch, update_ema
from pix2pix_tf.models import build_discriminator, build_generator
from pix2pix_tf.models.flops import forward_flops
from pix2pix_tf.models.layers import batch_groups, dropout_seeds

GENERATOR, AVERAGE, DISCRIMINATOR = "generator", "generator_average", "discriminator"


class Pix2Pix:
    """Conditional GAN with a reconstruction loss (Isola et al. 2017), a `Method`.

    Attributes:
        networks: `generator`; `discriminator`, if the objective is adversarial; and, if
            `training.ema_decay` is set, `generator_average`, whose weights are the moving
            average of the generator's.
        optimizers: `generator` and `discriminator`.
        buffers: None.
    """

    def __init__(self, config: Config, total_updates: int, decay_start: int | None) -> None:
        """Builds networks and optimizers, see `MethodType.build`."""
        self.config = config
        training = config.training
        self.generator = build_generator(config)
        self.discriminator = build_discriminator(config) if config.objective.adversarial else None
        # Built with the same seed, so that it starts with the weights of the generator.
        self.ema_generator = build_generator(config) if training.ema_decay else None

        networks = {
            GENERATOR: self.generator,
            DISCRIMINATOR: self.discriminator,
            AVERAGE: self.ema_generator,
        }
        self.networks: Mapping[str, keras.Model] = {
            name: each for name, each in networks.items() if each is not None
        }
        updates_per_step = {GENERATOR: 1, DISCRIMINATOR: training.discriminator_steps}
        self.optimizers: Mapping[str, Optimized] = {
            name: optimized(
                {name: self.networks[name]},
                training,
                total_updates * count,
                decay_start and decay_start * count,
            )
            for name, count in updates_per_step.items()
            if name in self.networks
        }
        self.buffers: Mapping[str, tf.Variable] = {}

    @property
    def inference_generator(self) -> keras.Model:
        """The generator to translate with: the moving average if there is one."""
        return self.ema_generator or self.generator

    def update(self, batch: Batch, step: tf.Tensor) -> Losses:
        """Updates D `discriminator_steps` times, each on different pairs, and then G once.

        Args:
            batch: This replica's shares of `discriminator_steps` batches, concatenated.
            step: Not used: all randomness follows from the seeds of the batch.

        Returns:
            Those of the following losses that the objective has, each before its update:
            `discriminator/loss`; `discriminator/real` and `discriminator/fake`, the mean
            probabilities of being real; `generator/gan`; `generator/l1` or `generator/l2`.
        """
        training = self.config.training
        *discriminator_batches, batch = split_batch(batch, training.discriminator_steps)
        for each in discriminator_batches:
            self._update_discriminator(each, self._forward(each))

        losses: Losses = {}
        with tf.GradientTape() as tape:
            output = self._forward(batch)  # the only forward pass: both updates use it
            with tape.stop_recording():
                losses |= self._update_discriminator(batch, output)
            terms = self._generator_losses(batch, output)
            loss = tf.add_n(
                [
                    term if name == "generator/gan" else self.config.objective.l1_weight * term
                    for name, term in terms.items()
                ]
            )  # equation 4
        self.optimizers[GENERATOR].minimize(loss, tape)
        if self.ema_generator is not None and training.ema_decay is not None:
            update_ema(self.ema_generator, self.generator, training.ema_decay)
        return losses | terms

    def translations(self) -> Mapping[str, Translation]:
        """Returns the translation from input to target, named by `data.direction`."""
        return translations(self.config, self.inference_generator)

    def update_flops(self) -> int | None:
        """Returns the operations of one update per image of its batch.

        A backward pass takes twice the operations of a forward pass: for the gradients of the input
        of a layer, and for those of its weights. The step of the generator needs only the former of
        the discriminator. So an update takes 3 G, 2 · 3 D for the step of the discriminator (real
        and fake) and 2 D for that of the generator; each further discriminator step generates one
        more image and discriminates two.
        """
        steps, generator = self.config.training.discriminator_steps, forward_flops(self.generator)
        if self.discriminator is None:
            return 3 * generator
        return (2 + steps) * generator + (6 * steps + 2) * forward_flops(self.discriminator)

    def _forward(self, batch: Batch) -> tf.Tensor:
        with dropout_seeds(batch["seed"]):
            return self.generator(batch["input"], training=True)

    def _logits(self, inputs: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        assert self.discriminator is not None
        conditional = self.config.objective.conditional
        return self.discriminator([inputs, images] if conditional else images, training=True)

    def _generator_losses(self, batch: Batch, output: tf.Tensor) -> Losses:
        objective, terms = self.config.objective, {}
        if self.discriminator is not None:
            logits = self._logits(batch["input"], output)
            terms["generator/gan"] = self._mean(generator_gan_loss(logits, objective.gan_loss))
        if objective.distance is not None:
            distance = distance_loss(batch["target"], output, objective.distance)
            terms[f"generator/{objective.distance}"] = self._mean(distance)
        return terms

    def _update_discriminator(self, batch: Batch, output: tf.Tensor) -> Losses:
        if self.discriminator is None:
            return {}
        inputs = batch["input"]
        with tf.GradientTape() as tape, batch_groups(2):  # real and fake in one pass
            both = tf.concat([batch["target"], output], 0)
            logits = self._logits(tf.concat([inputs, inputs], 0), both)
            real, fake = tf.split(logits, 2)
            loss = self._mean(discriminator_loss(real, fake, self.config.objective.gan_loss))
        self.optimizers[DISCRIMINATOR].minimize(loss, tape)
        return {
            "discriminator/loss": loss,
            "discriminator/real": self._mean(_probability(real)),
            "discriminator/fake": self._mean(_probability(fake)),
        }

    def _mean(self, per_image: tf.Tensor) -> tf.Tensor:
        return global_mean(per_image, self.config.training.batch_size)


def _probability(logits: tf.Tensor) -> tf.Tensor:
    """Returns the probability of being real, averaged over the patches of an image, float32 [N]."""
    return tf.reduce_mean(tf.sigmoid(logits), axis=[1, 2, 3])


def translations(config: Config, generator: keras.Model | None = None) -> dict[str, Translation]:
    """Returns the only translation, from input to target, named by `data.direction`.

    Args:
        config: The experiment.
        generator: The generator to translate with; None builds one without weights.
    """
    part = AVERAGE if config.training.ema_decay else GENERATOR
    return {config.data.direction: generator_translation(config, generator, part)}


PIX2PIX = MethodType(
    build=Pix2Pix,
    translations=translations,
    data_needs=lambda config: DataNeeds(batches_per_update=config.training.discriminator_steps),
    warnings=warnings,
    stabilizing_settings=stabilizing_settings,
    size_keys=("generator.width", "discriminator.width"),
    loss_labels={
        "discriminator/loss": "D",
        "generator/gan": "G",
        "generator/l1": "L1",
        "generator/l2": "L2",
    },
    averages={AVERAGE: GENERATOR},
)
