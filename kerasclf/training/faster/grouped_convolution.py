"""Grouped convolution as a few dense convolutions, each of several groups with zeros between them.

TensorFlow has no gradient for grouped convolutions on a CPU. Keras leaves them to XLA, whose gradient of a 3×3 kernel
with 128 groups at (64, 16, 16, 512) did not finish within two minutes.
"""

import keras
import tensorflow as tf

from kerasclf.training.faster.cpu_only import only_cpus

# Maximum channels of a dense convolution of several groups. On two cores 16 was the fastest of 16, 32, 64 and 128.
_CHANNELS = 16


def fits(layer: keras.Layer) -> bool:
    """Returns whether a layer is a grouped convolution, channels last. GPUs, which support them, are excluded."""
    if type(layer) is not keras.layers.Conv2D or layer.groups == 1 or layer.data_format != "channels_last":
        return False
    return only_cpus()


def call(layer: keras.layers.Conv2D, inputs: tf.Tensor) -> tf.Tensor:
    """Replaces `Conv2D.call`."""
    kernel = keras.ops.convert_to_tensor(layer.kernel)  # in the precision of the layer
    together = _groups_per_convolution(layer.groups, max(kernel.shape[2], layer.filters // layer.groups))
    kernels = _dense(kernel, layer.groups, together)
    outputs = [
        tf.nn.conv2d(channels, dense, layer.strides, layer.padding.upper(), dilations=layer.dilation_rate)
        for channels, dense in zip(tf.split(inputs, len(kernels), axis=-1), kernels, strict=True)
    ]
    output = tf.concat(outputs, axis=-1)
    if layer.use_bias:
        output += keras.ops.convert_to_tensor(layer.bias)
    return output if layer.activation is None else layer.activation(output)


def _groups_per_convolution(groups: int, width: int) -> int:
    """Returns the number of groups, each with `width` channels, in a dense convolution. It divides `groups`."""
    return max(n for n in range(1, groups + 1) if groups % n == 0 and (n == 1 or n * width <= _CHANNELS))


def _dense(kernel: tf.Tensor, groups: int, together: int) -> list[tf.Tensor]:
    """Returns kernels of shape (height, width, inputs, outputs) in which each group sees only its own inputs."""
    height, width, inputs, filters = kernel.shape
    outputs, count = filters // groups, groups // together
    separate = tf.reshape(kernel, (height, width, inputs, count, together, outputs))
    # In convolution n, the weights from inputs i of group p to outputs o of group q are zero unless p equals q.
    dense = tf.einsum("hwinqo,pq->nhwpiqo", separate, tf.eye(together, dtype=kernel.dtype))
    return tf.unstack(tf.reshape(dense, (count, height, width, together * inputs, together * outputs)))
