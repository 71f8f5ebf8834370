"""Batch normalisation as one operation of TensorFlow's, `FusedBatchNormV3`, where Keras takes a dozen.

In inference Keras has one multiplication and one addition. On a CPU in float32 these are left to it: the fused
operation's gradient keeps the inputs and sums over all of them for a scale and an offset that do not learn. In 16 bits
the two would round scale and offset, where the fused operation rounds the result alone.
"""

import keras
import tensorflow as tf

from kerasclf.training.faster.device import only_cpus

# cuDNN refuses a smaller epsilon; a CPU takes any.
_LEAST_EPSILON_ON_GPU = 1.001e-5
# Of the images; gamma, beta and the statistics are float32 with each of them.
_DTYPES = (tf.float32, tf.bfloat16, tf.float16)


def fits(layer: keras.Layer) -> bool:
    """Whether a layer normalises the last axis over the batch, and in no unusual way."""
    if type(layer) is not keras.layers.BatchNormalization:
        return False
    last = layer.axis in (-1, layer.input_spec.ndim - 1)
    return last and not layer.renorm and not layer.synchronized and _accepts(layer.epsilon)


def _accepts(epsilon: float) -> bool:
    return epsilon >= _LEAST_EPSILON_ON_GPU or not tf.config.list_logical_devices("GPU")


def call(
    layer: keras.layers.BatchNormalization,
    inputs: tf.Tensor,
    training: bool | None = None,
    mask: tf.Tensor | None = None,
) -> tf.Tensor:
    """Stands in for `BatchNormalization.call`, which gets what the fused operation cannot do."""
    learns = bool(training and layer.trainable)
    quick_already = not learns and inputs.dtype == layer.compute_dtype == "float32" and only_cpus()
    if quick_already or mask is not None or inputs.dtype not in _DTYPES or layer.compute_dtype == "float64":
        return keras.layers.BatchNormalization.call(layer, inputs, training=training, mask=mask)
    images = _as_images(inputs)
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=images,
        scale=_float32(layer.gamma) if layer.scale else tf.ones(images.shape[-1]),
        offset=_float32(layer.beta) if layer.center else tf.zeros(images.shape[-1]),
        # The operation wants none while it learns.
        mean=tf.constant([]) if learns else _float32(layer.moving_mean),
        variance=tf.constant([]) if learns else _float32(layer.moving_variance),
        epsilon=layer.epsilon,
        is_training=learns,
    )
    if learns:
        _move(layer.moving_mean, mean, layer.momentum)
        _move(layer.moving_variance, variance * _population_share(images), layer.momentum)
    return tf.cast(outputs if images is inputs else tf.reshape(outputs, tf.shape(inputs)), layer.compute_dtype)


def _as_images(inputs: tf.Tensor) -> tf.Tensor:
    if inputs.shape.rank == 4:
        return inputs
    shape = tf.shape(inputs)
    # All sizes are written out: one of -1 could not be found for an empty batch.
    return tf.reshape(inputs, (shape[0], tf.reduce_prod(shape[1:-1]), 1, inputs.shape[-1]))


def _population_share(images: tf.Tensor) -> tf.Tensor:
    """Returns what makes the variance of a sample (divided by n - 1), as it comes, that of a population, as Keras'."""
    count = tf.cast(tf.reduce_prod(tf.shape(images)[:-1]), tf.float32)
    return (count - 1) / count


def _move(moving: keras.Variable, value: tf.Tensor, momentum: float) -> None:
    moving.assign(_float32(moving) * momentum + value * (1 - momentum))


def _float32(variable: keras.Variable) -> tf.Tensor:
    return tf.cast(variable.value, tf.float32)
