"""Adam optimizer that updates each weight in one pass over memory, and its learning-rate decay."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

EPSILON = 1e-8  # as in the published programs; Keras' default is 1e-7


class FusedAdam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` whose update is TensorFlow's `ResourceApplyAdam` kernel.

    It computes the same as Keras. Uncompiled, Keras passes over each weight in about ten
    operations, which for the 54 million weights of the U-Net takes a third of a training step on a
    CPU; the kernel takes one operation. Every replica updates its own copy of the weights by the
    same sum of gradients, so that an update consists of kernels only: XLA can compile it, and it
    can be made inside a condition.
    """

    @property
    def loss_scale(self) -> tf.Tensor | None:
        """Factor by which the loss is multiplied, or None if it is not scaled."""
        return None

    @property
    def state(self) -> list[keras.Variable]:
        """Variables that a checkpoint must hold: number of updates, then moments."""
        return [self.iterations, *self._momentums, *self._velocities]

    @property
    def moments(self) -> tuple[list[keras.Variable], list[keras.Variable]]:
        """First and second moments, each in the order of the variables that it updates."""
        return self._momentums, self._velocities

    def apply(self, gradients: Sequence[tf.Tensor], variables: Sequence[keras.Variable]) -> None:
        """Updates variables by the sum of the gradients of all replicas, each of which calls it.

        Args:
            gradients: Gradients of this replica.
            variables: The variables that the optimizer was built with.
        """
        if not self.built:
            self.build(variables)
        self.apply_summed(summed(gradients), variables)

    def apply_summed(
        self, gradients: Sequence[tf.Tensor], variables: Sequence[keras.Variable]
    ) -> None:
        """Updates variables by gradients that are summed over the replicas already.

        A weight that is still being read would be copied before its update. The last read of the
        weights of a layer is in the backward pass to the layer before, so each update waits for the
        gradient of the variable before.

        Args:
            gradients: Gradients summed over all replicas.
            variables: The variables that the optimizer was built with.
        """
        rate = tf.convert_to_tensor(self.learning_rate)
        previous = [None, *gradients[:-1]]
        for gradient, variable, awaited in zip(gradients, variables, previous, strict=True):
            with tf.control_dependencies([] if awaited is None else [awaited]):
                self.update_step(gradient, variable.value, rate)
        tf.raw_ops.AssignAddVariableOp(
            resource=self.iterations.value.handle,
            value=tf.ones([], self.iterations.value.dtype),
        )

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Updates one variable by its gradient."""
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, variable.dtype)
        beta_1 = tf.cast(self.beta_1, variable.dtype)
        beta_2 = tf.cast(self.beta_2, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, variable.dtype),
            grad=gradient,
        )


def summed(gradients: Sequence[tf.Tensor]) -> Sequence[tf.Tensor]:
    """Returns the sums of gradients over all replicas."""
    replica = tf.distribute.get_replica_context()
    if replica.num_replicas_in_sync == 1:
        return gradients
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, list(gradients))


@keras.saving.register_keras_serializable("pix2pix_tf")
class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A constant learning rate until update `start`, then falling linearly to 0 at update `end`."""

    def __init__(self, learning_rate: float, start: int, end: int) -> None:
        self.learning_rate = learning_rate
        self.start = start
        self.end = end

    def __call__(self, step: int | tf.Tensor) -> tf.Tensor:
        remaining = (self.end - tf.cast(step, tf.float32)) / max(self.end - self.start, 1)
        return self.learning_rate * tf.clip_by_value(remaining, 0.0, 1.0)

    def get_config(self) -> dict[str, float]:
        return {"learning_rate": self.learning_rate, "start": self.start, "end": self.end}
