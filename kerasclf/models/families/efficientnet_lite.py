"""EfficientNet-Lite in five sizes, in TensorFlow's version."""

import math
from dataclasses import dataclass
from functools import partial

import keras
from keras import initializers, layers

from kerasclf.models.heads import classify, drop, pool
from kerasclf.models.preprocessing import Preprocess, channels_allowed, preprocess_pixels
from kerasclf.models.residual import drop_branch, rates_by_block
from kerasclf.models.sizes import check_sizes, share_problems

# The stem and the last convolution have these widths in every size.
_STEM, _FEATURES = 32, 1280
# Widths are multiples of it.
_DIVISOR = 8


@dataclass(frozen=True)
class _Stage:
    """Inverted bottlenecks of one width, before the widths and depths of a size scale them.

    Args:
        kernel: Height and width of the depthwise kernels.
        blocks: Number of blocks.
        width: Channels of the output.
        expansion: Channels inside a block relative to its input.
        stride: Stride of the first block.
    """

    kernel: int
    blocks: int
    width: int
    expansion: int
    stride: int


_STAGES = (
    _Stage(3, 1, 16, 1, 1),
    _Stage(3, 2, 24, 6, 2),
    _Stage(5, 2, 40, 6, 2),
    _Stage(3, 3, 80, 6, 2),
    _Stage(5, 3, 112, 6, 1),
    _Stage(5, 4, 192, 6, 2),
    _Stage(3, 1, 320, 6, 1),
)


@dataclass(frozen=True)
class _Size:
    """Settings of one EfficientNet-Lite.

    Args:
        width: Factor of the widths of the blocks.
        depth: Factor of the numbers of blocks, except in the first and the last stage.
        side: Published height and width of the images, in pixels.
        dropout: Published dropout rate before the classifier.
    """

    width: float
    depth: float
    side: int
    dropout: float


_SIZES = {
    "efficientnet_lite0": _Size(1.0, 1.0, 224, 0.2),
    "efficientnet_lite1": _Size(1.0, 1.1, 240, 0.2),
    "efficientnet_lite2": _Size(1.1, 1.2, 260, 0.3),
    "efficientnet_lite3": _Size(1.2, 1.4, 280, 0.3),
    "efficientnet_lite4": _Size(1.4, 1.8, 300, 0.3),
}


def efficientnet_lite(
    architecture: str,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    dropout: float | None = None,
    stochastic_depth: float = 0.2,
    preprocess: Preprocess = "symmetric",
    name: str | None = None,
) -> keras.Model:
    """Builds an EfficientNet-Lite: inverted bottlenecks with ReLU6, without squeeze-and-excitation.

    Conv 32@3/2 · seven stages of blocks · conv 1280@1 · global average pooling · dropout · dense `num_classes`. A block
    expands by a 1×1 convolution, filters each channel by a 3×3 or 5×5 kernel and projects by a 1×1 convolution without
    activation. A block that keeps its shape adds its input. 4,652,008 (efficientnet_lite0), 5,416,680, 6,092,072,
    8,197,096 and 13,006,568 (efficientnet_lite4) trainable parameters with 1000 classes. "EfficientNet", Tan & Le 2019,
    arXiv:1905.11946; the Lite sizes are those of TensorFlow's repository, 2020.

    Args:
        architecture: `"efficientnet_lite0"` to `"efficientnet_lite4"`.
        input_shape: Height, width and channels. The published sides are 224, 240, 260, 280 and 300.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits.
        include_top: Whether to include the classifier; False returns the last feature map.
        dropout: Dropout rate before the classifier; None for the published one: 0.2 in the first two sizes, then 0.3.
        stochastic_depth: Probability of skipping a block for an image during training. It rises linearly from 0 for the
            first block, and would reach this value in the block after the last one.
        preprocess: `"symmetric"` maps pixels 0–255, grey or RGB, to (x − 127)/128 inside the model; None changes
            nothing.
        name: Name of the model; None for the architecture's.

    Returns:
        An uncompiled functional model: (batch, height, width, channels) → (batch, num_classes), or
        (batch, ⌈height/32⌉, ⌈width/32⌉, 1280) without top.

    Raises:
        KerasclfError: If an argument cannot be used; all faults are listed.
    """
    size = _SIZES[architecture]
    dropout = size.dropout if dropout is None else dropout
    problems = share_problems(dropout=dropout, stochastic_depth=stochastic_depth)
    check_sizes(
        architecture, input_shape, num_classes, 1, channels_allowed(input_shape, preprocess, "symmetric"), problems
    )
    image = keras.Input(input_shape, name="image")
    x = _conv(preprocess_pixels(image, preprocess), _STEM, 3, "conv1", stride=2)
    depths = _depths(size)
    # As in TensorFlow: the rate of a block is its share of all blocks below it.
    rates = rates_by_block(depths, stochastic_depth * (1 - 1 / sum(depths)))
    for number, (stage, blocks) in enumerate(zip(_STAGES, rates, strict=True), 2):
        x = _stage(x, stage, _width(stage, size), blocks, f"conv{number}")
    x = _conv(x, _FEATURES, 1, f"conv{len(_STAGES) + 2}")
    if include_top:
        x = classify(drop(pool(x), dropout, "logits"), num_classes, classifier_activation)
    return keras.Model(image, x, name=name or architecture)


