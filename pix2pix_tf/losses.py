"""What the two networks want: equations 1-4 of the paper, in the form of section 3.3.

Every function returns one number an image, float [N], so that the caller divides by the global
batch size, which no replica knows. Logits are the discriminator's output [N, h, w, 1]; a patch
counts as one judgement and their mean is the image's.
"""

from __future__ import annotations

import tensorflow as tf


def discriminator_loss(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """Half of -[log D(x, y) + log(1 - D(x, G(x)))]: equation 1, halved to slow D (section 3.3).

    It is ln 2 where D cannot tell, and 0 where it is always right.
    """
    return 0.5 * (_cross_entropy(1.0, real_logits) + _cross_entropy(0.0, fake_logits))


def generator_gan_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """-log D(x, G(x)): the non-saturating form of equation 1 (section 3.3)."""
    return _cross_entropy(1.0, fake_logits)


def l1_loss(target: tf.Tensor, output: tf.Tensor) -> tf.Tensor:
    """Mean |target - output| over pixels and channels of each image in [-1, 1]: equation 3."""
    return tf.reduce_mean(tf.abs(target - output), axis=[1, 2, 3])


def _cross_entropy(label: float, logits: tf.Tensor) -> tf.Tensor:
    labels = tf.fill(tf.shape(logits), tf.cast(label, logits.dtype))
    patches = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.reduce_mean(patches, axis=[1, 2, 3])
