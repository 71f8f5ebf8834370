"""Optimizers whose step is one operation of TensorFlow's for each variable, where Keras takes up to a dozen.

Each reads and writes all of a network's weights: with AlexNet's 61 million that is a good part of a step.
"""

from typing import Any

import keras
import tensorflow as tf


class SGD(keras.optimizers.SGD):
    """`SGD` by `ResourceApplyKerasMomentum`; without momentum, which is one operation already, as Keras has it."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        if not self.momentum or isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        variable = _of_tensorflow(variable)
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=_of_tensorflow(self.momentums[self._get_variable_index(variable)]).handle,
            lr=tf.cast(learning_rate, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
            momentum=tf.cast(self.momentum, variable.dtype),
            use_nesterov=self.nesterov,
        )


class Adam(keras.optimizers.Adam):
    """`Adam` by `ResourceApplyAdam`; with `amsgrad` as Keras has it."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        if self.amsgrad or isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        variable = _of_tensorflow(variable)
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, variable.dtype)
        beta_1, beta_2 = tf.cast(self.beta_1, variable.dtype), tf.cast(self.beta_2, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=_of_tensorflow(self._momentums[index]).handle,
            v=_of_tensorflow(self._velocities[index]).handle,
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
        )


class AdamW(Adam, keras.optimizers.AdamW):
    """`AdamW`: the decay by Keras, the step by `Adam` above."""


def _of_tensorflow(variable: Any) -> tf.Variable:
    return variable.value if isinstance(variable, keras.Variable) else variable
