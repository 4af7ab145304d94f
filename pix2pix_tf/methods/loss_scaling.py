"""Adam with dynamic loss scaling, for float16.

float16 has no positive number below 6e-8, and many gradients are smaller.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from pix2pix_tf.methods.optimizer import FusedAdam, summed

INITIAL_SCALE = 2.0**15
GROWTH_STEPS = 2000  # updates in a row with finite gradients after which the scale doubles


class LossScaledAdam(FusedAdam):
    """`FusedAdam` for losses that were multiplied by `loss_scale` (Micikevicius et al. 2018).

    Gradients are divided by the scale before they are used. If a gradient is not finite, the scale
    was too large: the update is skipped and the scale is halved. A skipped update does not count
    for the decay of the learning rate, which follows the updates made. It does count as a step of
    the training, so that it does not delay the end, validations and checkpoints. After 2,000 finite
    updates in a row the scale doubles. The scale and the count of finite updates are part of the
    state of the optimizer, so that a resumed training continues exactly.
    """

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Creates the moments, the scale and its count of finite updates."""
        super().build(variables)
        # Every replica has its own copies, and all replicas change them in the same way.
        self._scale = self.add_variable(
            shape=(),
            initializer=keras.initializers.Constant(INITIAL_SCALE),
            dtype="float32",
            aggregation="none",
            name="loss_scale",
        )
        self._finite_steps = self.add_variable(
            shape=(), initializer="zeros", dtype="int64", aggregation="none", name="finite_steps"
        )

    @property
    def state(self) -> list[keras.Variable]:
        """The state of `FusedAdam`, the scale, and the finite updates since it last changed."""
        return [*super().state, self._scale, self._finite_steps]

    @property
    def loss_scale(self) -> tf.Tensor:
        """The current scale."""
        return tf.convert_to_tensor(self._scale)

    def apply(self, gradients: Sequence[tf.Tensor], variables: Sequence[keras.Variable]) -> None:
        """Updates by gradients of the scaled loss, or skips the update; see the class."""
        gradients = summed(gradients)  # a sum is not finite if that of any replica is not
        scale, steps = self.loss_scale, tf.convert_to_tensor(self._finite_steps)
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(each)) for each in gradients])

        def update() -> tuple[tf.Tensor, tf.Tensor]:
            self.apply_summed([gradient / scale for gradient in gradients], variables)
            steps_now = (steps + 1) % GROWTH_STEPS
            return tf.where(steps_now == 0, 2 * scale, scale), steps_now

        new_scale, new_steps = tf.cond(finite, update, lambda: (scale / 2, tf.zeros_like(steps)))
        self._scale.assign(new_scale)
        self._finite_steps.assign(new_steps)
