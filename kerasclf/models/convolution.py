"""Convolutions in groups, from one group to one group per channel."""

import keras
from keras import layers


def convolve(
    x: keras.KerasTensor, filters: int, kernel: int, stride: int, groups: int, padding: str, bias: bool, name: str
) -> keras.KerasTensor:
    """Applies a convolution in groups with PyTorch's initial weights: uniform, up to 1/√(inputs of one output).

    Keras' own initializers count the inputs of all channels. They would make a depthwise kernel far too small.

    Args:
        x: Tensor of shape (batch, height, width, channels).
        filters: Channels of the output.
        kernel: Height and width of the kernel.
        stride: Stride of the kernel.
        groups: Number of groups; must divide the channels and `filters`.
        padding: `"same"` or `"valid"`.
        bias: Whether to add a bias, initially 0.
        name: Name of the layer.
    """
    limit = (kernel * kernel * x.shape[-1] // groups) ** -0.5
    initializer = keras.initializers.RandomUniform(-limit, limit)
    if groups == x.shape[-1] > 1:
        return layers.DepthwiseConv2D(
            kernel, stride, padding, filters // groups, use_bias=bias, depthwise_initializer=initializer, name=name
        )(x)  # fmt: skip
    return layers.Conv2D(
        filters, kernel, stride, padding, groups=groups, use_bias=bias, kernel_initializer=initializer, name=name
    )(x)  # fmt: skip
