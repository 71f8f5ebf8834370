"""Dense networks: the perceptron, and multi-layer perceptrons with given or narrowing widths."""

from collections.abc import Sequence

import keras
from keras import layers, ops

from kerasclf.errors import raise_all
from kerasclf.models.dense import Narrowing, dense_problems, dense_stack
from kerasclf.models.heads import classify


def mlp(
    input_shape: tuple[int, ...] = (32, 32, 3),
    num_classes: int = 10,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    hidden: Sequence[int] | Narrowing = (100,),
    activation: str = "relu",
    dropout: float = 0.0,
    name: str = "mlp",
) -> keras.Model:
    """Builds a multi-layer perceptron: hidden dense layers with given widths, or widths that narrow by a rule.

    Flatten · (dense · activation) for each width · dense `num_classes`. 308,310 parameters at the defaults. It does
    not normalise its input. Rumelhart, Hinton & Williams 1986; the narrowing rules are from a study of dense networks
    on CIFAR-10.

    Args:
        input_shape: Height, width and channels of images, or the number of features of a row.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits.
        include_top: Whether to include the classifier; False returns the last hidden layer.
        hidden: Widths of the hidden layers, or a rule: `"halving"` divides the number of inputs by 2 while more than
            `num_classes` remain, `"quartering"` by 4, `"alternating"` by 4 and 2 in turn.
        activation: Activation of the hidden layers.
        dropout: Dropout rate after each hidden layer.
        name: Name of the model.

    Returns:
        An uncompiled functional model: (batch, *input_shape) → (batch, num_classes).

    Raises:
        KerasclfError: If an argument cannot be used; all faults are listed.
    """
    problems = _size_problems(input_shape, num_classes) + dense_problems(hidden, activation, dropout)
    raise_all(f"{name} cannot be built", problems)
    inputs = keras.Input(input_shape, name="image")
    x = layers.Flatten(name="flatten")(inputs)
    x = dense_stack(x, hidden, num_classes, activation, dropout)
    if include_top:
        x = classify(x, num_classes, classifier_activation)
    return keras.Model(inputs, x, name=name)


def perceptron(
    input_shape: tuple[int, ...] = (2,),
    num_classes: int = 2,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    name: str = "perceptron",
) -> keras.Model:
    """Builds a perceptron: one sigmoid unit with initial weights of 0.

    Flatten · dense 1. With its value z, the class probabilities are 1 − sigmoid(z) and sigmoid(z). They are computed as
    the softmax of (0, z), which allows the losses of every other classifier. 3 parameters at the defaults.
    Rosenblatt 1958, with a sigmoid instead of his step function.

    Args:
        input_shape: The number of features, or height, width and channels.
        num_classes: Must be 2.
        classifier_activation: Activation of the output; None gives (0, z).
        include_top: Whether to include the unit; False returns the flattened input.
        name: Name of the model.

    Returns:
        An uncompiled functional model: (batch, *input_shape) → (batch, 2).

    Raises:
        KerasclfError: If a size cannot be used, or `num_classes` is not 2.
    """
    problems = _size_problems(input_shape, num_classes)
    if num_classes != 2:
        problems.append(
            f"num_classes: expected 2, as one unit separates only two classes. Received: {num_classes}. Try mlp."
        )
    raise_all(f"{name} cannot be built", problems)
    inputs = keras.Input(input_shape, name="image")
    x = layers.Flatten(name="flatten")(inputs)
    if include_top:
        x = layers.Dense(1, kernel_initializer="zeros", name="unit")(x)
        x = ops.pad(x, [(0, 0), (1, 0)])
        x = layers.Activation(classifier_activation or "linear", dtype="float32", name="predictions")(x)
    return keras.Model(inputs, x, name=name)


def _size_problems(input_shape: tuple[int, ...], num_classes: int) -> list[str]:
    problems = []
    if not input_shape or min(input_shape) < 1:
        problems.append(f"input_shape: expected sizes of at least 1. Received: {tuple(input_shape)}.")
    if num_classes < 2:
        problems.append(f"num_classes: expected at least 2. Received: {num_classes}.")
    return problems
