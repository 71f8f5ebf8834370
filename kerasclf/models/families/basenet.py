"""BaseNet and its deeper variant: small convolutional networks of a CIFAR-100 study."""

from typing import Literal

import keras
from keras import layers

from kerasclf.models.heads import classify, drop
from kerasclf.models.sizes import check_sizes, share_problems

BatchNorm = Literal["before", "after"] | None


def basenet(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 25,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    dropout: float = 0.0,
    name: str = "basenet",
) -> keras.Model:
    """Builds BaseNet: two valid 5×5 convolutions with pooling, one hidden dense layer.

    Conv 6@5 · pool · conv 16@5 · pool · dense 50 · dense `num_classes`, with ReLU after each but the last. 24,197
    parameters at the defaults. It does not normalise its input. LeNet-5 with other widths (LeCun et al. 1998).

    Args:
        input_shape: Height, width (at least 16 each) and channels.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits.
        include_top: Whether to include the dense layers; False returns the last feature map.
        dropout: Dropout rate before the hidden dense layer.
        name: Name of the model.

    Returns:
        An uncompiled functional model: (batch, height, width, channels) → (batch, num_classes).

    Raises:
        KerasclfError: If the input is too small, there are fewer than two classes, or `dropout` is not below 1.

    Example:
        >>> from kerasclf.models import basenet
        >>> model = basenet(input_shape=(32, 32, 3), num_classes=10)
        >>> model.output_shape, model.count_params()
        ((None, 10), 23432)
    """
    check_sizes(name, input_shape, num_classes, least=16, problems=share_problems(dropout=dropout))
    inputs = keras.Input(input_shape, name="image")
    x = _conv_block(inputs, 6, 5, "valid", None, "conv1")
    x = layers.MaxPooling2D(2, name="pool1")(x)
    x = _conv_block(x, 16, 5, "valid", None, "conv2")
    x = layers.MaxPooling2D(2, name="pool2")(x)
    if include_top:
        x = layers.Flatten(name="flatten")(x)
        x = _dense_block(drop(x, dropout, "dense1"), 50, None, "dense1")
        x = classify(x, num_classes, classifier_activation)
    return keras.Model(inputs, x, name=name)


def basenet_deeper(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 25,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    batch_norm: BatchNorm = None,
    dropout: float = 0.0,
    name: str = "basenet_deeper",
) -> keras.Model:
    """Builds the deeper BaseNet: five convolutions, two hidden dense layers, optional batch normalisation.

    Conv 6@5 · conv 16@3 same · pool · conv 16@3 same · conv 24@3 same · conv 32@5 · pool · dense 100 · dense 50 ·
    dense `num_classes`, with ReLU after each but the last. 112,793 parameters at the defaults, which are without batch
    normalisation. Batch normalisation belongs to every convolution and both hidden dense layers. After LeNet-5 (LeCun
    et al. 1998); batch normalisation: Ioffe & Szegedy 2015, arXiv:1502.03167.

    Args:
        input_shape: Height, width (at least 16 each) and channels.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits.
        include_top: Whether to include the dense layers; False returns the last feature map.
        batch_norm: `"before"` or `"after"` each ReLU; None for no batch normalisation.
        dropout: Dropout rate before each hidden dense layer.
        name: Name of the model.

    Returns:
        An uncompiled functional model: (batch, height, width, channels) → (batch, num_classes).

    Raises:
        KerasclfError: If the input is too small, there are fewer than two classes, `batch_norm` is unknown, or
            `dropout` is not below 1.
    """
    choices = {"batch_norm": (batch_norm, (None, "before", "after"))}
    check_sizes(name, input_shape, num_classes, least=16, choices=choices, problems=share_problems(dropout=dropout))
    inputs = keras.Input(input_shape, name="image")
    x = _conv_block(inputs, 6, 5, "valid", batch_norm, "conv1")
    x = _conv_block(x, 16, 3, "same", batch_norm, "conv2")
    x = layers.MaxPooling2D(2, name="pool1")(x)
    x = _conv_block(x, 16, 3, "same", batch_norm, "conv3")
    x = _conv_block(x, 24, 3, "same", batch_norm, "conv4")
    x = _conv_block(x, 32, 5, "valid", batch_norm, "conv5")
    x = layers.MaxPooling2D(2, name="pool2")(x)
    if include_top:
        x = layers.Flatten(name="flatten")(x)
        x = _dense_block(drop(x, dropout, "dense1"), 100, batch_norm, "dense1")
        x = _dense_block(drop(x, dropout, "dense2"), 50, batch_norm, "dense2")
        x = classify(x, num_classes, classifier_activation)
    return keras.Model(inputs, x, name=name)


def _conv_block(
    x: keras.KerasTensor, filters: int, kernel_size: int, padding: str, batch_norm: BatchNorm, name: str
) -> keras.KerasTensor:
    x = layers.Conv2D(filters, kernel_size, padding=padding, name=f"{name}_conv")(x)
    return _relu(x, batch_norm, name)


def _dense_block(x: keras.KerasTensor, units: int, batch_norm: BatchNorm, name: str) -> keras.KerasTensor:
    x = layers.Dense(units, name=f"{name}_dense")(x)
    return _relu(x, batch_norm, name)


def _relu(x: keras.KerasTensor, batch_norm: BatchNorm, name: str) -> keras.KerasTensor:
    if batch_norm == "before":
        x = layers.BatchNormalization(name=f"{name}_bn")(x)
    x = layers.ReLU(name=f"{name}_relu")(x)
    if batch_norm == "after":
        x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return x
