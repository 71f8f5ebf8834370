"""Heads of networks: pooling, hidden dense layers, the classifier."""

from collections.abc import Sequence
from typing import Literal

import keras
from keras import layers

from kerasclf.errors import KerasclfError, raise_all
from kerasclf.models.sizes import activation_problems
from kerasclf.networks.network_checks import head_problems, head_widths

# Name of the layer that outputs a network's features: layers up to it may be pretrained, those above it are new.
FEATURES = "pool"
# Names that every head uses.
HEAD_LAYERS = frozenset({FEATURES, "logits", "predictions"})

Pooling = Literal["avg", "max", "flatten"]
_POOLINGS = {"avg": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D, "flatten": layers.Flatten}

# The layers of which the top of a network may consist.
_TOP = (
    layers.Dense, layers.Activation, layers.Softmax, layers.ReLU, layers.LeakyReLU, layers.Dropout,
    layers.BatchNormalization, *_POOLINGS.values(),
)  # fmt: skip


def attach_head(
    x: keras.KerasTensor,
    num_classes: int,
    classifier_activation: str | None = "softmax",
    head: Sequence[int] | str = (),
    head_activation: str = "relu",
    head_dropout: float = 0.0,
    head_batch_norm: bool = False,
    pooling: Pooling = "avg",
) -> keras.KerasTensor:
    """Adds a new head to features: pooling · hidden dense layers · dense `num_classes`.

    Args:
        x: Features of shape (batch, height, width, channels), or (batch, channels) without pooling.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits.
        head: Widths of hidden dense layers, such as `(512, 128)` or `"512-128"`.
        head_activation: Activation of the hidden layers.
        head_dropout: Dropout rate before each dense layer.
        head_batch_norm: Whether to apply batch normalisation before the activation of each hidden layer.
        pooling: `"avg"` or `"max"` over all positions, or `"flatten"`.

    Returns:
        float32 tensor of shape (batch, num_classes).

    Raises:
        KerasclfError: If an argument cannot be used; all faults are listed.
    """
    widths = check_head(head, head_activation, head_dropout, pooling)
    x = pool(x, pooling)
    for i, units in enumerate(widths, 1):
        # Batch normalisation replaces the bias by its own shift.
        x = layers.Dense(units, use_bias=not head_batch_norm, name=f"head{i}_dense")(drop(x, head_dropout, f"head{i}"))
        x = layers.BatchNormalization(name=f"head{i}_bn")(x) if head_batch_norm else x
        x = layers.Activation(head_activation, name=f"head{i}_activation")(x)
    return classify(drop(x, head_dropout, "logits"), num_classes, classifier_activation)


def check_head(
    head: Sequence[int] | str = (), head_activation: str = "relu", head_dropout: float = 0.0, pooling: str = "avg"
) -> tuple[int, ...]:
    """Checks the arguments of a head and returns its widths.

    Raises:
        KerasclfError: If an argument cannot be used; all faults are listed.
    """
    problems = head_problems(head, head_dropout, pooling) + activation_problems(head_activation=head_activation)
    raise_all("This head cannot be built", problems)
    return tuple(map(int, head_widths(head)))


def without_top(network: keras.Model) -> keras.KerasTensor:
    """Returns the features of a flat network below its top.

    They are the input of its layer `FEATURES`, or its last feature map. In a network of dense layers they are the
    input of its last dense layer.

    Raises:
        KerasclfError: If it does not end in dense layers.
    """
    producers = {id(tensor): step for step in network.operations for tensor in keras.tree.flatten(step.output)}
    x, classifier = network.outputs[0], None
    while len(x.shape) == 2:
        step = producers[id(x)]
        if step.name == FEATURES:
            return step.input
        if not isinstance(step, _TOP) or isinstance(step.input, list):
            break
        x = step.input
        if classifier is None and isinstance(step, layers.Dense):
            classifier = x
    if classifier is None:
        raise KerasclfError(
            f"head: expected a network that ends in dense layers, which a new head replaces. Received: {network.name}. "
            "Give its function an argument include_top, and return its features for include_top=False."
        )
    return x if keras.Model(network.input, x).weights else classifier


def pool(x: keras.KerasTensor, pooling: Pooling = "avg") -> keras.KerasTensor:
    """Pools the features of an image into one vector, in the layer `FEATURES`."""
    # float32 even under mixed precision: the mean of many bfloat16 numbers loses digits.
    if len(x.shape) == 2:
        return layers.Activation("linear", dtype="float32", name=FEATURES)(x)
    return _POOLINGS[pooling](dtype="float32", name=FEATURES)(x)


def classify(x: keras.KerasTensor, num_classes: int, activation: str | None) -> keras.KerasTensor:
    """Adds the classifier: dense `num_classes`, then the activation; None gives logits."""
    x = layers.Dense(num_classes, name="logits")(x)
    # float32 even under mixed precision: probabilities and their logarithms need the digits.
    return layers.Activation(activation or "linear", dtype="float32", name="predictions")(x)


def drop(x: keras.KerasTensor, share: float, name: str) -> keras.KerasTensor:
    """Adds dropout with the rate `share`; adds no layer for a rate of 0."""
    return layers.Dropout(share, name=f"{name}_dropout")(x) if share else x
