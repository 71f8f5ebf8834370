"""GELU as two operations compiled by XLA, forward and backward. On a CPU Keras uses six and a dozen."""

import math

import keras
import tensorflow as tf

from kerasclf.training.faster.cpu_only import only_cpus_with_xla


def fits(layer: keras.Layer) -> bool:
    """Returns whether a layer is the exact GELU, not its approximation. GPUs, not measured, are excluded."""
    is_gelu = type(layer) is keras.layers.Activation and layer.activation is keras.activations.gelu
    return is_gelu and only_cpus_with_xla()


def call(layer: keras.layers.Activation, inputs: tf.Tensor) -> tf.Tensor:
    """Replaces `Activation.call`, and calls it for float64."""
    if inputs.dtype == tf.float64:
        return keras.layers.Activation.call(layer, inputs)
    outputs = _gelu(tf.reshape(inputs, (-1,)))  # flat, because XLA compiles once for each shape
    return tf.ensure_shape(tf.reshape(outputs, tf.shape(inputs)), inputs.shape)


@tf.custom_gradient
def _gelu(x: tf.Tensor) -> tuple[tf.Tensor, object]:
    return _forward(x), lambda gradient: _backward(x, gradient)


@tf.function(jit_compile=True, autograph=False)
def _forward(x: tf.Tensor) -> tf.Tensor:
    wide = tf.cast(x, tf.float32)
    return tf.cast(wide * _normal_cdf(wide), x.dtype)


@tf.function(jit_compile=True, autograph=False)
def _backward(x: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    wide = tf.cast(x, tf.float32)
    slope = _normal_cdf(wide) + wide * tf.exp(-wide * wide / 2) / math.sqrt(2 * math.pi)
    return tf.cast(tf.cast(gradient, tf.float32) * slope, x.dtype)


def _normal_cdf(x: tf.Tensor) -> tf.Tensor:
    """Returns the cumulative distribution function of the standard normal distribution."""
    return (1 + tf.math.erf(x / math.sqrt(2))) / 2
