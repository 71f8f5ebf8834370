"""1×1 convolutions of small images as products of matrices, which they are.

oneDNN's convolutions are made for images; of few places they take up to three times as long as the product.
"""

import keras
import tensorflow as tf

from kerasclf.training.faster.device import only_cpus

# Height × width. With 64 places, the product took 0.9 of the convolution's time, with 1 a third.
_MOST_PLACES = 64


def fits(layer: keras.Layer) -> bool:
    """Whether a layer is a 1×1 convolution of stride 1 over all channels; on a GPU (not measured) none fits."""
    if type(layer) is not keras.layers.Conv2D or layer.groups > 1 or layer.data_format != "channels_last":
        return False
    return layer.kernel_size == (1, 1) and layer.strides == (1, 1) and only_cpus()


def call(layer: keras.layers.Conv2D, inputs: tf.Tensor) -> tf.Tensor:
    """Stands in for `Conv2D.call`, which gets larger images."""
    places = inputs.shape[1:3].num_elements()  # None where it is not known
    if places is None or places > _MOST_PLACES:
        return keras.layers.Conv2D.call(layer, inputs)
    kernel = keras.ops.convert_to_tensor(layer.kernel)  # in the precision of the layer
    channels = inputs.shape[-1]
    outputs = tf.matmul(tf.reshape(inputs, (-1, channels)), tf.reshape(kernel, (channels, layer.filters)))
    if layer.use_bias:
        outputs = tf.nn.bias_add(outputs, keras.ops.convert_to_tensor(layer.bias))
    outputs = tf.reshape(outputs, (tf.shape(inputs)[0], *inputs.shape[1:3], layer.filters))
    return outputs if layer.activation is None else layer.activation(outputs)
