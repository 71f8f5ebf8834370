"""Convolution in groups as a few dense ones, each of several groups with zeros between them.

TensorFlow has no gradient for convolutions in groups on a CPU. Keras leaves them to XLA, whose gradient of a 3×3 in 128
groups at (64, 16, 16, 512) had not come after two minutes.
"""

import keras
import tensorflow as tf

from kerasclf.training.faster.device import only_cpus

# Channels of a dense convolution, where groups are smaller: of 16, 32, 64 and 128 the quickest on two cores.
_CHANNELS = 16


def fits(layer: keras.Layer) -> bool:
    """Whether a layer is a convolution in groups, channels last; on a GPU, which has an operation for it, none fits."""
    if type(layer) is not keras.layers.Conv2D or layer.groups == 1 or layer.data_format != "channels_last":
        return False
    return only_cpus()


def call(layer: keras.layers.Conv2D, inputs: tf.Tensor) -> tf.Tensor:
    """Stands in for `Conv2D.call`."""
    kernel = keras.ops.convert_to_tensor(layer.kernel)  # in the precision of the layer
    together = _groups_together(layer.groups, max(kernel.shape[2], layer.filters // layer.groups))
    kernels = _dense(kernel, layer.groups, together)
    outputs = [
        tf.nn.conv2d(part, dense, layer.strides, layer.padding.upper(), dilations=layer.dilation_rate)
        for part, dense in zip(tf.split(inputs, len(kernels), axis=-1), kernels, strict=True)
    ]
    output = tf.concat(outputs, axis=-1)
    if layer.use_bias:
        output += keras.ops.convert_to_tensor(layer.bias)
    return output if layer.activation is None else layer.activation(output)


def _groups_together(groups: int, width: int) -> int:
    """Returns how many groups of so many channels make one dense convolution: a divisor of their number."""
    return max(n for n in range(1, groups + 1) if groups % n == 0 and (n == 1 or n * width <= _CHANNELS))


def _dense(kernel: tf.Tensor, groups: int, together: int) -> list[tf.Tensor]:
    """Returns kernels of (height, width, inputs, outputs), in each of which groups see only their own inputs."""
    height, width, inputs, filters = kernel.shape
    outputs, parts = filters // groups, groups // together
    apart = tf.reshape(kernel, (height, width, inputs, parts, together, outputs))
    # From group p's inputs i to group q's outputs o, in the n-th part: nothing but where p is q.
    dense = tf.einsum("hwinqo,pq->nhwpiqo", apart, tf.eye(together, dtype=kernel.dtype))
    return tf.unstack(tf.reshape(dense, (parts, height, width, together * inputs, together * outputs)))
