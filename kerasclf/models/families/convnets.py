"""Small convolutional networks from courses: two convolutions with pooling, then dense layers."""

from collections.abc import Sequence

import keras
from keras import layers

from kerasclf.models.dense import Narrowing, dense_problems, dense_stack
from kerasclf.models.heads import classify, drop
from kerasclf.models.sizes import check_sizes, share_problems


def default_conv(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    activation: str = "relu",
    dropout: float = 0.0,
    name: str = "default_conv",
) -> keras.Model:
    """Builds the convolutional network of many tutorials, after LeNet-5.

    Conv 6@5 · pool · conv 16@5 · pool · dense 120 · dense 84 · dense `num_classes`. 62,006 parameters at the defaults.
    It does not normalise its input. LeCun et al. 1998, with max pooling and ReLU.

    Args:
        input_shape: Height, width (at least 16 each) and channels.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits.
        include_top: Whether to include the dense layers; False returns the last feature map.
        activation: Activation of the convolutions and hidden dense layers.
        dropout: Dropout rate after each hidden dense layer.
        name: Name of the model.

    Returns:
        An uncompiled functional model: (batch, height, width, channels) → (batch, num_classes).

    Raises:
        KerasclfError: If the input is too small, there are fewer than two classes, or `dropout` is not below 1.
    """
    check_sizes(name, input_shape, num_classes, least=16, problems=dense_problems((), activation, dropout))
    inputs = keras.Input(input_shape, name="image")
    x = _conv_block(inputs, 6, 5, "valid", activation, "conv1")
    x = _conv_block(x, 16, 5, "valid", activation, "conv2")
    if include_top:
        x = _dense_top(x, (120, 84), num_classes, classifier_activation, activation, dropout)
    return keras.Model(inputs, x, name=name)


def simple_cnn(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    hidden: Sequence[int] | Narrowing = (512,),
    activation: str = "relu",
    dropout: float = 0.0,
    name: str = "simple_cnn",
) -> keras.Model:
    """Builds two padded convolutions with pooling, and one or more hidden dense layers.

    Conv 32@3 same · pool · conv 64@3 same · pool · hidden dense layers · dense `num_classes`. 2,122,186 parameters at
    the defaults. It does not normalise its input. The network is from a study of convnets on CIFAR-10. The study does
    not state the width of its hidden layer; 512 is the usual choice. After LeNet-5 (LeCun et al. 1998).

    Args:
        input_shape: Height, width (at least 4 each) and channels.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits.
        include_top: Whether to include the dense layers; False returns the last feature map.
        hidden: Widths of the hidden dense layers, or the rule by which they narrow from the last feature map's size:
            `"halving"`, `"quartering"` or `"alternating"`, as in `mlp`.
        activation: Activation of the convolutions and hidden dense layers.
        dropout: Dropout rate after each hidden dense layer.
        name: Name of the model.

    Returns:
        An uncompiled functional model: (batch, height, width, channels) → (batch, num_classes).

    Raises:
        KerasclfError: If the input is too small, there are fewer than two classes, or a width or the dropout cannot be
            used.
    """
    check_sizes(name, input_shape, num_classes, least=4, problems=dense_problems(hidden, activation, dropout))
    inputs = keras.Input(input_shape, name="image")
    x = _conv_block(inputs, 32, 3, "same", activation, "conv1")
    x = _conv_block(x, 64, 3, "same", activation, "conv2")
    if include_top:
        x = _dense_top(x, hidden, num_classes, classifier_activation, activation, dropout)
    return keras.Model(inputs, x, name=name)


def course_cnn(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    dropout: float = 0.2,
    name: str = "course_cnn",
) -> keras.Model:
    """Builds the convolutional network of a deep-learning course: two padded 5×5 convolutions with dropout.

    (Conv 16@5 same · ReLU · pool · dropout) · (conv 32@5 same · ReLU · pool · dropout) · dense `num_classes`. 28,938
    parameters at the defaults. It does not normalise its input. After LeNet-5 (LeCun et al. 1998); dropout: Srivastava
    et al. 2014.

    Args:
        input_shape: Height, width (at least 4 each) and channels.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits.
        include_top: Whether to include the classifier; False returns the last feature map.
        dropout: Dropout rate after each pooling.
        name: Name of the model.

    Returns:
        An uncompiled functional model: (batch, height, width, channels) → (batch, num_classes).

    Raises:
        KerasclfError: If the input is too small, there are fewer than two classes, or `dropout` is not below 1.
    """
    check_sizes(name, input_shape, num_classes, least=4, problems=share_problems(dropout=dropout))
    inputs = keras.Input(input_shape, name="image")
    x = drop(_conv_block(inputs, 16, 5, "same", "relu", "conv1"), dropout, "conv1")
    x = drop(_conv_block(x, 32, 5, "same", "relu", "conv2"), dropout, "conv2")
    if include_top:
        x = _dense_top(x, (), num_classes, classifier_activation, "relu", 0.0)
    return keras.Model(inputs, x, name=name)


def _conv_block(
    x: keras.KerasTensor, filters: int, kernel_size: int, padding: str, activation: str, name: str
) -> keras.KerasTensor:
    x = layers.Conv2D(filters, kernel_size, padding=padding, name=f"{name}_conv")(x)
    x = layers.Activation(activation, name=f"{name}_activation")(x)
    return layers.MaxPooling2D(2, name=f"{name}_pool")(x)


def _dense_top(
    x: keras.KerasTensor,
    hidden: Sequence[int] | Narrowing,
    num_classes: int,
    classifier_activation: str | None,
    activation: str,
    dropout: float,
) -> keras.KerasTensor:
    x = dense_stack(layers.Flatten(name="flatten")(x), hidden, num_classes, activation, dropout)
    return classify(x, num_classes, classifier_activation)
