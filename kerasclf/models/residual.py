"""Layer scale and stochastic depth for the branches of residual networks.

Keras has no layers of these names, but two of its layers compute exactly the same. A model made of them loads with
Keras alone, without an import of custom layers.
"""

from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np
from keras import layers

# For each image, or for all images of a batch together: torchvision's "row" and "batch".
DropBy = Literal["image", "batch"]


def scale_channels(x: keras.KerasTensor, initial: float, name: str) -> keras.KerasTensor:
    """Multiplies each channel by a trainable factor: layer scale.

    The layer is a depthwise 1×1 convolution without bias. Its kernel has shape (1, 1, channels, 1).

    Args:
        x: Tensor of shape (batch, height, width, channels).
        initial: Initial factor. ConvNeXt's is 1e-6: a block starts with almost no effect.
        name: Name of the layer.
    """
    initializer = keras.initializers.Constant(initial)
    return layers.DepthwiseConv2D(1, use_bias=False, depthwise_initializer=initializer, name=name)(x)


def drop_branch(x: keras.KerasTensor, rate: float, by: DropBy, name: str) -> keras.KerasTensor:
    """Sets a whole branch to 0 at random during training: stochastic depth.

    The layer is a dropout with one random number per image or per batch. Other values are divided by 1 - rate, which
    keeps the mean. Inference changes nothing. The layer exists at rate 0 too: layer names and their order are
    independent of the rate.

    Args:
        x: Tensor of shape (batch, height, width, channels).
        rate: Probability of dropping the branch.
        by: Whether to draw one number per `"image"` or per `"batch"`.
        name: Name of the layer.
    """
    return layers.Dropout(rate, noise_shape=(None if by == "image" else 1, 1, 1, 1), name=name)(x)


def rates_by_block(depths: Sequence[int], largest: float) -> list[list[float]]:
    """Returns the rate of each block by stage, rising linearly from 0 for the first block to `largest` for the last."""
    rates = _rising(sum(depths), largest)
    ends = np.cumsum(depths).tolist()
    return [rates[end - depth : end] for end, depth in zip(ends, depths, strict=True)]


def rates_by_stage(depths: Sequence[int], largest: float) -> list[list[float]]:
    """Returns the rates of the published ladder, which assigns them by stage.

    There are as many rates as blocks, but each stage uses one rate for all of its blocks. Four stages use only the
    first four rates and never reach the largest.
    """
    rates = _rising(sum(depths), largest)
    return [[rates[stage]] * depth for stage, depth in enumerate(depths)]


def _rising(count: int, largest: float) -> list[float]:
    return np.linspace(0, largest, count).tolist()
