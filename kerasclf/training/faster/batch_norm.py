"""Batch normalisation as one TensorFlow operation, `FusedBatchNormV3`. Keras uses a dozen operations.

In inference mode Keras uses one multiplication and one addition. This is faster on a CPU in float32, and stays in use:
the gradient of the fused operation stores all inputs and sums over them for a scale and an offset that do not train. In
16 bits Keras rounds scale and offset, and the fused operation rounds only the result.
"""

import keras
import tensorflow as tf
from tensorflow.python.framework.config import is_op_determinism_enabled

from kerasclf.training.faster.cpu_only import only_cpus

# cuDNN rejects a smaller epsilon; a CPU accepts any.
_MIN_EPSILON_ON_GPU = 1.001e-5
# Types of the images. Gamma, beta and the statistics are always float32.
_DTYPES = (tf.float32, tf.bfloat16, tf.float16)


def fits(layer: keras.Layer) -> bool:
    """Returns whether a layer is a plain batch normalisation of the last axis."""
    if type(layer) is not keras.layers.BatchNormalization:
        return False
    last = layer.axis in (-1, layer.input_spec.ndim - 1)
    return last and not layer.renorm and not layer.synchronized and _accepts(layer.epsilon)


def _accepts(epsilon: float) -> bool:
    return epsilon >= _MIN_EPSILON_ON_GPU or not tf.config.list_logical_devices("GPU")


def call(
    layer: keras.layers.BatchNormalization,
    inputs: tf.Tensor,
    training: bool | None = None,
    mask: tf.Tensor | None = None,
) -> tf.Tensor:
    """Replaces `BatchNormalization.call`, and calls it if the fused operation does not support the inputs."""
    learns = bool(training and layer.trainable)
    keras_is_better = not learns and inputs.dtype == layer.compute_dtype == "float32" and only_cpus()
    # On a GPU the gradient of the fused operation in inference mode has no deterministic implementation.
    keras_is_better |= not learns and is_op_determinism_enabled()
    if keras_is_better or mask is not None or inputs.dtype not in _DTYPES or layer.compute_dtype == "float64":
        return keras.layers.BatchNormalization.call(layer, inputs, training=training, mask=mask)
    images = _as_images(inputs)
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=images,
        scale=_float32(layer.gamma) if layer.scale else tf.ones(images.shape[-1]),
        offset=_float32(layer.beta) if layer.center else tf.zeros(images.shape[-1]),
        # In training mode the operation requires empty statistics.
        mean=tf.constant([]) if learns else _float32(layer.moving_mean),
        variance=tf.constant([]) if learns else _float32(layer.moving_variance),
        epsilon=layer.epsilon,
        is_training=learns,
    )
    if learns:
        _update(layer.moving_mean, mean, layer.momentum)
        _update(layer.moving_variance, variance * _population_share(images), layer.momentum)
    return tf.cast(outputs if images is inputs else tf.reshape(outputs, tf.shape(inputs)), layer.compute_dtype)


def _as_images(inputs: tf.Tensor) -> tf.Tensor:
    if inputs.shape.rank == 4:
        return inputs
    shape = tf.shape(inputs)
    # All sizes are given: TensorFlow cannot infer a size of -1 for an empty batch.
    return tf.reshape(inputs, (shape[0], tf.reduce_prod(shape[1:-1]), 1, inputs.shape[-1]))


def _population_share(images: tf.Tensor) -> tf.Tensor:
    """Returns the factor from the operation's sample variance (divided by n - 1) to Keras' population variance."""
    count = tf.cast(tf.reduce_prod(tf.shape(images)[:-1]), tf.float32)
    return (count - 1) / count


def _update(moving: keras.Variable, value: tf.Tensor, momentum: float) -> None:
    moving.assign(_float32(moving) * momentum + value * (1 - momentum))


def _float32(variable: keras.Variable) -> tf.Tensor:
    return tf.cast(variable.value, tf.float32)
