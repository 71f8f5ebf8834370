"""ResNet-18 to ResNet-152 in torchvision's version."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import keras
from keras import initializers, layers

from kerasclf.models.heads import classify, pool
from kerasclf.models.preprocessing import Preprocess, channels_allowed, preprocess_pixels
from kerasclf.models.sizes import check_sizes

Stem = Literal["7x7", "3x3"]
_WIDTHS = (64, 128, 256, 512)
_EXPANSION = 4  # width of a bottleneck's last convolution relative to its 3×3
# PyTorch's momentum of 0.1 for the new batch is Keras' momentum of 0.9 for the old mean.
_BATCH_NORM = {"momentum": 0.9, "epsilon": 1e-5}


@dataclass(frozen=True)
class _Depth:
    """Number of blocks in each stage, and whether they are bottlenecks."""

    blocks: tuple[int, int, int, int]
    bottleneck: bool


_DEPTHS = {
    "resnet18": _Depth((2, 2, 2, 2), bottleneck=False),
    "resnet34": _Depth((3, 4, 6, 3), bottleneck=False),
    "resnet50": _Depth((3, 4, 6, 3), bottleneck=True),
    "resnet101": _Depth((3, 4, 23, 3), bottleneck=True),
    "resnet152": _Depth((3, 8, 36, 3), bottleneck=True),
}


def resnet(
    architecture: str,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    stem: Stem = "7x7",
    preprocess: Preprocess = "imagenet",
    name: str | None = None,
) -> keras.Model:
    """Builds a residual network with ImageNet's stem, or with a 3×3 stem for small images.

    Stem · four stages of residual blocks, 64 to 512 wide, of which the last three halve the sides · global average
    pooling · dense `num_classes`. A block has two 3×3 convolutions in resnet18 and resnet34, and 1×1 · 3×3 · 1×1 with
    four times the width in the others. There the 3×3 has the stride, as in torchvision; in the paper the first 1×1 has
    it. 11,689,512 (resnet18), 21,797,672, 25,557,032, 44,549,160 and 60,192,808 (resnet152) trainable parameters at the
    defaults. He et al. 2015, arXiv:1512.03385.

    Args:
        architecture: `"resnet18"`, `"resnet34"`, `"resnet50"`, `"resnet101"` or `"resnet152"`.
        input_shape: Height, width and channels.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits.
        include_top: Whether to include the classifier; False returns the last feature map.
        stem: `"7x7"`, a convolution and a pooling of stride 2 each, divides the sides by 4; `"3x3"` keeps the size.
        preprocess: `"imagenet"` normalises pixels 0–255, grey or RGB, inside the model; None changes nothing.
        name: Name of the model; None for the architecture's.

    Returns:
        An uncompiled functional model: (batch, height, width, channels) → (batch, num_classes).

    Raises:
        KerasclfError: If an argument cannot be used; all faults are listed.
    """
    choices = {"stem": (stem, ("7x7", "3x3")), **channels_allowed(input_shape, preprocess)}
    check_sizes(architecture, input_shape, num_classes, least=1, choices=choices)
    inputs = keras.Input(input_shape, name="image")
    x = _stem(preprocess_pixels(inputs, preprocess), stem)
    depth = _DEPTHS[architecture]
    for stage, (width, blocks) in enumerate(zip(_WIDTHS, depth.blocks, strict=True), 2):
        x = _stage(x, width, blocks, depth.bottleneck, stage)
    if include_top:
        x = classify(pool(x), num_classes, classifier_activation)
    return keras.Model(inputs, x, name=name or architecture)


resnet18 = partial(resnet, "resnet18")
resnet34 = partial(resnet, "resnet34")
resnet50 = partial(resnet, "resnet50")
resnet101 = partial(resnet, "resnet101")
resnet152 = partial(resnet, "resnet152")


def _stem(x: keras.KerasTensor, stem: Stem) -> keras.KerasTensor:
    if stem == "3x3":
        return _conv_bn(x, 64, 3, 1, "conv1", relu=True)
    x = _conv_bn(x, 64, 7, 2, "conv1", relu=True)
    # Padding with 0 equals padding with −∞: no value is below 0 after a ReLU.
    x = layers.ZeroPadding2D(1, name="conv1_pool_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name="conv1_pool")(x)


def _stage(x: keras.KerasTensor, width: int, blocks: int, bottleneck: bool, stage: int) -> keras.KerasTensor:
    block = _bottleneck_block if bottleneck else _basic_block
    for number in range(1, blocks + 1):
        stride = 2 if number == 1 and stage > 2 else 1
        x = block(x, width, stride, f"conv{stage}_block{number}")
    return x


def _basic_block(x: keras.KerasTensor, width: int, stride: int, name: str) -> keras.KerasTensor:
    shortcut = _shortcut(x, width, stride, name)
    x = _conv_bn(x, width, 3, stride, f"{name}_1", relu=True)
    x = _conv_bn(x, width, 3, 1, f"{name}_2")
    return _add(shortcut, x, name)


def _bottleneck_block(x: keras.KerasTensor, width: int, stride: int, name: str) -> keras.KerasTensor:
    shortcut = _shortcut(x, _EXPANSION * width, stride, name)
    x = _conv_bn(x, width, 1, 1, f"{name}_1", relu=True)
    x = _conv_bn(x, width, 3, stride, f"{name}_2", relu=True)
    x = _conv_bn(x, _EXPANSION * width, 1, 1, f"{name}_3")
    return _add(shortcut, x, name)


def _shortcut(x: keras.KerasTensor, width: int, stride: int, name: str) -> keras.KerasTensor:
    return x if x.shape[-1] == width and stride == 1 else _conv_bn(x, width, 1, stride, f"{name}_0")


def _add(shortcut: keras.KerasTensor, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([shortcut, x]))


def _conv_bn(
    x: keras.KerasTensor, filters: int, kernel_size: int, stride: int, name: str, relu: bool = False
) -> keras.KerasTensor:
    padding = "same" if stride == 1 else "valid"
    if stride > 1 and kernel_size > 1:
        # Keras' "same" pads a strided convolution more at its end; the published weights were trained with equal
        # padding at both ends.
        x = layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides=stride,
        padding=padding,
        use_bias=False,
        # Scaled by the number of outputs, to keep the size of gradients (He et al., section 3.4).
        kernel_initializer=initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"),
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(**_BATCH_NORM, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x
