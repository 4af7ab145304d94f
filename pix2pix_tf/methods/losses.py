"""What the networks want: equations 1-4 of the paper, in the form of section 3.3, and their kin.

Every function returns one number an image, float [N], so that the caller divides by the global
batch size, which no replica knows. Logits are the discriminator's output [N, h, w, 1]; a patch
counts as one judgement and their mean is the image's.
"""

from __future__ import annotations

import tensorflow as tf


def discriminator_loss(
    real_logits: tf.Tensor, fake_logits: tf.Tensor, kind: str = "vanilla"
) -> tf.Tensor:
    """Half of what D wants, halved to slow it down (section 3.3).

    Args:
        real_logits: Of pairs from the data.
        fake_logits: Of the generator's.
        kind: `vanilla`: -[log D(x, y) + log(1 - D(x, G(x)))], equation 1, which is 2 ln 2 where D
            cannot tell; `least_squares`: (D - 1)² and D² (Mao et al. 2017); `hinge`: max(0, 1 - D)
            and max(0, 1 + D) (Lim & Ye 2017).
    """
    if kind == "least_squares":
        real, fake = tf.square(real_logits - 1.0), tf.square(fake_logits)
    elif kind == "hinge":
        real, fake = tf.nn.relu(1.0 - real_logits), tf.nn.relu(1.0 + fake_logits)
    else:
        real, fake = _cross_entropy(1.0, real_logits), _cross_entropy(0.0, fake_logits)
    return 0.5 * _mean(real + fake)


def generator_gan_loss(fake_logits: tf.Tensor, kind: str = "vanilla") -> tf.Tensor:
    """What G wants of D: -log D(x, G(x)), the non-saturating form of equation 1 (section 3.3).

    With `least_squares` (D - 1)², with `hinge` -D.
    """
    if kind == "least_squares":
        return _mean(tf.square(fake_logits - 1.0))
    if kind == "hinge":
        return _mean(-fake_logits)
    return _mean(_cross_entropy(1.0, fake_logits))


def distance_loss(target: tf.Tensor, output: tf.Tensor, kind: str = "l1") -> tf.Tensor:
    """Mean |target - output| of each image in [-1, 1]: equation 3; with `l2` the mean square."""
    difference = target - output
    return _mean(tf.abs(difference) if kind == "l1" else tf.square(difference))


def _cross_entropy(label: float, logits: tf.Tensor) -> tf.Tensor:
    labels = tf.fill(tf.shape(logits), tf.cast(label, logits.dtype))
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)


def _mean(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(values, axis=[1, 2, 3])
