"""Two methods of the tests' own, which hold the package to knowing no network by its name.

`toy_cycle` has no pairs: two generators (AtoB, BtoA) under one optimizer, a discriminator for each
side, and pools of earlier translations. `toy_latent` has an encoder of the target into a code, and
a generator of input and code; translations draw the code from their seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import keras
import tensorflow as tf

from pix2pix_tf.config.objectives import OBJECTIVES, Objective
from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.pipeline import Batch, DataNeeds
from pix2pix_tf.methods.losses import discriminator_loss, distance_loss, generator_gan_loss
from pix2pix_tf.methods.method import Losses, MethodType, Translation
from pix2pix_tf.methods.optimized import optimized
from pix2pix_tf.methods.registry import METHODS
from pix2pix_tf.methods.update import global_mean

DIRECTIONS = ("AtoB", "BtoA")
POOL_SIZE = 5
CODE_SIZE = 2


@dataclass(frozen=True)
class ToyTranslation:
    """The translation by one network, of images and a code drawn from each image's seed.

    The code is of zeros where there are no seeds, and left out where it has no numbers.
    """

    part: str
    network: keras.Model
    channels: tuple[int, int]
    code_size: int = 0
    size_multiple: int = 4
    smallest_size: int = 4

    @property
    def networks(self) -> Mapping[str, keras.Model]:
        return {self.part: self.network}

    def __call__(self, images: tf.Tensor, seeds: tf.Tensor | None) -> tf.Tensor:
        if not self.code_size:
            return self.network(images, training=False)
        if seeds is None:
            code = tf.zeros_like(images[:, 0, 0, :1]) * tf.zeros([1, self.code_size])
        else:
            code = tf.map_fn(
                lambda seed: tf.random.stateless_normal([self.code_size], seed),
                seeds,
                fn_output_signature=tf.TensorSpec([self.code_size], tf.float32),
            )
        return self.network(with_code(images, code), training=False)


class ToyCycleObjective(Objective):
    """Least-squares GANs and the distance to the input after going there and back."""

    cycle_weight: float = 10.0
    """Weight of the cycles."""


class ToyCycle:
    """No pairs: A becomes B and A again, B becomes A and B again."""

    def __init__(self, config: Config, total_updates: int, decay_start: int | None) -> None:
        self.config = config
        self.generators = {
            way: small_network(*config.in_direction(way).data.image_channels) for way in DIRECTIONS
        }
        self.discriminators = {
            way: small_network(generator.output_shape[-1], 1, strides=4)
            for way, generator in self.generators.items()
        }
        generators = {f"generator_{way}": each for way, each in self.generators.items()}
        discriminators = {f"discriminator_{way}": each for way, each in self.discriminators.items()}
        self.networks = {**generators, **discriminators}
        self.optimizers = {
            name: optimized(networks, config.training, total_updates, decay_start)
            for name, networks in (("generators", generators), ("discriminators", discriminators))
        }
        self.buffers = {
            f"pool_{way}": tf.Variable(
                tf.zeros([POOL_SIZE, *config.data.crop_size, generator.output_shape[-1]]),
                trainable=False,
            )
            for way, generator in self.generators.items()
        }

    def update(self, batch: Batch, step: tf.Tensor) -> Losses:
        sides = (batch["input"], batch["target"])
        a, b = sides if self.config.data.direction == "AtoB" else sides[::-1]
        real_in, real_out = {"AtoB": a, "BtoA": b}, {"AtoB": b, "BtoA": a}
        losses: Losses = {}
        made = {}
        with tf.GradientTape() as tape:
            for way, back in (DIRECTIONS, DIRECTIONS[::-1]):
                made[way] = self.generators[way](real_in[way], training=True)
                logits = self.discriminators[way](made[way], training=True)
                cycled = self.generators[back](made[way], training=True)
                losses[f"{way}/gan"] = self._mean(generator_gan_loss(logits, "least_squares"))
                losses[f"{way}/cycle"] = self._mean(distance_loss(real_in[way], cycled))
            weights = {"gan": 1.0, "cycle": self.config.objective.cycle_weight}
            total = tf.add_n(
                [weights[name.split("/")[1]] * value for name, value in losses.items()]
            )
        self.optimizers["generators"].minimize(total, tape)
        fake = {way: self._from_pool(way, made[way], step) for way in DIRECTIONS}
        with tf.GradientTape() as tape:
            for way, network in self.discriminators.items():
                logits = [network(each, training=True) for each in (real_out[way], fake[way])]
                loss = discriminator_loss(*logits, "least_squares")
                losses[f"{way}/discriminator"] = self._mean(loss)
            total = tf.add_n([losses[f"{way}/discriminator"] for way in DIRECTIONS])
        self.optimizers["discriminators"].minimize(total, tape)
        return losses

    def translations(self) -> Mapping[str, Translation]:
        return cycle_translations(self.config, self.generators)

    def update_flops(self) -> None:
        return None

    def _from_pool(self, way: str, images: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Puts the global batch into the pool; returns earlier images for half of this share."""
        replica = tf.distribute.get_replica_context()
        share, batch_size = tf.shape(images)[0], self.config.training.batch_size
        everything = replica.all_gather(images, axis=0)
        pool = self.buffers[f"pool_{way}"]
        before = tf.convert_to_tensor(pool)
        first = step * batch_size
        held = tf.minimum(first, POOL_SIZE)
        seed = tf.stack([tf.constant(self.config.training.seed, tf.int64), step])
        unit = tf.random.stateless_uniform([batch_size, 2], seed)
        drawn = tf.cast(unit[:, 0] * tf.cast(tf.maximum(held, 1), tf.float32), tf.int32)
        use = tf.logical_and(unit[:, 1] < 0.5, held > 0)
        chosen = tf.where(use[:, None, None, None], tf.gather(before, drawn), everything)
        places = tf.math.floormod(first + tf.range(batch_size, dtype=tf.int64), POOL_SIZE)
        after = tf.tensor_scatter_nd_update(before, places[:, None], everything)
        # On this replica's own copy: every replica puts the same into it.
        tf.raw_ops.AssignVariableOp(resource=pool.handle, value=after)
        start = replica.replica_id_in_sync_group * share
        return tf.stop_gradient(chosen[start : start + share])

    def _mean(self, per_image: tf.Tensor) -> tf.Tensor:
        return global_mean(per_image, self.config.training.batch_size)


