"""Layer normalisation as two operations compiled by XLA, forward and backward."""

from collections.abc import Callable

import keras
import tensorflow as tf

from kerasclf.training.faster.cpu_only import only_cpus_with_xla


def fits(layer: keras.Layer) -> bool:
    """Returns whether a layer normalises the last axis with scale and shift. GPUs, not measured, are excluded."""
    if type(layer) is not keras.layers.LayerNormalization or layer.gamma is None or layer.beta is None:
        return False
    return list(layer.axis) == [-1] and not layer.rms_scaling and only_cpus_with_xla()


def call(layer: keras.layers.LayerNormalization, inputs: tf.Tensor) -> tf.Tensor:
    """Replaces `LayerNormalization.call`, and calls it for float64."""
    if tf.float64 in (inputs.dtype, tf.as_dtype(layer.compute_dtype)):
        return keras.layers.LayerNormalization.call(layer, inputs)
    rows = tf.reshape(inputs, (-1, inputs.shape[-1]))
    outputs = _normalize(layer.epsilon)(rows, layer.gamma.value, layer.beta.value)
    outputs = tf.ensure_shape(tf.reshape(outputs, tf.shape(inputs)), inputs.shape)
    return tf.cast(outputs, layer.compute_dtype)


def _normalize(epsilon: float) -> Callable[..., tf.Tensor]:
    @tf.custom_gradient
    def normalize(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tuple[tf.Tensor, object]:
        return _forward(x, gamma, beta, epsilon), lambda gradient: _backward(x, gamma, gradient, epsilon)

    return normalize


@tf.function(jit_compile=True, autograph=False)
def _forward(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float) -> tf.Tensor:
    normal, _ = _normal(x, epsilon)
    return tf.cast(normal * gamma + beta, x.dtype)


@tf.function(jit_compile=True, autograph=False)
def _backward(
    x: tf.Tensor, gamma: tf.Tensor, gradient: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    normal, inverse = _normal(x, epsilon)
    gradient = tf.cast(gradient, tf.float32)
    scaled = gradient * gamma
    # The output does not depend on the mean and scale of a row: remove these two components from the gradient.
    removed = tf.reduce_mean(scaled, -1, keepdims=True) + normal * tf.reduce_mean(scaled * normal, -1, keepdims=True)
    by_x = tf.cast((scaled - removed) * inverse, x.dtype)
    return by_x, tf.reduce_sum(gradient * normal, 0), tf.reduce_sum(gradient, 0)


def _normal(x: tf.Tensor, epsilon: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the rows with mean 0 and deviation 1, and the inverse of their original deviation."""
    x = tf.cast(x, tf.float32)
    x -= tf.reduce_mean(x, -1, keepdims=True)
    inverse = tf.math.rsqrt(tf.reduce_mean(x * x, -1, keepdims=True) + epsilon)
    return x * inverse, inverse
