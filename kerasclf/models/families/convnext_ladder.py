"""Seven steps from a ResNet-50 for small images to a ConvNeXt: one builder and a table of the steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import keras
from keras import layers

from kerasclf.models.convolution import convolve
from kerasclf.models.heads import classify, pool
from kerasclf.models.residual import (
    DropBy,
    drop_branch,
    rates_by_block,
    rates_by_stage,
    scale_channels,
)
from kerasclf.models.sizes import check_sizes, share_problems

_WIDTHS = (64, 128, 256, 512)
_EXPANSION = 4
_LAYER_SCALE = 1e-6
# The smallest value above PyTorch's 1e-5 that cuDNN accepts for batch normalisation.
_EPSILON = 1.001e-5
# PyTorch's momentum of 0.1 for the new batch is Keras' momentum of 0.9 for the old mean.
_BATCH_NORM = {"momentum": 0.9, "epsilon": _EPSILON}
# Three stages halve the image.
_MIN_SIDE = 8


class Conv(NamedTuple):
    """One convolution of a block.

    Args:
        kernel: Height and width of the kernel.
        width: Output channels as a share of the block's output channels; None for the number of its input channels.
        groups: `"one"` group; `"own"` for one group per channel; `"block"` for as many groups as the block has input
            channels.
        bias: Whether the convolution has a bias.
    """

    kernel: int
    width: float | None
    groups: Literal["one", "own", "block"] = "one"
    bias: bool = False


_BOTTLENECK = (Conv(1, 1 / 4), Conv(3, 1 / 4), Conv(1, 1))
_DEPTHWISE = (Conv(1, 1 / 4), Conv(3, 1 / 4, "own"), Conv(1, 1))
_INVERTED = (Conv(1, _EXPANSION), Conv(3, _EXPANSION, "block"), Conv(1, 1))
_LARGE_KERNEL = (Conv(7, None, "own"), Conv(1, _EXPANSION, bias=True), Conv(1, 1))


@dataclass(frozen=True)
class Step:
    """One network of the ladder.

    Args:
        stem: Height and width of the stem's kernel; a stem of 1 has no activation.
        depths: Blocks of each stage.
        block: Convolutions of a block; empty for ConvNeXt's block, which has its own function.
        published_depths: Blocks of each stage in the published study; None for the same.
    """

    stem: int
    depths: tuple[int, ...]
    block: tuple[Conv, ...] = ()
    published_depths: tuple[int, ...] | None = None


STEPS = {
    1: Step(3, (3, 4, 6, 3), _BOTTLENECK),
    2: Step(3, (3, 3, 9, 3), _BOTTLENECK),
    3: Step(1, (3, 3, 9, 3), _BOTTLENECK),
    4: Step(1, (3, 3, 9, 3), _DEPTHWISE),
    5: Step(1, (3, 3, 9, 3), _INVERTED),
    6: Step(1, (3, 3, 9, 3), _LARGE_KERNEL),
    7: Step(1, (3, 3, 9, 3), published_depths=(2, 2, 6, 2)),
}


def resnet_to_convnext(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    step: int = 7,
    published: bool = False,
    depths: Sequence[int] | None = None,
    stochastic_depth: float = 0.1,
    drop_by: DropBy = "image",
    name: str = "resnet_to_convnext",
) -> keras.Model:
    """Builds one of seven networks that lead from a ResNet-50 for 32×32 images to a ConvNeXt.

    Stem · four stages of 64, 128, 256, 512 channels, of which the last three halve the image · pooling · dense. Each
    step includes the changes of the steps before:

    1. 3×3 stem; 3-4-6-3 blocks of 1×1 to a quarter · 3×3 · 1×1, with batch norm and ReLU; 1,485,258 parameters.
    2. 3-3-9-3 blocks; 1,678,666.
    3. 1×1 stem without ReLU; 1,677,130.
    4. The 3×3 is depthwise; 878,362.
    5. 1×1 to four times the width · 3×3 with as many groups as the block has input channels · 1×1; 11,837,194.
    6. Depthwise 7×7 first · 1×1 to four times the width · 1×1; 11,256,970.
    7. ConvNeXt's block (depthwise 7×7 · norm · 1×1 · GELU · 1×1 · layer scale · stochastic depth), norm · 2×2 stride 2
       between stages, and layer norm before the classifier. Here norm is group norm with one group. 12,449,738
       parameters, and 8,531,978 with the published depths 2-2-6-2.

    The numbers count trainable parameters with 10 classes. The published study differs in three points, which
    `published` restores: a ReLU on the shortcut where the width changes (steps 1–6); fewer blocks in step 7, which
    prevent a comparison with step 6; and stochastic depth by stage, which leaves its rates near 0.
    "A ConvNet for the 2020s" (Liu et al. 2022, https://arxiv.org/abs/2201.03545).

    Args:
        input_shape: Height, width (at least 8 each) and channels. The network does not normalise its input.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits.
        include_top: Whether to include pooling and classifier; False returns the last feature map.
        step: Number of the step, 1 to 7.
        published: Whether to build the network of the published study.
        depths: Blocks of each of the four stages; None for those of the step.
        stochastic_depth: In step 7, the probability of skipping the last block during training. It rises linearly from
            0 for the first block.
        drop_by: Whether a block is skipped for each `"image"` separately or for a whole `"batch"`.
        name: Name of the model.

    Returns:
        An uncompiled functional model: (batch, height, width, channels) → (batch, num_classes), or
        (batch, height/8, width/8, 512) without top, rounded up in steps 1–6 and down in step 7.

    Raises:
        KerasclfError: If an argument cannot be used; all faults are listed.
    """
    choices = {"step": (step, tuple(STEPS)), "drop_by": (drop_by, ("image", "batch"))}
    problems = share_problems(stochastic_depth=stochastic_depth) + _depth_problems(depths)
    check_sizes(name, input_shape, num_classes, _MIN_SIDE, choices, problems)
    own = STEPS[step]
    if depths is None:
        depths = own.published_depths if published and own.published_depths is not None else own.depths
    image = keras.Input(input_shape, name="image")
    x = _stem(image, own.stem)
    if own.block:
        x = _convolutional_stages(x, own.block, depths, shortcut_relu=published)
    else:
        rates = (rates_by_stage if published else rates_by_block)(depths, stochastic_depth)
        x = _convnext_stages(x, rates, drop_by)
    if include_top:
        x = pool(x)
        x = x if own.block else layers.LayerNormalization(epsilon=_EPSILON, name="norm")(x)
        x = classify(x, num_classes, classifier_activation)
    return keras.Model(image, x, name=name)


def _stem(x: keras.KerasTensor, kernel: int) -> keras.KerasTensor:
    x = _conv(x, _WIDTHS[0], kernel, bias=True, name="conv1_conv")
    x = layers.BatchNormalization(**_BATCH_NORM, name="conv1_bn")(x)
    return layers.ReLU(name="conv1_relu")(x) if kernel > 1 else x


def _convolutional_stages(
    x: keras.KerasTensor, block: tuple[Conv, ...], depths: Sequence[int], shortcut_relu: bool
) -> keras.KerasTensor:
    """Builds the stages of steps 1 to 6."""
    for stage, (width, depth) in enumerate(zip(_WIDTHS, depths, strict=True), 2):
        for number in range(1, depth + 1):
            stride = 2 if stage > 2 and number == 1 else 1
            x = _convolutional_block(x, block, width, stride, shortcut_relu, f"conv{stage}_block{number}")
    return x


def _convolutional_block(
    x: keras.KerasTensor, block: tuple[Conv, ...], width: int, stride: int, shortcut_relu: bool, name: str
) -> keras.KerasTensor:
    channels, branch = x.shape[-1], x
    for i, conv in enumerate(block, 1):
        filters = channels if conv.width is None else int(conv.width * width)
        groups = {"one": 1, "own": branch.shape[-1], "block": channels}[conv.groups]
        branch = _conv(
            branch,
            filters,
            conv.kernel,
            stride if i == 1 else 1,
            groups=groups,
            bias=conv.bias,
            name=f"{name}_{i}_conv",
        )
        branch = layers.BatchNormalization(**_BATCH_NORM, name=f"{name}_{i}_bn")(branch)
        branch = layers.ReLU(name=f"{name}_{i}_relu")(branch) if i < len(block) else branch
    if channels != width:
        x = _conv(x, width, 1, stride, name=f"{name}_0_conv")
        x = layers.BatchNormalization(**_BATCH_NORM, name=f"{name}_0_bn")(x)
        x = layers.ReLU(name=f"{name}_0_relu")(x) if shortcut_relu else x
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, branch]))


def _convnext_stages(x: keras.KerasTensor, rates: Sequence[Sequence[float]], drop_by: DropBy) -> keras.KerasTensor:
    """Builds the stages of step 7. `rates` has the rates of stochastic depth by stage and block."""
    for stage, (width, block_rates) in enumerate(zip(_WIDTHS, rates, strict=True), 2):
        if stage > 2:
            x = _conv(_norm(x, f"conv{stage}_down_norm"), width, 2, 2, bias=True, name=f"conv{stage}_down_conv")
        for number, rate in enumerate(block_rates, 1):
            x = _convnext_block(x, rate, drop_by, f"conv{stage}_block{number}")
    return x


def _convnext_block(x: keras.KerasTensor, rate: float, drop_by: DropBy, name: str) -> keras.KerasTensor:
    width = x.shape[-1]
    branch = _norm(_conv(x, width, 7, groups=width, name=f"{name}_dwconv"), f"{name}_norm")
    branch = _conv(branch, _EXPANSION * width, 1, bias=True, name=f"{name}_expand")
    branch = layers.Activation("gelu", name=f"{name}_gelu")(branch)
    branch = _conv(branch, width, 1, bias=True, name=f"{name}_project")
    branch = scale_channels(branch, _LAYER_SCALE, f"{name}_scale")
    return layers.Add(name=f"{name}_add")([x, drop_branch(branch, rate, drop_by, f"{name}_drop")])


def _norm(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Normalises an image over all pixels and channels. Each channel has its own scale and shift."""
    return layers.GroupNormalization(groups=1, epsilon=_EPSILON, name=name)(x)


def _conv(
    x: keras.KerasTensor,
    filters: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    bias: bool = False,
    name: str = "",
) -> keras.KerasTensor:
    """Applies a padded convolution: only the stride changes the image's size."""
    padding = "same" if kernel % 2 else "valid"
    if stride > 1 and kernel > 2:
        # "same" would centre a large kernel on odd pixels, but the shortcut takes the even ones.
        x = layers.ZeroPadding2D(kernel // 2, name=name.replace("_conv", "_pad"))(x)
        padding = "valid"
    return convolve(x, filters, kernel=kernel, stride=stride, groups=groups, padding=padding, bias=bias, name=name)


def _depth_problems(depths: Sequence[int] | None) -> list[str]:
    if depths is None or (len(depths) == len(_WIDTHS) and min(depths) >= 1):
        return []
    return [f"depths: expected {len(_WIDTHS)} numbers of at least 1. Received: {tuple(depths)}."]
