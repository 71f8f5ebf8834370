"""ConvNeXt in four sizes, as torchvision has them."""

from dataclasses import dataclass

import keras
from keras import layers

from kerasclf.models.heads import classify, pool
from kerasclf.models.preprocess import Preprocess, preprocess_choices, preprocess_pixels
from kerasclf.models.residual import check_rate, drop_branch, rates_by_block, scale_channels
from kerasclf.models.sizes import check_sizes

_EPSILON = 1e-6  # the paper's; Keras' own is 1e-3
_LAYER_SCALE = 1e-6
# The stem takes patches of 4×4, and three times 2×2 pixels become one.
_LEAST = 32


@dataclass(frozen=True)
class Size:
    """What tells one ConvNeXt from another.

    Args:
        depths: Blocks of each stage.
        widths: Channels of each stage.
    """

    depths: tuple[int, ...]
    widths: tuple[int, ...]


SIZES = {
    "tiny": Size((3, 3, 9, 3), (96, 192, 384, 768)),
    "small": Size((3, 3, 27, 3), (96, 192, 384, 768)),
    "base": Size((3, 3, 27, 3), (128, 256, 512, 1024)),
    "large": Size((3, 3, 27, 3), (192, 384, 768, 1536)),
}


def convnext_tiny(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    preprocess: Preprocess = "imagenet",
    stochastic_depth: float = 0.1,
    name: str = "convnext_tiny",
) -> keras.Model:
    """Builds ConvNeXt-T: patches of 4×4, four stages of depthwise 7×7 blocks, 28,589,128 parameters.

    Stem 4×4 stride 4 · layer norm; stages of 3, 3, 9, 3 blocks and 96, 192, 384, 768 channels, with layer norm · 2×2
    stride 2 between them; pooling · layer norm · dense `num_classes`. A block is depthwise 7×7 · layer norm · 1×1
    ×4 · GELU · 1×1 · layer scale · stochastic depth, added to its input.
    "A ConvNet for the 2020s" (Liu et al. 2022, https://arxiv.org/abs/2201.03545).

    Args:
        input_shape: Height, width (at least 32 each) and channels: 3, or 1 for grey images, which are repeated; any
            number without `preprocess`.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits.
        include_top: Whether pooling, layer norm and classifier are there; without, the output is the last stage's.
        preprocess: `"imagenet"` takes pixels 0–255 to ImageNet's normalised values; None takes values as they are.
        stochastic_depth: Probability with which the last block is left out for an image in training; it rises evenly
            from 0 for the first. The default is torchvision's.
        name: Name of the model.

    Returns:
        An uncompiled functional model: (batch, height, width, channels) → (batch, num_classes), or
        (batch, ⌊height/32⌋, ⌊width/32⌋, 768) without top.

    Raises:
        KerasclfError: An argument cannot be used; all sizes are named together.
    """
    return _convnext(
        "tiny", name, input_shape, num_classes, classifier_activation, include_top, preprocess, stochastic_depth
    )


def convnext_small(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    preprocess: Preprocess = "imagenet",
    stochastic_depth: float = 0.4,
    name: str = "convnext_small",
) -> keras.Model:
    """Builds ConvNeXt-S: `convnext_tiny` with 27 blocks in its third stage, 50,223,688 parameters.

    Arguments, output and errors are those of `convnext_tiny`; torchvision leaves out more blocks while it trains.
    """
    return _convnext(
        "small", name, input_shape, num_classes, classifier_activation, include_top, preprocess, stochastic_depth
    )


def convnext_base(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    preprocess: Preprocess = "imagenet",
    stochastic_depth: float = 0.5,
    name: str = "convnext_base",
) -> keras.Model:
    """Builds ConvNeXt-B: `convnext_small` with 128, 256, 512, 1024 channels, 88,591,464 parameters.

    Arguments, output and errors are those of `convnext_tiny`.
    """
    return _convnext(
        "base", name, input_shape, num_classes, classifier_activation, include_top, preprocess, stochastic_depth
    )


def convnext_large(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    preprocess: Preprocess = "imagenet",
    stochastic_depth: float = 0.5,
    name: str = "convnext_large",
) -> keras.Model:
    """Builds ConvNeXt-L: `convnext_small` with 192, 384, 768, 1536 channels, 197,767,336 parameters.

    Arguments, output and errors are those of `convnext_tiny`.
    """
    return _convnext(
        "large", name, input_shape, num_classes, classifier_activation, include_top, preprocess, stochastic_depth
    )


def _convnext(
    size: str,
    name: str,
    input_shape: tuple[int, int, int],
    num_classes: int,
    classifier_activation: str | None,
    include_top: bool,
    preprocess: Preprocess,
    stochastic_depth: float,
) -> keras.Model:
    check_sizes(name, input_shape, num_classes, _LEAST, preprocess_choices(input_shape, preprocess))
    check_rate(name, stochastic_depth)
    depths, widths = SIZES[size].depths, SIZES[size].widths
    image = keras.Input(input_shape, name="image")
    x = _conv(preprocess_pixels(image, preprocess), widths[0], 4, "conv1_conv")
    x = _norm(x, "conv1_norm")
    stages = zip(widths, rates_by_block(depths, stochastic_depth), strict=True)
    for stage, (width, rates) in enumerate(stages, 2):
        if stage > 2:
            x = _conv(_norm(x, f"conv{stage}_down_norm"), width, 2, f"conv{stage}_down_conv")
        for block, rate in enumerate(rates, 1):
            x = _block(x, rate, f"conv{stage}_block{block}")
    if include_top:
        x = classify(_norm(pool(x), "norm"), num_classes, classifier_activation)
    return keras.Model(image, x, name=name)


def _block(x: keras.KerasTensor, rate: float, name: str) -> keras.KerasTensor:
    width = x.shape[-1]
    branch = layers.DepthwiseConv2D(7, padding="same", depthwise_initializer=_start(), name=f"{name}_dwconv")(x)
    branch = _norm(branch, f"{name}_norm")
    branch = _conv(branch, 4 * width, 1, f"{name}_expand")  # a dense layer on each pixel, and quicker than `Dense`
    branch = layers.Activation("gelu", name=f"{name}_gelu")(branch)
    branch = _conv(branch, width, 1, f"{name}_project")
    branch = scale_channels(branch, _LAYER_SCALE, f"{name}_scale")
    return layers.Add(name=f"{name}_add")([x, drop_branch(branch, rate, "image", f"{name}_drop")])


def _conv(x: keras.KerasTensor, filters: int, patch: int, name: str) -> keras.KerasTensor:
    """Makes one pixel of each patch; what does not fill a patch at the right and the bottom is left out."""
    return layers.Conv2D(filters, patch, strides=patch, kernel_initializer=_start(), name=name)(x)


def _norm(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Normalises the channels of each pixel."""
    return layers.LayerNormalization(epsilon=_EPSILON, name=name)(x)


def _start() -> keras.Initializer:
    # One for each layer: an initializer that is shared gives all the same numbers.
    return keras.initializers.TruncatedNormal(stddev=0.02)
