"""`build`: builds a network by its name, with its own top or a new head, and random or pretrained weights."""

import inspect
from collections.abc import Mapping
from typing import Any

import keras

from kerasclf.errors import KerasclfError
from kerasclf.models.catalogue import Builder, check_arguments
from kerasclf.models.heads import HEAD_LAYERS, attach_head, without_top
from kerasclf.models.weights.pretrained import load_pretrained
from kerasclf.networks.network_checks import HEAD_ARGUMENTS


def build(
    name: str,
    input_shape: tuple[int, ...],
    num_classes: int,
    arguments: Mapping[str, Any] | None = None,
    weights: str = "none",
    source: str | None = None,
) -> keras.Model:
    """Builds a network of the catalogue, or a user's own network, with its own top or a new head.

    Args:
        name: A key of `CATALOGUE`, `"module:function"` for a user's own network, or a `.keras` file.
        input_shape: Height, width and channels.
        num_classes: Width of the output.
        arguments: Further arguments of the builder, and `head`, `head_activation`, `head_dropout`, `head_batch_norm`
            and `pooling` of `attach_head`. Any of the latter gives the network a new head.
        weights: As for `load_pretrained`. With its own top, the network needs as many classes as the weights have.
            A new head starts from random weights.
        source: SHA-256 that the source of a user's own network must have; None accepts any.

    Returns:
        The uncompiled model, in the precision of Keras' current policy.

    Raises:
        KerasclfError: If the network, an argument or a size cannot be used, or if the weights are not available.

    Example:
        >>> from kerasclf.models import build
        >>> model = build("resnet18", (32, 32, 3), 10, {"stem": "3x3", "head": (128,)})
        >>> model.output_shape, [layer.name for layer in model.layers[-4:]]
        ((None, 10), ['head1_dense', 'head1_activation', 'logits', 'predictions'])
    """
    arguments = dict(arguments or {})
    builder = check_arguments(name, arguments, source)
    head = {argument: arguments.pop(argument) for argument in HEAD_ARGUMENTS if argument in arguments}
    if head:
        network = _with_head(builder, input_shape, num_classes, arguments, head)
    else:
        network = builder(input_shape=input_shape, num_classes=num_classes, **arguments)
    load_pretrained(network, name, weights, top=not head)
    return network


def _with_head(
    builder: Builder, input_shape: tuple[int, ...], num_classes: int, arguments: dict[str, Any], head: dict[str, Any]
) -> keras.Model:
    activation = arguments.pop("classifier_activation", "softmax")
    if "include_top" in inspect.signature(builder).parameters:
        below = builder(input_shape=input_shape, num_classes=num_classes, **arguments, include_top=False)
        features = below.output
    else:
        below = builder(input_shape=input_shape, num_classes=num_classes, **arguments)
        features = without_top(below)
    below = keras.Model(below.input, features, name=below.name)
    if taken := sorted({layer.name for layer in below.layers} & HEAD_LAYERS):
        raise KerasclfError(
            f"head: expected a network without layers of these names below its new head: {', '.join(HEAD_LAYERS)}. "
            f"Received: {', '.join(taken)}. Rename them."
        )
    return keras.Model(below.input, attach_head(features, num_classes, activation, **head), name=below.name)
