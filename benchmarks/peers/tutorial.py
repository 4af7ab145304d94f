"""Training step of the TensorFlow core tutorial on pix2pix, reimplemented from its text.

    python -m benchmarks.peers.tutorial '{"batch": 1, "size": 256, "width": 64}'

serves the workload `training`, see `pix2pix_tf.benchmark.worker`. As in the tutorial, it uses
Keras' own layers with their defaults, Keras' Adam, one `tf.function`, both gradients from one
forward pass, and TensorFlow's own settings. Its differences from the paper are kept: a norm after
every encoder layer except the first, LeakyReLU with slope 0.3, both networks updated at once, a
loss of D that is not halved. Its TensorBoard scalars, images and checkpoints are left out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from pix2pix_tf.benchmark.worker import UnavailableError, WorkerState, WorkloadFunction, serve

LAMBDA = 100
MULTIPLE = 256  # eight halvings

Losses = dict[str, tf.Tensor]


def down(filters: int, norm: bool = True) -> tf.keras.Sequential:
    """Halves height and width: convolution, norm, LeakyReLU."""
    convolution = tf.keras.layers.Conv2D(
        filters, 4, 2, "same", kernel_initializer=_initial(), use_bias=False
    )
    norms = [tf.keras.layers.BatchNormalization()] if norm else []
    return tf.keras.Sequential([convolution, *norms, tf.keras.layers.LeakyReLU()])


def up(filters: int, dropout: bool) -> tf.keras.Sequential:
    """Doubles height and width: transposed convolution, norm, dropout, ReLU."""
    convolution = tf.keras.layers.Conv2DTranspose(
        filters, 4, 2, "same", kernel_initializer=_initial(), use_bias=False
    )
    dropouts = [tf.keras.layers.Dropout(0.5)] if dropout else []
    norm = tf.keras.layers.BatchNormalization()
    return tf.keras.Sequential([convolution, norm, *dropouts, tf.keras.layers.ReLU()])


def _initial() -> tf.keras.Initializer:
    return tf.random_normal_initializer(0.0, 0.02)


def build_generator(size: int = 256, width: int = 64) -> tf.keras.Model:
    """Generator of images [N, size, size, 3] in [-1, 1]; the tutorial uses size 256, width 64."""
    image = tf.keras.layers.Input([size, size, 3])
    x, skips = image, []
    for level, factor in enumerate((1, 2, 4, 8, 8, 8, 8, 8)):
        x = down(factor * width, norm=level > 0)(x)
        skips.append(x)
    for level, factor in enumerate((8, 8, 8, 8, 4, 2, 1)):
        x = up(factor * width, dropout=level < 3)(x)
        x = tf.keras.layers.Concatenate()([x, skips[-2 - level]])
    x = tf.keras.layers.Conv2DTranspose(
        3, 4, 2, "same", kernel_initializer=_initial(), activation="tanh"
    )(x)
    return tf.keras.Model(image, x)


def build_discriminator(size: int = 256, width: int = 64) -> tf.keras.Model:
    """Discriminator of [input, target], each [N, size, size, 3]; 30×30 logits at size 256."""
    image = tf.keras.layers.Input([size, size, 3])
    target = tf.keras.layers.Input([size, size, 3])
    x = tf.keras.layers.concatenate([image, target])
    for level, factor in enumerate((1, 2, 4)):
        x = down(factor * width, norm=level > 0)(x)
    x = tf.keras.layers.ZeroPadding2D()(x)
    x = tf.keras.layers.Conv2D(8 * width, 4, 1, kernel_initializer=_initial(), use_bias=False)(x)
    x = tf.keras.layers.LeakyReLU()(tf.keras.layers.BatchNormalization()(x))
    x = tf.keras.layers.ZeroPadding2D()(x)
    x = tf.keras.layers.Conv2D(1, 4, 1, kernel_initializer=_initial())(x)
    return tf.keras.Model([image, target], x)


def make_step(
    generator: tf.keras.Model, discriminator: tf.keras.Model
) -> Callable[[tf.Tensor, tf.Tensor], Losses]:
    """Function that updates both networks on (input, target) and returns the losses before."""
    cross_entropy = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    generator_optimizer = tf.keras.optimizers.Adam(2e-4, beta_1=0.5)
    discriminator_optimizer = tf.keras.optimizers.Adam(2e-4, beta_1=0.5)

    @tf.function
    def step(image: tf.Tensor, target: tf.Tensor) -> Losses:
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            output = generator(image, training=True)
            real = discriminator([image, target], training=True)
            fake = discriminator([image, output], training=True)
            gan = cross_entropy(tf.ones_like(fake), fake)
            l1 = tf.reduce_mean(tf.abs(target - output))
            generator_loss = gan + LAMBDA * l1
            discriminator_loss = cross_entropy(tf.ones_like(real), real)
            discriminator_loss += cross_entropy(tf.zeros_like(fake), fake)
        for network, optimizer, tape, loss in (
            (generator, generator_optimizer, generator_tape, generator_loss),
            (discriminator, discriminator_optimizer, discriminator_tape, discriminator_loss),
        ):
            variables = network.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return {"gan": gan, "l1": l1, "discriminator": discriminator_loss}

    # A `tf.function` that is called more than once cannot create the optimizers' variables.
    generator_optimizer.build(generator.trainable_variables)
    discriminator_optimizer.build(discriminator.trainable_variables)
    return step


def training(batch: int, size: int, width: int) -> WorkloadFunction:
    """Training steps on one batch of noise; returns the losses of the last step."""
    random = np.random.default_rng(0)
    shape = (batch, size, size, 3)
    image, target = (tf.constant(random.uniform(-1, 1, shape).astype(np.float32)) for _ in range(2))
    step = make_step(build_generator(size, width), build_discriminator(size, width))

    def workload(repetitions: int) -> Mapping[str, float]:
        for _ in range(repetitions):
            losses = step(image, target)
        return {name: float(loss) for name, loss in losses.items()}

    return workload


def main() -> None:
    """Serves `training` with the settings given as the only argument."""
    settings = json.loads(sys.argv[1])

    def prepare() -> WorkerState:
        if settings["size"] % MULTIPLE:
            raise UnavailableError(f"the tutorial's generator takes multiples of {MULTIPLE} pixels")
        return WorkerState(
            {"training": training(**settings)}, {"version": f"TensorFlow {tf.__version__}"}
        )

    serve(prepare)


if __name__ == "__main__":
    main()
