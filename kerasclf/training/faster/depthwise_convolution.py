"""Depthwise convolutions of images smaller than the kernel, without the kernel elements that meet only padding.

TensorFlow computes the gradient of all kernel elements, which takes most of the time. For a 7×7 kernel on 1×1 pixel
these are 49, and all but the middle one meet only padding.
"""

import keras
import tensorflow as tf

from kerasclf.training.faster.cpu_only import only_cpus


def fits(layer: keras.Layer) -> bool:
    """Returns whether a layer keeps the image size and its kernel has a centre. GPUs, not measured, are excluded."""
    if type(layer) is not keras.layers.DepthwiseConv2D or layer.data_format != "channels_last" or not only_cpus():
        return False
    is_dense = layer.strides == (1, 1) and layer.dilation_rate == (1, 1)
    return layer.padding == "same" and is_dense and all(side % 2 for side in layer.kernel_size)


def call(layer: keras.layers.DepthwiseConv2D, inputs: tf.Tensor) -> tf.Tensor:
    """Replaces `DepthwiseConv2D.call`, and calls it for images that meet the whole kernel."""
    sides = [_used_side(*both) for both in zip(layer.kernel_size, inputs.shape[1:3], strict=True)]
    if sides == list(layer.kernel_size):
        return keras.layers.DepthwiseConv2D.call(layer, inputs)
    kernel = keras.ops.convert_to_tensor(layer.kernel)  # in the precision of the layer
    top, left = ((whole - side) // 2 for whole, side in zip(layer.kernel_size, sides, strict=True))
    middle = kernel[top : top + sides[0], left : left + sides[1]]
    outputs = tf.nn.depthwise_conv2d(inputs, middle, (1, 1, 1, 1), "SAME")
    if layer.use_bias:
        outputs = tf.nn.bias_add(outputs, keras.ops.convert_to_tensor(layer.bias))
    return outputs if layer.activation is None else layer.activation(outputs)


def _used_side(kernel: int, image: int | None) -> int:
    """Returns the number of elements along a side of the kernel that meet any pixel of the image."""
    return kernel if image is None else min(kernel, 2 * image - 1)
