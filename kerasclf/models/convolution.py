"""Convolutions in groups, in the form that a CPU trains quickest."""

import keras
from keras import layers, ops


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
        groups: 1; as many as there are channels and filters; or a divisor of both, without bias.
        padding: `"same"` or `"valid"`.
        bias: Whether it has one, which begins at 0.
        name: Name of the layer.
    """
    limit = (kernel * kernel * x.shape[-1] // groups) ** -0.5
    start = keras.initializers.RandomUniform(-limit, limit)
    if groups == 1:
        return layers.Conv2D(
            filters, kernel, stride, padding, use_bias=bias, kernel_initializer=start, name=name
        )(x)  # fmt: skip
    return _convolve_groups(x, filters, kernel, stride, groups, padding, bias, start, name)


def _convolve_groups(
    x: keras.KerasTensor,
    filters: int,
    kernel: int,
    stride: int,
    groups: int,
    padding: str,
    bias: bool,
    start: keras.Initializer,
    name: str,
) -> keras.KerasTensor:
    """A depthwise convolution, then a sum over each group's inputs.

    `Conv2D(groups=...)` has the same weights and values, but Keras leaves it to XLA, as TensorFlow has no kernel for
    its gradient on a CPU. On two busy cores, one gradient of 3×3 in 128 groups at (64, 16, 16, 512) had not come after
    two minutes; this took half a second.
    """
    inputs, outputs = x.shape[-1] // groups, filters // groups
    x = layers.DepthwiseConv2D(
        kernel, stride, padding, outputs, use_bias=bias, depthwise_initializer=start, name=name
    )(x)  # fmt: skip
    if inputs == 1:
        return x
    height, width = x.shape[1:3]
    x = ops.sum(layers.Reshape((height, width, groups, inputs, outputs), name=f"{name}_parts")(x), axis=-2)
    x._keras_history.operation.name = f"{name}_sum"  # Keras would number it by what was built before
    return layers.Reshape((height, width, filters), name=f"{name}_whole")(x)