def cycle_translations(
    config: Config, generators: Mapping[str, keras.Model] | None = None
) -> Mapping[str, Translation]:
    first = config.data.direction
    return {
        way: ToyTranslation(
            f"generator_{way}",
            small_network(*config.in_direction(way).data.image_channels)
            if generators is None
            else generators[way],
            config.in_direction(way).data.image_channels,
        )
        for way in (first, *(way for way in DIRECTIONS if way != first))
    }


class ToyLatentObjective(Objective):
    """The distance to the target, given a code of it, and the size of the code."""

    code_weight: float = 0.01
    """Weight of the code's square."""


class ToyLatent:
    """What the input does not say of the target goes through a code of few numbers."""

    def __init__(self, config: Config, total_updates: int, decay_start: int | None) -> None:
        self.config = config
        data = config.data
        self.generator = latent_generator(config)
        self.encoder = small_network(data.target_channels, CODE_SIZE, strides=4)
        self.networks = {"generator": self.generator, "encoder": self.encoder}
        self.optimizers = {
            "both": optimized(self.networks, config.training, total_updates, decay_start)
        }
        self.buffers: dict[str, tf.Variable] = {}

    def update(self, batch: Batch, step: tf.Tensor) -> Losses:
        with tf.GradientTape() as tape:
            maps = self.encoder(batch["target"], training=True)
            code = tf.reduce_mean(maps, axis=[1, 2])
            made = self.generator(with_code(batch["input"], code), training=True)
            losses = {
                "generator/l1": distance_loss(batch["target"], made),
                "encoder/code": tf.reduce_mean(tf.square(code), axis=-1),
            }
            losses = {
                name: global_mean(each, self.config.training.batch_size)
                for name, each in losses.items()
            }
            weight = self.config.objective.code_weight
            total = losses["generator/l1"] + weight * losses["encoder/code"]
        self.optimizers["both"].minimize(total, tape)
        return losses

    def translations(self) -> Mapping[str, Translation]:
        return latent_translations(self.config, self.generator)

    def update_flops(self) -> None:
        return None


def latent_translations(
    config: Config, generator: keras.Model | None = None
) -> Mapping[str, Translation]:
    channels = config.data.image_channels
    generator = generator or latent_generator(config)
    return {config.data.direction: ToyTranslation("generator", generator, channels, CODE_SIZE)}


def latent_generator(config: Config) -> keras.Model:
    data = config.data
    return small_network(data.input_channels + CODE_SIZE, data.target_channels, strides=1)


def with_code(images: tf.Tensor, code: tf.Tensor) -> tf.Tensor:
    return tf.concat([images, tf.ones_like(images[..., :1]) * code[:, None, None, :]], -1)


def small_network(channels: int, filters: int, strides: int = 1) -> keras.Model:
    """Two convolutions for images of any size."""
    image = keras.Input((None, None, channels))
    start = keras.initializers.RandomNormal(stddev=0.1, seed=channels)
    x = keras.layers.Conv2D(4, 3, strides, "same", kernel_initializer=start, name="first")(image)
    x = keras.layers.LeakyReLU(0.2, name="activation")(x)
    start = keras.initializers.RandomNormal(stddev=0.1, seed=filters)
    x = keras.layers.Conv2D(filters, 3, 1, "same", kernel_initializer=start, name="second")(x)
    return keras.Model(image, x)


TOYS = {
    "toy_cycle": (
        ToyCycleObjective,
        MethodType(
            build=ToyCycle,
            translations=cycle_translations,
            data_needs=lambda config: DataNeeds(paired=False),
            warnings=lambda config: [],
            stabilizing_settings=lambda config: ["a lower training.learning_rate"],
            size_keys=("generator.width",),
            loss_labels={},
        ),
    ),
    "toy_latent": (
        ToyLatentObjective,
        MethodType(
            build=ToyLatent,
            translations=latent_translations,
            data_needs=lambda config: DataNeeds(),
            warnings=lambda config: [],
            stabilizing_settings=lambda config: ["a lower training.learning_rate"],
            size_keys=(),
            loss_labels={},
        ),
    ),
}


def register() -> None:
    """Lets configs name the toys."""
    for name, (objective, method) in TOYS.items():
        OBJECTIVES[name] = objective
        METHODS[name] = method


def unregister() -> None:
    """Undoes `register`."""
    for name in TOYS:
        del OBJECTIVES[name], METHODS[name]
