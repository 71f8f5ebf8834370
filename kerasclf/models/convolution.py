"""Convolutions in groups, from one for all channels to one for each."""

import keras
from keras import layers


def convolve(
    x: keras.KerasTensor, filters: int, kernel: int, stride: int, groups: int, padding: str, bias: bool, name: str
) -> keras.KerasTensor:
    """A convolution in groups, whose weights begin as PyTorch's: uniform, up to 1/√(inputs of one output).

    Keras' own initializers count the inputs of all channels and would begin a depthwise kernel far too small.

    Args:
        x: (batch, height, width, channels).
        filters: Channels of the output.
        kernel: Its height and width.
        stride: Its step.
        groups: A divisor of channels and filters.
        padding: `"same"` or `"valid"`.
        bias: Whether it has one, which begins at 0.
        name: Name of the layer.
    """
    limit = (kernel * kernel * x.shape[-1] // groups) ** -0.5
    start = keras.initializers.RandomUniform(-limit, limit)
    if groups == x.shape[-1] > 1:
        return layers.DepthwiseConv2D(
            kernel, stride, padding, filters // groups, use_bias=bias, depthwise_initializer=start, name=name
        )(x)  # fmt: skip
    return layers.Conv2D(
        filters, kernel, stride, padding, groups=groups, use_bias=bias, kernel_initializer=start, name=name
    )(x)  # fmt: skip
