"""GAN and reconstruction losses: equations 1-4 of the paper, in the form of section 3.3.

Every function returns one number per image, float32 [N]; the caller divides by the global batch
size, which these functions do not know. Logits are the output of the discriminator, [N, h, w, 1],
one for each patch of an image; the loss of an image is the mean over its patches.
"""

from __future__ import annotations

import math

import tensorflow as tf

CHANCE_LEVEL = {"vanilla": math.log(2), "least_squares": 0.25, "hinge": 1.0}
"""Value of `discriminator_loss` if the discriminator cannot tell real from fake, by kind."""


def discriminator_loss(
    real_logits: tf.Tensor, fake_logits: tf.Tensor, kind: str = "vanilla"
) -> tf.Tensor:
    """Returns the discriminator loss, halved to slow the discriminator down (section 3.3).

    Args:
        real_logits: Logits of pairs from the data, float32 [N, h, w, 1].
        fake_logits: Logits of generated pairs, float32 [N, h, w, 1].
        kind: `vanilla`: -[log D(x, y) + log(1 - D(x, G(x)))], equation 1; `least_squares`:
            (D - 1)² + D² (Mao et al. 2017); `hinge`: max(0, 1 - D) + max(0, 1 + D) (Lim & Ye 2017).

    Returns:
        Half the loss of each image, float32 [N].
    """
    if kind == "least_squares":
        real, fake = tf.square(real_logits - 1.0), tf.square(fake_logits)
    elif kind == "hinge":
        real, fake = tf.nn.relu(1.0 - real_logits), tf.nn.relu(1.0 + fake_logits)
    else:
        real, fake = _cross_entropy(1.0, real_logits), _cross_entropy(0.0, fake_logits)
    return 0.5 * _mean(real + fake)


def generator_gan_loss(fake_logits: tf.Tensor, kind: str = "vanilla") -> tf.Tensor:
    """Returns the adversarial loss of the generator.

    Args:
        fake_logits: Logits of generated pairs, float32 [N, h, w, 1].
        kind: `vanilla`: -log D(x, G(x)), the non-saturating form of equation 1 (section 3.3);
            `least_squares`: (D - 1)²; `hinge`: -D.

    Returns:
        The loss of each image, float32 [N].
    """
    if kind == "least_squares":
        return _mean(tf.square(fake_logits - 1.0))
    if kind == "hinge":
        return _mean(-fake_logits)
    return _mean(_cross_entropy(1.0, fake_logits))


def distance_loss(target: tf.Tensor, output: tf.Tensor, kind: str = "l1") -> tf.Tensor:
    """Returns the reconstruction loss: mean |target - output| (equation 3), or the mean square.

    Args:
        target: Target images, float32 [N, H, W, C] in [-1, 1].
        output: Output images, likewise.
        kind: `l1` for the mean absolute difference, `l2` for the mean square.

    Returns:
        The loss of each image, float32 [N].
    """
    difference = target - output
    return _mean(tf.abs(difference) if kind == "l1" else tf.square(difference))


def _cross_entropy(label: float, logits: tf.Tensor) -> tf.Tensor:
    labels = tf.fill(tf.shape(logits), tf.cast(label, logits.dtype))
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)


def _mean(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(values, axis=[1, 2, 3])
