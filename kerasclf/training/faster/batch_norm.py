"""Batch normalisation as one TensorFlow operation, `FusedBatchNormV3`. Keras uses a dozen operations.

In inference mode Keras uses one multiplication and one addition. This is faster on a CPU in float32, and stays in use:
the gradient of the fused operation stores all inputs and sums over them for a scale and an offset that do not train. In
16 bits Keras rounds scale and offset, and the fused operation rounds only the result.

On a CPU the fused operation is slow if the number of channels is no multiple of four, such as the six of BaseNet. There
rows of the image are normalised at once: these are long vectors, and each number meets its own scale and offset.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework.config import is_op_determinism_enabled

from kerasclf.training.faster.cpu_only import only_cpus

# cuDNN rejects a smaller epsilon; a CPU accepts any.
_MIN_EPSILON_ON_GPU = 1.001e-5
# Numbers of channels that the fused operation computes fast on a CPU are its multiples.
_VECTOR = 4
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
    scale = _float32(layer.gamma) if layer.scale else tf.ones(images.shape[-1])
    offset = _float32(layer.beta) if layer.center else tf.zeros(images.shape[-1])
    if learns and _pays_in_rows(images) and only_cpus():
        outputs, mean, variance = _normalize_rows(images, scale, offset, layer.epsilon)
        _update(layer.moving_mean, mean, layer.momentum)
        _update(layer.moving_variance, variance, layer.momentum)
        return tf.cast(outputs, layer.compute_dtype)
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=images,
        scale=scale,
        offset=offset,
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


def _pays_in_rows(images: tf.Tensor) -> bool:
    """Returns whether normalising rows is faster than the fused operation: 2.5 to 5 times for 3, 6 and 10 channels."""
    width, channels = images.shape[2:]
    return images.dtype == tf.float32 and bool(channels % _VECTOR) and width is not None and width > 1


def _normalize_rows(
    images: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Normalises images by their own statistics.

    Args:
        images: Shape (n, height, width, channels).
        scale: Shape (channels,).
        offset: Shape (channels,).
        epsilon: What is added to the variance.

    Returns:
        The images, and the mean and the population variance of each channel, which have no gradient.
    """
    width, channels = images.shape[2:]

    def along_row(values: tf.Tensor) -> tf.Tensor:
        return tf.tile(values, [width])

    def mean_of(rows: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.reshape(tf.reduce_mean(rows, 0), (width, channels)), 0)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def normalize(images: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> tuple[Any, Callable[..., Any]]:
        rows = tf.reshape(images, (-1, width * channels))
        mean = mean_of(rows)
        centered = rows - along_row(mean)
        variance = mean_of(centered * centered)
        inverse = tf.math.rsqrt(variance + epsilon)
        outputs = centered * along_row(scale * inverse) + along_row(offset)

        def gradients(upstream: tf.Tensor, *statistics: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            count = tf.cast(tf.size(upstream) / channels, tf.float32)
            above = tf.reshape(upstream, (-1, width * channels))
            by_offset, by_centered = mean_of(above), mean_of(above * centered)
            slope = along_row(inverse * inverse * by_centered)
            by_images = (above - along_row(by_offset) - centered * slope) * along_row(scale * inverse)
            return tf.reshape(by_images, tf.shape(upstream)), count * by_centered * inverse, count * by_offset

        return (tf.reshape(outputs, tf.shape(images)), mean, variance), gradients

    return normalize(images, scale, offset)  # type: ignore[no-any-return]


def _population_share(images: tf.Tensor) -> tf.Tensor:
    """Returns the factor from the operation's sample variance (divided by n - 1) to Keras' population variance."""
    count = tf.cast(tf.reduce_prod(tf.shape(images)[:-1]), tf.float32)
    return (count - 1) / count


def _update(moving: keras.Variable, value: tf.Tensor, momentum: float) -> None:
    moving.assign(_float32(moving) * momentum + value * (1 - momentum))


def _float32(variable: keras.Variable) -> tf.Tensor:
    return tf.cast(variable.value, tf.float32)
