"""VGG with 11 to 19 layers, with and without batch normalisation, in torchvision's version."""

from functools import partial

import keras
from keras import initializers, layers

from kerasclf.models.heads import classify, drop, pool
from kerasclf.models.preprocessing import Preprocess, channels_allowed, preprocess_pixels
from kerasclf.models.sizes import check_sizes, share_problems

_WIDTHS = (64, 128, 256, 512, 512)
# Number of convolutions in each stage.
_DEPTHS = {"vgg11": (1, 1, 2, 2, 2), "vgg13": (2, 2, 2, 2, 2), "vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}


def vgg(
    architecture: str,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    batch_norm: bool = False,
    dropout: float = 0.5,
    preprocess: Preprocess = "imagenet",
    name: str | None = None,
) -> keras.Model:
    """Builds a VGG network: stages of 3×3 convolutions with ReLU and a final pooling, and two wide dense layers.

    Five stages, 64 to 512 wide · mean over a 7×7 grid, for any input size · dense 4096 · dense 4096 · dense
    `num_classes`. 132,863,336 (vgg11), 133,047,848, 138,357,544 and 143,667,240 (vgg19) parameters at the defaults.
    Simonyan & Zisserman 2014, arXiv:1409.1556.

    Args:
        architecture: `"vgg11"`, `"vgg13"`, `"vgg16"` or `"vgg19"`.
        input_shape: Height, width (at least 32 each) and channels.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits.
        include_top: Whether to include the classifier; False returns the last feature map.
        batch_norm: Whether batch normalisation follows each convolution.
        dropout: Dropout rate after each hidden dense layer.
        preprocess: `"imagenet"` normalises pixels 0–255, grey or RGB, inside the model; None changes nothing.
        name: Name of the model; None for the architecture's.

    Returns:
        An uncompiled functional model: (batch, height, width, channels) → (batch, num_classes).

    Raises:
        KerasclfError: If an argument cannot be used; all faults are listed.
    """
    problems, choices = share_problems(dropout=dropout), channels_allowed(input_shape, preprocess)
    check_sizes(architecture, input_shape, num_classes, least=32, choices=choices, problems=problems)
    inputs = keras.Input(input_shape, name="image")
    x = preprocess_pixels(inputs, preprocess)
    for stage, (width, convolutions) in enumerate(zip(_WIDTHS, _DEPTHS[architecture], strict=True), 1):
        for number in range(1, convolutions + 1):
            x = _conv(x, width, batch_norm, f"conv{stage}_{number}")
        x = layers.MaxPooling2D(2, name=f"conv{stage}_pool")(x)
    if include_top:
        x = wide_top(x, 7, num_classes, classifier_activation, dropout)
    return keras.Model(inputs, x, name=name or architecture)


vgg11 = partial(vgg, "vgg11")
vgg13 = partial(vgg, "vgg13")
vgg16 = partial(vgg, "vgg16")
vgg19 = partial(vgg, "vgg19")
vgg11_bn = partial(vgg, "vgg11", batch_norm=True, name="vgg11_bn")
vgg13_bn = partial(vgg, "vgg13", batch_norm=True, name="vgg13_bn")
vgg16_bn = partial(vgg, "vgg16", batch_norm=True, name="vgg16_bn")
vgg19_bn = partial(vgg, "vgg19", batch_norm=True, name="vgg19_bn")


def wide_top(
    x: keras.KerasTensor,
    side: int,
    num_classes: int,
    classifier_activation: str | None,
    dropout: float,
    drop_first: bool = False,
) -> keras.KerasTensor:
    """Adds the top of VGG and AlexNet: mean over a grid, two dense layers of 4,096 with dropout, the classifier.

    Args:
        x: The last feature map.
        side: Height and width of the grid.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits.
        dropout: Dropout rate.
        drop_first: Whether dropout precedes each dense layer, as in AlexNet, or follows it.
    """
    if x.shape[1:3] != (side, side):
        x = layers.AdaptiveAveragePooling2D(side, name="places")(x)
    x = pool(x, "flatten")
    for i in (1, 2):
        x = drop(x, dropout, f"dense{i}") if drop_first else x
        x = layers.Dense(4096, activation="relu", kernel_initializer=_dense_initializer(), name=f"dense{i}_dense")(x)
        x = x if drop_first else drop(x, dropout, f"dense{i}")
    return classify(x, num_classes, classifier_activation)


def _dense_initializer() -> keras.Initializer:
    return initializers.RandomNormal(stddev=0.01)


def _conv(x: keras.KerasTensor, width: int, batch_norm: bool, name: str) -> keras.KerasTensor:
    initializer = initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")
    x = layers.Conv2D(width, 3, padding="same", kernel_initializer=initializer, name=f"{name}_conv")(x)
    if batch_norm:
        # PyTorch's momentum of 0.1 for the new batch is Keras' momentum of 0.9 for the old mean.
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
