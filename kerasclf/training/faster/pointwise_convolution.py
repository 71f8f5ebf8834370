"""1×1 convolutions of small images as matrix products.

oneDNN optimises its convolutions for larger images. For few pixels they take up to three times as long as the product.
"""

import keras
import tensorflow as tf

from kerasclf.training.faster.cpu_only import only_cpus

# Maximum height × width. With 64 pixels the product took 0.9 of the convolution's time, with 1 pixel a third.
_MAX_PIXELS = 64


def fits(layer: keras.Layer) -> bool:
    """Returns whether a layer is a 1×1 convolution of stride 1, ungrouped. GPUs, not measured, are excluded."""
    if type(layer) is not keras.layers.Conv2D or layer.groups > 1 or layer.data_format != "channels_last":
        return False
    return layer.kernel_size == (1, 1) and layer.strides == (1, 1) and only_cpus()


def call(layer: keras.layers.Conv2D, inputs: tf.Tensor) -> tf.Tensor:
    """Replaces `Conv2D.call`, and calls it for larger images."""
    pixels = inputs.shape[1:3].num_elements()  # None if unknown
    if pixels is None or pixels > _MAX_PIXELS:
        return keras.layers.Conv2D.call(layer, inputs)
    kernel = keras.ops.convert_to_tensor(layer.kernel)  # in the precision of the layer
    channels = inputs.shape[-1]
    outputs = tf.matmul(tf.reshape(inputs, (-1, channels)), tf.reshape(kernel, (channels, layer.filters)))
    if layer.use_bias:
        outputs = tf.nn.bias_add(outputs, keras.ops.convert_to_tensor(layer.bias))
    outputs = tf.reshape(outputs, (tf.shape(inputs)[0], *inputs.shape[1:3], layer.filters))
    return outputs if layer.activation is None else layer.activation(outputs)
