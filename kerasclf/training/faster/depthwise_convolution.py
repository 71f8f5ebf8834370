"""Depthwise convolutions with kernels larger than their images, without the taps that never meet a pixel.

TensorFlow's gradient by the kernel takes most of the time, and takes it for all taps: of 7×7 on 1×1 pixel for 49, where
all but the middle lie on the padding.
"""

import keras
import tensorflow as tf

from kerasclf.training.faster.device import only_cpus


def fits(layer: keras.Layer) -> bool:
    """Whether a layer keeps the image's size and has a middle; on a GPU (not measured) none fits."""
    if type(layer) is not keras.layers.DepthwiseConv2D or layer.data_format != "channels_last" or not only_cpus():
        return False
    moves_by_one = layer.strides == (1, 1) and layer.dilation_rate == (1, 1)
    return layer.padding == "same" and moves_by_one and all(side % 2 for side in layer.kernel_size)


def call(layer: keras.layers.DepthwiseConv2D, inputs: tf.Tensor) -> tf.Tensor:
    """Stands in for `DepthwiseConv2D.call`, which gets images that all taps meet."""
    sides = [_meeting(*both) for both in zip(layer.kernel_size, inputs.shape[1:3], strict=True)]
    if sides == list(layer.kernel_size):
        return keras.layers.DepthwiseConv2D.call(layer, inputs)
    kernel = keras.ops.convert_to_tensor(layer.kernel)  # in the precision of the layer
    top, left = ((whole - side) // 2 for whole, side in zip(layer.kernel_size, sides, strict=True))
    middle = kernel[top : top + sides[0], left : left + sides[1]]
    outputs = tf.nn.depthwise_conv2d(inputs, middle, (1, 1, 1, 1), "SAME")
    if layer.use_bias:
        outputs = tf.nn.bias_add(outputs, keras.ops.convert_to_tensor(layer.bias))
    return outputs if layer.activation is None else layer.activation(outputs)


def _meeting(kernel: int, image: int | None) -> int:
    """Returns how many taps of a kernel's side ever lie on an image of so many pixels."""
    return kernel if image is None else min(kernel, 2 * image - 1)