def _variant(architecture: str) -> partial[keras.Model]:
    side = _SIZES[architecture].side
    return partial(efficientnet_lite, architecture, input_shape=(side, side, 3))


efficientnet_lite0 = _variant("efficientnet_lite0")
efficientnet_lite1 = _variant("efficientnet_lite1")
efficientnet_lite2 = _variant("efficientnet_lite2")
efficientnet_lite3 = _variant("efficientnet_lite3")
efficientnet_lite4 = _variant("efficientnet_lite4")


def _depths(size: _Size) -> list[int]:
    """Returns the number of blocks of each stage. The first and the last stage keep theirs."""
    first, *middle, last = (stage.blocks for stage in _STAGES)
    return [first, *(math.ceil(size.depth * blocks) for blocks in middle), last]


def _width(stage: _Stage, size: _Size) -> int:
    """Returns the channels of a stage: the nearest multiple of 8 that loses at most a tenth."""
    wanted = size.width * stage.width
    nearest = max(_DIVISOR, int(wanted + _DIVISOR / 2) // _DIVISOR * _DIVISOR)
    return nearest if nearest >= 0.9 * wanted else nearest + _DIVISOR


def _stage(x: keras.KerasTensor, stage: _Stage, width: int, rates: list[float], name: str) -> keras.KerasTensor:
    for number, rate in enumerate(rates, 1):
        x = _block(x, stage, width, stage.stride if number == 1 else 1, rate, f"{name}_block{number}")
    return x


def _block(x: keras.KerasTensor, stage: _Stage, width: int, stride: int, rate: float, name: str) -> keras.KerasTensor:
    before = x.shape[-1]
    branch = x
    if stage.expansion > 1:
        branch = _conv(branch, stage.expansion * before, 1, f"{name}_expand")
    branch = _depthwise(branch, stage.kernel, stride, f"{name}_depthwise")
    branch = _conv(branch, width, 1, f"{name}_project", relu=False)
    if stride > 1 or width != before:
        return branch
    return layers.Add(name=f"{name}_add")([x, drop_branch(branch, rate, "image", f"{name}_drop")])


def _conv(
    x: keras.KerasTensor, filters: int, kernel: int, name: str, stride: int = 1, relu: bool = True
) -> keras.KerasTensor:
    # "same" pads a strided convolution more at its end, as in TensorFlow, where the weights were trained.
    x = layers.Conv2D(
        filters, kernel, stride, "same", use_bias=False, kernel_initializer=_initializer(), name=f"{name}_conv"
    )(x)  # fmt: skip
    return _norm(x, name, relu)


def _depthwise(x: keras.KerasTensor, kernel: int, stride: int, name: str) -> keras.KerasTensor:
    x = layers.DepthwiseConv2D(
        kernel, stride, "same", use_bias=False, depthwise_initializer=_initializer(), name=f"{name}_conv"
    )(x)
    return _norm(x, name, relu=True)


def _norm(x: keras.KerasTensor, name: str, relu: bool) -> keras.KerasTensor:
    x = layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name=f"{name}_bn")(x)
    return layers.ReLU(max_value=6, name=f"{name}_relu")(x) if relu else x


def _initializer() -> keras.Initializer:
    # Scaled by the number of outputs, to keep the size of gradients. One per layer: a shared initializer gives all
    # layers the same numbers.
    return initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")
