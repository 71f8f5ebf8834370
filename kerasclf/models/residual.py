"""What deep residual networks put on a branch before it is added: a small scale, and chance.

Keras has no layers by these names, but two of its own compute exactly them. A model made of them loads with Keras
alone, where layers of our own would have to be imported first.
"""

from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np
from keras import layers

# Of one image, or of all images of a batch together: torchvision's "row" and "batch".
DropBy = Literal["image", "batch"]


def scale_channels(x: keras.KerasTensor, initial: float, name: str) -> keras.KerasTensor:
    """Multiplies each channel by a number of its own, learnt from `initial`: layer scale.

    It is a depthwise 1×1 convolution without bias, whose kernel is (1, 1, channels, 1).

    Args:
        x: (batch, height, width, channels).
        initial: The factors at first; ConvNeXt's is 1e-6, so that a block begins as next to nothing.
        name: Name of the layer.
    """
    start = keras.initializers.Constant(initial)
    return layers.DepthwiseConv2D(1, use_bias=False, depthwise_initializer=start, name=name)(x)


def drop_branch(x: keras.KerasTensor, rate: float, by: DropBy, name: str) -> keras.KerasTensor:
    """Sets a whole branch to 0 with a probability while training: stochastic depth.

    It is a dropout whose noise has one number for an image, or for a batch. What is kept is divided by 1 - rate, so
    that the mean stays; in inference nothing changes. The layer is there at rate 0 too: names and their order do not
    hang on a rate.

    Args:
        x: (batch, height, width, channels).
        rate: The probability.
        by: Whether each image has a draw of its own or all of a batch share one.
        name: Name of the layer.
    """
    return layers.Dropout(rate, noise_shape=(None if by == "image" else 1, 1, 1, 1), name=name)(x)


def rates_by_block(depths: Sequence[int], largest: float) -> list[list[float]]:
    """Returns each block's rate by stage: rising evenly from 0 for the first block to `largest` for the last."""
    rates = _rising(sum(depths), largest)
    ends = np.cumsum(depths).tolist()
    return [rates[end - depth : end] for end, depth in zip(ends, depths, strict=True)]


def rates_by_stage(depths: Sequence[int], largest: float) -> list[list[float]]:
    """Returns the rates that come of handing them out by stage, as the published ladder did.

    There are as many rates as blocks, yet each stage takes the next one for all of its blocks: four stages use the
    first four, and the largest is never reached.
    """
    rates = _rising(sum(depths), largest)
    return [[rates[stage]] * depth for stage, depth in enumerate(depths)]


def _rising(count: int, largest: float) -> list[float]:
    return np.linspace(0, largest, count).tolist()
