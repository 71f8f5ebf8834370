"""ConvNeXt in four sizes, in torchvision's version."""

from dataclasses import dataclass
from functools import partial

import keras
from keras import layers

from kerasclf.models.heads import classify, pool
from kerasclf.models.preprocessing import Preprocess, channels_allowed, preprocess_pixels
from kerasclf.models.residual import drop_branch, rates_by_block, scale_channels
from kerasclf.models.sizes import check_sizes, share_problems

_EPSILON = 1e-6  # the paper's; Keras' own is 1e-3
_LAYER_SCALE = 1e-6
# The stem divides the sides by 4, and each of three later convolutions by 2.
_MIN_SIDE = 32


@dataclass(frozen=True)
class _Size:
    """Settings of one ConvNeXt.

    Args:
        depths: Blocks of each stage.
        widths: Channels of each stage.
        stochastic_depth: torchvision's probability of skipping the last block during training.
    """

    depths: tuple[int, ...]
    widths: tuple[int, ...]
    stochastic_depth: float


_SIZES = {
    "convnext_tiny": _Size((3, 3, 9, 3), (96, 192, 384, 768), 0.1),
    "convnext_small": _Size((3, 3, 27, 3), (96, 192, 384, 768), 0.4),
    "convnext_base": _Size((3, 3, 27, 3), (128, 256, 512, 1024), 0.5),
    "convnext_large": _Size((3, 3, 27, 3), (192, 384, 768, 1536), 0.5),
}


def convnext(
    architecture: str,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    preprocess: Preprocess = "imagenet",
    stochastic_depth: float | None = None,
    name: str | None = None,
) -> keras.Model:
    """Builds a ConvNeXt: patches of 4×4, then four stages of depthwise 7×7 blocks.

    Stem 4×4 stride 4 · layer norm; four stages, with layer norm · 2×2 stride 2 between them; pooling · layer norm ·
    dense `num_classes`. A block adds to its input depthwise 7×7 · layer norm · 1×1 to four times the width · GELU ·
    1×1 · layer scale · stochastic depth. 28,589,128 (convnext_tiny), 50,223,688 (small), 88,591,464 (base) and
    197,767,336 (large) parameters at the defaults. "A ConvNet for the 2020s", Liu et al. 2022, arXiv:2201.03545.

    Args:
        architecture: `"convnext_tiny"`, `"convnext_small"`, `"convnext_base"` or `"convnext_large"`.
        input_shape: Height, width (at least 32 each) and channels: 3, or 1 for grey images, which are repeated as RGB;
            any number without `preprocess`.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits.
        include_top: Whether to include pooling, layer norm and classifier; False returns the last feature map.
        preprocess: `"imagenet"` normalises pixels 0–255, grey or RGB, inside the model; None changes nothing.
        stochastic_depth: Probability of skipping the last block for an image during training. It rises linearly from 0
            for the first block. None for torchvision's: 0.1 (tiny), 0.4 (small) and 0.5.
        name: Name of the model; None for the architecture's.

    Returns:
        An uncompiled functional model: (batch, height, width, channels) → (batch, num_classes), or
        (batch, ⌊height/32⌋, ⌊width/32⌋, channels) without top.

    Raises:
        KerasclfError: If an argument cannot be used; all faults are listed.
    """
    size = _SIZES[architecture]
    largest = size.stochastic_depth if stochastic_depth is None else stochastic_depth
    problems, choices = share_problems(stochastic_depth=largest), channels_allowed(input_shape, preprocess)
    check_sizes(architecture, input_shape, num_classes, _MIN_SIDE, choices, problems)
    image = keras.Input(input_shape, name="image")
    x = _conv(preprocess_pixels(image, preprocess), size.widths[0], 4, "conv1_conv")
    x = _norm(x, "conv1_norm")
    stages = zip(size.widths, rates_by_block(size.depths, largest), strict=True)
    for stage, (width, rates) in enumerate(stages, 2):
        if stage > 2:
            x = _conv(_norm(x, f"conv{stage}_down_norm"), width, 2, f"conv{stage}_down_conv")
        for block, rate in enumerate(rates, 1):
            x = _block(x, rate, f"conv{stage}_block{block}")
    if include_top:
        x = classify(_norm(pool(x), "norm"), num_classes, classifier_activation)
    return keras.Model(image, x, name=name or architecture)


convnext_tiny = partial(convnext, "convnext_tiny")
convnext_small = partial(convnext, "convnext_small")
convnext_base = partial(convnext, "convnext_base")
convnext_large = partial(convnext, "convnext_large")


def _block(x: keras.KerasTensor, rate: float, name: str) -> keras.KerasTensor:
    width = x.shape[-1]
    branch = layers.DepthwiseConv2D(7, padding="same", depthwise_initializer=_initializer(), name=f"{name}_dwconv")(x)
    branch = _norm(branch, f"{name}_norm")
    branch = _conv(branch, 4 * width, 1, f"{name}_expand")  # a dense layer on each pixel, faster than `Dense`
    branch = layers.Activation("gelu", name=f"{name}_gelu")(branch)
    branch = _conv(branch, width, 1, f"{name}_project")
    branch = scale_channels(branch, _LAYER_SCALE, f"{name}_scale")
    return layers.Add(name=f"{name}_add")([x, drop_branch(branch, rate, "image", f"{name}_drop")])


def _conv(x: keras.KerasTensor, filters: int, patch: int, name: str) -> keras.KerasTensor:
    """Turns each patch into one pixel. Incomplete patches at the right and the bottom are dropped."""
    return layers.Conv2D(filters, patch, strides=patch, kernel_initializer=_initializer(), name=name)(x)


def _norm(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Normalises the channels of each pixel."""
    return layers.LayerNormalization(epsilon=_EPSILON, name=name)(x)


def _initializer() -> keras.Initializer:
    # One per layer: a shared initializer gives all layers the same numbers.
    return keras.initializers.TruncatedNormal(stddev=0.02)
