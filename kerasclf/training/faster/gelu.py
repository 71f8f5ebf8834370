"""GELU in two operations compiled by XLA, one for each direction, where Keras takes six and a dozen on a CPU."""

import math

import keras
import tensorflow as tf

from kerasclf.training.faster.device import only_cpus_with_xla


def fits(layer: keras.Layer) -> bool:
    """Whether a layer is GELU, not its approximation; on a GPU (not measured) none fits."""
    is_gelu = type(layer) is keras.layers.Activation and layer.activation is keras.activations.gelu
    return is_gelu and only_cpus_with_xla()


def call(layer: keras.layers.Activation, inputs: tf.Tensor) -> tf.Tensor:
    """Stands in for `Activation.call`, which gets float64."""
    if inputs.dtype == tf.float64:
        return keras.layers.Activation.call(layer, inputs)
    outputs = _gelu(tf.reshape(inputs, (-1,)))  # XLA compiles for each shape: flat, there are fewer
    return tf.ensure_shape(tf.reshape(outputs, tf.shape(inputs)), inputs.shape)


@tf.custom_gradient
def _gelu(x: tf.Tensor) -> tuple[tf.Tensor, object]:
    return _forward(x), lambda gradient: _backward(x, gradient)


@tf.function(jit_compile=True, autograph=False)
def _forward(x: tf.Tensor) -> tf.Tensor:
    wide = tf.cast(x, tf.float32)
    return tf.cast(wide * _below(wide), x.dtype)


@tf.function(jit_compile=True, autograph=False)
def _backward(x: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    wide = tf.cast(x, tf.float32)
    slope = _below(wide) + wide * tf.exp(-wide * wide / 2) / math.sqrt(2 * math.pi)
    return tf.cast(tf.cast(gradient, tf.float32) * slope, x.dtype)


def _below(x: tf.Tensor) -> tf.Tensor:
    """Returns the share of a standard normal distribution that is below x."""
    return (1 + tf.math.erf(x / math.sqrt(2))) / 2
